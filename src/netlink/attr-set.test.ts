import { describe, expect, test } from 'vitest';
import { hex, written } from '../../test/fixtures/wire/wire.ts';
import { attrSet, bit, either, indexed, nest, sparseAttrSet } from './attr-set.ts';
import { CodecError } from './errors.ts';
import { requireAll } from './operation.ts';
import * as t from './types.ts';

const inner = attrSet('inner', { id: [2, t.u8], port: [5, t.u16], name: [6, t.text] });
const table = attrSet('table', {
  addr: [1, nest(inner)],
  count: [2, t.u32],
  ip: either([3, t.ipv4], [4, t.ipv6]),
  present: [5, t.flag],
  first: bit(6, t.u16, 0x1),
  second: either(bit(6, t.u16, 0x2), [9, t.bool]),
  list: [7, indexed(nest(inner))],
  numbers: [8, indexed(t.u16)],
  other: [10, nest(inner)],
  words: [11, t.text],
});

const encode = (values: Readonly<Record<string, unknown>>): string => written((w) => table.encode(w, values));
const decode = (digits: string) => {
  const b = hex(digits);
  return table.decode(b, 0, b.length);
};
const error = (code: string, path: string, words?: string) =>
  expect.objectContaining({
    name: 'CodecError',
    code,
    path: path.split('.'),
    ...(words ? { message: `${path}: ${words}` } : {}),
  });
const compact = (digits: string): string => digits.replaceAll(' ', '');

describe('both ways', () => {
  test.each([
    ['one number', { count: 5 }, '0800 0200 05000000'],
    ['a nest, its flag set, its padding inside', { addr: { id: 7 } }, '0c00 0180 0500 0200 07 000000'],
    ['an empty nest', { addr: {} }, '0400 0180'],
    ['either, the first', { ip: '10.0.0.1' }, '0800 0300 0a000001'],
    ['either, the second', { ip: '::1' }, '1400 0400 00000000000000000000000000000001'],
    ['a flag', { present: true }, '0400 0500'],
    ['one bit', { first: true }, '0600 0600 0100 0000'],
    ['two bits of one attribute', { first: true, second: true }, '0600 0600 0300 0000'],
    ['a list', { list: new Map([[1, { id: 3 }]]) }, '1000 0780 0c00 0100 0500 0200 03 000000'],
    ['numbers in a list', { numbers: new Map([[9, 258]]) }, '0c00 0880 0600 0900 0201 0000'],
    ['nothing', {}, ''],
  ])('%s', (_, values, digits) => {
    expect(encode(values)).toBe(compact(digits));
    expect(decode(digits)).toEqual(values);
  });

  test('bits that are false are not written, and not read', () => {
    expect(encode({ first: false, second: false })).toBe('');
    expect(decode('0600 0600 0000 0000')).toEqual({});
  });
  test('the second way of a value is read too', () => {
    expect(decode('0500 0900 01 000000')).toEqual({ second: true });
    expect(decode('0500 0900 00 000000')).toEqual({ second: false });
  });
  test('what is undefined is left out', () => {
    expect(encode({ count: undefined, present: true })).toBe('04000500');
  });
});

