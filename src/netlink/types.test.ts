import { describe, expect, test } from 'vitest';
import { hex, written } from '../../test/fixtures/wire/wire.ts';
import { asToken } from '../core/model/ids.ts';
import { CodecError } from './errors.ts';
import * as t from './types.ts';

/** Writes a value whatever TypeScript thinks of it. */
const write = (type: { write(w: never, value: never): void }, value: unknown): string =>
  written((w) => type.write(w as never, value as never));
const refused = (message: string) => expect.objectContaining({ code: 'NL_OUT_OF_RANGE', message });

describe('integers', () => {
  const host = [
    ['u8', t.u8, 0, 0xff, '00', 'ff'],
    ['u16', t.u16, 0, 0xffff, '0000', 'ffff'],
    ['u32', t.u32, 0, 0xffffffff, '00000000', 'ffffffff'],
    ['s32', t.s32, -0x80000000, 0x7fffffff, '00000080', 'ffffff7f'],
    ['be16', t.be16, 0, 0xffff, '0000', 'ffff'],
    ['token', t.token, 0, 0xffffffff, '00000000', 'ffffffff'],
    ['address id', t.addrId, 0, 0xff, '00', 'ff'],
    ['interface index', t.ifIndex, -0x80000000, 0x7fffffff, '00000080', 'ffffff7f'],
  ] as const;
  test.each(host)('%s holds its whole range and nothing beyond', (name, type, low, high, lowHex, highHex) => {
    expect(write(type, low)).toBe(lowHex);
    expect(write(type, high)).toBe(highHex);
    expect(type.read(hex(lowHex), 0, type.size ?? 0)).toBe(low);
    expect(type.read(hex(highHex), 0, type.size ?? 0)).toBe(high);
    for (const bad of [low - 1, high + 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1', 1n, true, null, {}]) {
      expect(() => write(type, bad)).toThrow(CodecError);
    }
    expect(() => write(type, high + 1)).toThrow(refused(`${high + 1} is no ${name}`));
  });

  test('byte order is part of the type', () => {
    expect(write(t.u16, 0x1f90)).toBe('901f');
    expect(write(t.be16, 0x1f90)).toBe('1f90');
    expect(t.u16.read(hex('1f90'), 0, 2)).toBe(0x901f);
    expect(t.be16.read(hex('1f90'), 0, 2)).toBe(0x1f90);
    expect(write(t.token, asToken(0x1e7fcfbf))).toBe('bfcf7f1e');
  });

  test('the name in the kernel’s policy is that of the plain integer', () => {
    expect([t.token, t.addrId, t.ifIndex].map((type) => type.kind)).toEqual(['u32', 'u8', 's32']);
  });

  test('u64 is a bigint', () => {
    expect(write(t.u64, 0x1122334455667788n)).toBe('8877665544332211');
    expect(t.u64.read(hex('8877665544332211'), 0, 8)).toBe(0x1122334455667788n);
    expect(t.u64.read(hex('ffffffffffffffff'), 0, 8)).toBe((1n << 64n) - 1n);
    expect(() => write(t.u64, 1n << 64n)).toThrow(refused('18446744073709551616n is no u64'));
    for (const bad of [-1n, 1, '1', undefined]) expect(() => write(t.u64, bad)).toThrow(CodecError);
  });
});

describe('booleans', () => {
  test('a byte: anything but 0 is true', () => {
    expect([0, 1, 2, 255].map((byte) => t.bool.read(Buffer.from([byte]), 0, 1))).toEqual([false, true, true, true]);
    expect([write(t.bool, false), write(t.bool, true)]).toEqual(['00', '01']);
    expect(() => write(t.bool, 1)).toThrow(refused('1 is no boolean'));
  });
  test('a flag has no bytes, and only true can be written', () => {
    expect(write(t.flag, true)).toBe('');
    expect(t.flag.read(hex(''), 0, 0)).toBe(true);
    expect(() => write(t.flag, false)).toThrow(refused('false is no flag (true, or left out)'));
  });
});

describe('addresses', () => {
  test('in network byte order, canonical text', () => {
    expect(write(t.ipv4, '192.0.2.1')).toBe('c0000201');
    expect(write(t.ipv6, '2001:DB8:0::1')).toBe('20010db8000000000000000000000001');
    expect(t.ipv6.read(hex('20010db8000000000000000000000001'), 0, 16)).toBe('2001:db8::1');
    expect(t.ipv6.read(hex('00000000000000000000ffffc0000201'), 0, 16)).toBe('::ffff:192.0.2.1');
    expect(write(t.ipv6, '::ffff:192.0.2.1')).toBe('00000000000000000000ffffc0000201');
  });
  test('ip: the length tells the family', () => {
    expect([write(t.ip, '10.0.0.1'), write(t.ip, '::1')]).toEqual(['0a000001', '00000000000000000000000000000001']);
    expect(t.ip.read(hex('0a000001'), 0, 4)).toBe('10.0.0.1');
    expect(t.ip.read(hex('00000000000000000000000000000001'), 0, 16)).toBe('::1');
    for (const length of [0, 3, 5, 15, 17]) {
      expect(() => t.ip.read(Buffer.alloc(20), 0, length)).toThrow(
        expect.objectContaining({ code: 'NL_BAD_LENGTH', message: `${length} bytes are no IP address` }),
      );
    }
  });
  test.each([
    [t.ipv4, '10.0.0.256', '"10.0.0.256" is no IPv4 address'],
    [t.ipv4, '::1', '"::1" is no IPv4 address'],
    [t.ipv4, 167772161, '167772161 is no IPv4 address'],
    [t.ipv6, '10.0.0.1', '"10.0.0.1" is no IPv6 address'],
    [t.ipv6, 'fe80::1%eth0', '"fe80::1%eth0" is no IPv6 address'],
    [t.ipv6, null, 'null is no IPv6 address'],
    [t.ip, 'localhost', '"localhost" is no IPv4 address'],
    [t.ip, 4, '4 is no IP address'],
  ])('%o refuses %o', (type, value, words) => {
    expect(() => write(type, value)).toThrow(refused(words));
  });
});

describe('text and bytes', () => {
  test('text ends at its NUL, or where the attribute does', () => {
    expect(write(t.text, 'lö')).toBe('6cc3b600');
    expect(t.text.read(hex('6c6f00ffff'), 0, 5)).toBe('lo');
    expect(t.text.read(hex('6c6f6f00'), 0, 2)).toBe('lo');
    expect(t.text.read(hex('6c6f'), 0, 2)).toBe('lo');
    expect(t.text.read(hex('006c'), 0, 1)).toBe('');
  });
  test('text with a NUL inside, or no text, is refused', () => {
    expect(() => write(t.text, 'a\0b')).toThrow(CodecError);
    expect(() => write(t.text, 5)).toThrow(refused('5 is no text'));
  });
  test('binary is a copy', () => {
    const bytes = hex('00112233');
    const value = t.binary.read(bytes, 1, 2);
    bytes.fill(0xff);
    expect([...value]).toEqual([0x11, 0x22]);
    expect(write(t.binary, Uint8Array.of(1, 2))).toBe('0102');
    expect(() => write(t.binary, '0102')).toThrow(refused('"0102" is no Uint8Array'));
  });
});

describe('words', () => {
  const colour = t.names(t.u8, { 1: 'red', 2: 'green' });
  const errno = t.errno(t.u8);
  const bits = t.flagList(t.u32, { a: 1, b: 2, top: 0x80000000 });

  test('names: both ways, and a number without a word stays a number', () => {
    expect([write(colour, 'red'), write(colour, 'green'), write(colour, 7)]).toEqual(['01', '02', '07']);
    expect([1, 2, 7].map((n) => colour.read(Buffer.from([n]), 0, 1))).toEqual(['red', 'green', 7]);
    expect(() => write(colour, 'blue')).toThrow(refused('"blue" is no word (red, green)'));
    expect(() => write(colour, 256)).toThrow(refused('256 is no u8'));
    expect(() => write(colour, 'toString')).toThrow(CodecError);
  });
  test('errno: both ways, with a number that has no name', () => {
    expect([111, 110, 104, 103].map((n) => errno.read(Buffer.from([n]), 0, 1))).toEqual([
      'ECONNREFUSED',
      'ETIMEDOUT',
      'ECONNRESET',
      'ECONNABORTED',
    ]);
    expect(errno.read(Buffer.from([250]), 0, 1)).toBe('errno 250');
    expect([write(errno, 'ECONNREFUSED'), write(errno, 'errno 250')]).toEqual(['6f', 'fa']);
    expect(() => write(errno, 'EWRONG')).toThrow(refused('"EWRONG" is no errno'));
    expect(() => write(errno, 111)).toThrow(refused('111 is no errno'));
    expect(() => write(errno, 'errno 524')).toThrow(refused('524 is no u8'));
  });
  test('flags: in the table’s order, unknown bits left out, the top bit too', () => {
    expect(write(bits, ['b', 'a', 'a'])).toBe('03000000');
    expect(write(bits, ['top'])).toBe('00000080');
    expect(bits.read(hex('030000f0'), 0, 4)).toEqual(['a', 'b', 'top']);
    expect(bits.read(hex('00000070'), 0, 4)).toEqual([]);
    expect(() => write(bits, ['c'])).toThrow(refused('"c" is no flag (a, b, top)'));
    expect(() => write(bits, ['valueOf'])).toThrow(CodecError);
    for (const bad of ['a', 1, null, { a: true }]) expect(() => write(bits, bad)).toThrow(/is no list of flags/);
  });
});
