import { endianness } from 'node:os';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalIp } from './ip.ts';
import { decodeInet, encodeInet, encodeUnix, familyOf } from './sockaddr.ts';

const port = fc.integer({ min: 0, max: 65535 });
/** A 16-bit or 32-bit field of the host's byte order, as hex. */
const host = (hex: string): string => (endianness() === 'LE' ? (hex.match(/../g) ?? []).reverse().join('') : hex);

describe('struct sockaddr_in and sockaddr_in6', () => {
  test('have the kernel’s layout', () => {
    expect(encodeInet({ ip: '192.0.2.1', port: 0x1234 }).toString('hex')).toBe(
      `${host('0002')}1234c00002010000000000000000`,
    );
    expect(encodeInet({ ip: '2001:db8::ff:1', port: 80 }).toString('hex')).toBe(
      `${host('000a')}00500000000020010db8000000000000000000ff000100000000`,
    );
    expect(encodeInet({ ip: '::ffff:192.0.2.1', port: 80 }).subarray(8, 24).toString('hex')).toBe(
      '00000000000000000000ffffc0000201',
    );
    expect(encodeInet({ ip: 'fe80::1%7', port: 80 }).subarray(24).toString('hex')).toBe(host('00000007'));
  });

  test('IPv4 endpoints survive the round trip', () => {
    fc.assert(
      fc.property(fc.ipV4(), port, (ip, port) => {
        expect(decodeInet(encodeInet({ ip, port }))).toEqual({ ip, port });
        expect(familyOf(ip)).toBe(2);
      }),
    );
  });

  test('IPv6 endpoints survive the round trip, in the canonical text form', () => {
    fc.assert(
      fc.property(fc.ipV6(), port, (ip, port) => {
        expect(decodeInet(encodeInet({ ip, port }))).toEqual({ ip: canonicalIp(ip), port });
        expect(familyOf(ip)).toBe(10);
      }),
      { numRuns: 1000 },
    );
  });

  test('a scope survives the round trip: without it a link-local address cannot be used', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0x7fffffff }), port, (scope, port) => {
        const endpoint = { ip: `fe80::1%${scope}`, port };
        expect(decodeInet(encodeInet(endpoint))).toEqual(endpoint);
      }),
    );
  });

  test.each([
    '',
    'localhost',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '1::2::3',
    '12345::',
    ':',
    'fe80::1%eth0',
    'fe80::1%',
  ])('%j is no address', (ip) =>
    expect(() => encodeInet({ ip, port: 1 })).toThrow(new TypeError(`not an IP address: ${ip}`)),
  );

  test.each([-1, 65536])('%i is no port', (port) => {
    expect(() => encodeInet({ ip: '127.0.0.1', port })).toThrow(RangeError);
    expect(() => encodeInet({ ip: '::1', port })).toThrow(RangeError);
  });
});

describe('struct sockaddr_un', () => {
  test('ends a path with a NUL and begins an abstract name with one', () => {
    expect(encodeUnix('/a').toString('hex')).toBe(`${host('0001')}2f6100`);
    expect(encodeUnix('@a').toString('hex')).toBe(`${host('0001')}0061`);
    expect(encodeUnix('\0a').toString('hex')).toBe(`${host('0001')}0061`);
  });

  test('takes 107 bytes of path or abstract name and no more, counted in UTF-8', () => {
    for (const first of ['/', '@']) {
      const longest = first.padEnd(107, 'x');
      expect(encodeUnix(first === '@' ? `${longest}x` : longest)).toHaveLength(2 + 108);
    }
    expect(() => encodeUnix('/'.padEnd(108, 'x'))).toThrow(/too long.*107 bytes/);
    expect(() => encodeUnix('@'.padEnd(109, 'x'))).toThrow(/too long/);
    expect(() => encodeUnix(`/${'ü'.repeat(54)}`)).toThrow(/too long/);
  });
});