describe('reading', () => {
  test('type bits above the number do not matter', () => {
    expect(decode('0800 02c0 05000000')).toEqual({ count: 5 });
    expect(decode('0c00 0100 0500 0200 07 000000')).toEqual({ addr: { id: 7 } });
  });
  test('a repeated attribute’s last value counts', () => {
    expect(decode('0800 0200 01000000 0800 0200 02000000')).toEqual({ count: 2 });
  });
  test('unknown attributes are kept, in a nest under the nest', () => {
    const values = decode('0500 6400 aa 000000 0800 0200 05000000 0400 6500 0c00 0180 0500 6600 bb 000000');
    expect(values).toMatchObject({ count: 5, unknown: [{ id: 100 }, { id: 101 }], addr: { unknown: [{ id: 102 }] } });
    const { unknown } = values as { unknown?: readonly { bytes: Uint8Array }[] };
    expect(unknown?.map(({ bytes }) => [...bytes])).toEqual([[0xaa], []]);
  });
  test('what is kept is a copy', () => {
    const b = hex('0500 6400 aa 000000');
    const values = table.decode(b, 0, b.length) as { unknown?: readonly { bytes: Uint8Array }[] };
    b.fill(0);
    expect([...(values.unknown?.[0]?.bytes ?? [])]).toEqual([0xaa]);
  });
  test('a sparse set passes over what it lacks, but not over bad lengths', () => {
    const sparse = sparseAttrSet('sparse', { count: [2, t.u32] });
    const b = hex('0500 6400 aa 000000 0800 0200 05000000 0500 6400 aa');
    expect(sparse.decode(b, 0, b.length)).toEqual({ count: 5 });
    expect(() => sparse.decode(b, 0, b.length - 1)).toThrow(error('NL_TRUNCATED', 'attribute 100'));
  });
  test('the last attribute may lack its padding', () => {
    expect(decode('0500 0900 01')).toEqual({ second: true });
  });
  test('only the bytes between the two offsets are read', () => {
    const b = hex('ffffffff 0800 0200 05000000 ffffffff');
    expect(table.decode(b, 4, 12)).toEqual({ count: 5 });
  });
});

describe('bytes that are wrong', () => {
  test.each([
    ['ends inside a value', '0800 0200 0500', 'NL_TRUNCATED', 'count', '8 bytes do not fit the 6 that are left'],
    ['a length below the header’s', '0300 0200', 'NL_TRUNCATED', 'count', '3 bytes do not fit the 4 that are left'],
    ['a length of 0, which would never end', '0000 0200', 'NL_TRUNCATED', 'count', undefined],
    ['a length beyond the end, unknown number', 'ffff 6400', 'NL_TRUNCATED', 'attribute 100', undefined],
    ['a number that is too short', '0600 0200 0500 0000', 'NL_BAD_LENGTH', 'count', '2 bytes where u32 has 4'],
    ['a number that is too long', '0c00 0200 0500000000000000', 'NL_BAD_LENGTH', 'count', '8 bytes where u32 has 4'],
    ['a flag with a value', '0500 0500 01 000000', 'NL_BAD_LENGTH', 'present', '1 bytes where flag has 0'],
    ['an IPv6 address of 4 bytes', '0800 0400 0a000001', 'NL_BAD_LENGTH', 'ip', '4 bytes where ipv6 has 16'],
    ['the same inside a nest', '0c00 0180 0600 0200 0700 0000', 'NL_BAD_LENGTH', 'addr.id', '2 bytes where u8 has 1'],
    ['a nest whose content is longer than it', '0c00 0180 0900 0200 07000000', 'NL_TRUNCATED', 'addr.id', undefined],
    ['stray bytes inside a nest', '0e00 0180 0500 0200 07 000000 ffff 0000', 'NL_TRUNCATED', 'addr', undefined],
    ['a list element cut short', '0a00 0780 0c00 0100 0500', 'NL_TRUNCATED', 'list', 'a list element is cut short'],
    ['a list element of a wrong size', '0900 0880 0500 0100 02', 'NL_BAD_LENGTH', 'numbers', '1 bytes where u16 has 2'],
  ])('%s', (_, digits, code, path, words) => {
    expect(() => decode(digits)).toThrow(error(code, path, words));
  });
  test('stray bytes at the top have no path', () => {
    expect(() => decode('0800 0200 05000000 ff')).toThrow(
      expect.objectContaining({ code: 'NL_TRUNCATED', path: [], message: '1 stray bytes after the last attribute' }),
    );
  });
});

describe('values that are wrong', () => {
  test.each([
    ['an unknown key', { cuont: 5 }, 'cuont', 'no attribute of table'],
    ['an unknown key in a nest', { addr: { di: 5 } }, 'addr.di', 'no attribute of inner'],
    ['a number out of range in a nest', { addr: { id: 256 } }, 'addr.id', '256 is no u8'],
    ['text for a number', { count: '5' }, 'count', '"5" is no u32'],
    ['null for a number', { count: null }, 'count', 'null is no u32'],
    ['a bigint for a number', { count: 5n }, 'count', '5n is no u32'],
    ['a number for an address', { ip: 5 }, 'ip', '5 is no IPv4 address'],
    ['text that is no address', { ip: 'a:b' }, 'ip', '"a:b" is no IPv6 address'],
    ['a number for a bit', { first: 1 }, 'first', 'is true or false'],
    ['text for a flag', { present: 'no' }, 'present', undefined],
    ['a number for a nest', { addr: 5 }, 'addr', 'no inner'],
    ['null for a nest', { addr: null }, 'addr', 'no inner'],
    ['an object for a list', { list: { 1: {} } }, 'list', 'no map of numbered values'],
    ['text that no attribute can hold', { words: 'x'.repeat(65535) }, 'words', undefined],
  ])('%s', (_, values, path, words) => {
    expect(() => encode(values)).toThrow(error('NL_OUT_OF_RANGE', path, words));
  });
  test('what is needed and missing is named with its path', () => {
    const missing = (values: Readonly<Record<string, unknown>>) => () =>
      requireAll(values, ['count', 'addr.id'], 'a test');
    expect(missing({ count: 0, addr: { id: 0 } })).not.toThrow();
    expect(missing({ addr: { id: 1 } })).toThrow(error('NL_MISSING_ATTR', 'count', 'missing in a test'));
    expect(missing({ count: 1, addr: {} })).toThrow(error('NL_MISSING_ATTR', 'addr.id', 'missing in a test'));
    expect(missing({ count: 1 })).toThrow(error('NL_MISSING_ATTR', 'addr.id'));
  });
  test('a failure leaves nothing that the next encoding sees', () => {
    const bytes = written((w) => {
      expect(() => table.encode(w, { count: 1, addr: { id: 999 } })).toThrow(CodecError);
      w.reset();
      table.encode(w, { count: 2 });
    });
    expect(bytes).toBe('0800020002000000');
  });
});

describe('the table', () => {
  test('a number that is given twice is refused at load', () => {
    expect(() => attrSet('twice', { a: [1, t.u8], b: [1, t.u16] })).toThrow('twice: attribute 1 is both a and b');
    expect(() => attrSet('twice', { a: bit(1, t.u8, 1), b: [1, t.u8] })).toThrow(/attribute 1 is both a and b/);
    expect(() => attrSet('twice', { a: [1, t.u8], b: bit(1, t.u8, 1) })).toThrow(/attribute 1 is both a and b/);
  });
  test('says what it has', () => {
    expect([table.has('addr'), table.has('nothing'), table.has('toString')]).toEqual([true, false, false]);
    expect([table.keyOf(1), table.keyOf(0x8001), table.keyOf(99)]).toEqual(['addr', 'addr', undefined]);
    expect([table.absent('first'), table.absent('second'), table.absent('count')]).toEqual([false, false, undefined]);
    expect([...inner.attributes()].map(({ id, key, type }) => [id, key, type.kind])).toEqual([
      [2, 'id', 'u8'],
      [5, 'port', 'u16'],
      [6, 'name', 'text'],
    ]);
  });
  test('finds the attribute at an offset, and none between two', () => {
    // id stands at 8, count at 16.
    const b = hex('00000000 0c00 0180 0500 0200 07 000000 0800 0200 05000000');
    const at = (offset: number): string => table.locate(b, 4, b.length, offset).join('.');
    expect([4, 8, 12, 16, 20, 24].map(at)).toEqual(['addr', 'addr.id', 'addr.id', 'count', 'count', '']);
    expect(table.locate(hex('0000 0100'), 0, 4, 0)).toEqual([]);
  });
});
