import { describe, expect, test } from 'vitest';
import { hex, written } from '../../test/fixtures/wire/wire.ts';
import { attrSet } from './attr-set.ts';
import { growing, pad, struct } from './struct.ts';
import * as t from './types.ts';

const sample = struct('sample', 12, { first: t.u8, gap: pad(3), second: t.s32, third: t.u16, tail: pad(2) });

describe('struct', () => {
  test('fields stand where C puts them, padding is 0', () => {
    expect(written((w) => sample.write(w, { first: 1, second: -2, third: 3 }))).toBe('01000000feffffff03000000');
    expect(sample.read(hex('01ffffff feffffff 0300ffff'), 0, 12)).toEqual({ first: 1, second: -2, third: 3 });
  });
  test('fields that are not given are 0, also over what the writer held before', () => {
    expect(
      written((w) => {
        w.raw(new Uint8Array(64).fill(0xff));
        w.reset();
        sample.write(w, { second: 5 });
      }),
    ).toBe('000000000500000000000000');
  });
  test('stands anywhere in a datagram', () => {
    expect(sample.read(hex('eeeeee 01000000feffffff03000000'), 3, 15)).toEqual({ first: 1, second: -2, third: 3 });
  });
  test('a table that adds up to another size, or has a field without one, is refused at load', () => {
    expect(() => struct('bad', 8, { a: t.u32, b: t.u16 })).toThrow('struct bad is 8 bytes in C and 6 in the table');
    expect(() => struct('bad', 8, { a: t.text })).toThrow('bad.a: text has no fixed size');
  });
  test('bytes that end inside it are refused', () => {
    expect(() => sample.read(Buffer.alloc(64), 8, 19)).toThrow(
      expect.objectContaining({
        code: 'NL_TRUNCATED',
        path: ['sample'],
        message: 'sample: 11 bytes where the struct has 12',
      }),
    );
  });
  test('a value that does not fit is named, and so is a field that is not there', () => {
    expect(() => written((w) => sample.write(w, { third: 65536 }))).toThrow(
      expect.objectContaining({ code: 'NL_OUT_OF_RANGE', path: ['sample', 'third'] }),
    );
    const misspelt = { thrid: 3 } as { third?: number };
    expect(() => written((w) => sample.write(w, misspelt))).toThrow(
      expect.objectContaining({ code: 'NL_OUT_OF_RANGE', path: ['sample', 'thrid'] }),
    );
  });
});

describe('a struct that grows', () => {
  const set = attrSet('set', { sample: [1, growing(sample)] });
  const read = (digits: string) => {
    const b = Buffer.concat([
      hex(`${(4 + digits.length / 2).toString(16).padStart(2, '0')}000100${digits}`),
      Buffer.alloc(4, 0xee),
    ]);
    return set.decode(b, 0, b.length - 4).sample;
  };
  const whole = '01000000feffffff03000000';

  test('a longer one: what follows is passed over', () => {
    expect(read(`${whole}aabbccdd`)).toEqual({ first: 1, second: -2, third: 3 });
  });
  test('a shorter one: a field that is not there as a whole is not there', () => {
    expect(read('01000000feffffff')).toEqual({ first: 1, second: -2 });
    expect(read('01000000')).toEqual({ first: 1 });
    expect(read('')).toEqual({});
  });
  test('is written whole', () => {
    expect(written((w) => set.encode(w, { sample: { first: 1, second: -2, third: 3 } }))).toBe(`10000100${whole}`);
    expect(written((w) => set.encode(w, { sample: {} }))).toBe(`10000100${'00'.repeat(12)}`);
  });
  test('a value that does not fit is named', () => {
    expect(() => written((w) => set.encode(w, { sample: { third: -1 } }))).toThrow(
      expect.objectContaining({ code: 'NL_OUT_OF_RANGE', path: ['sample', 'sample', 'third'] }),
    );
    expect(() => written((w) => set.encode(w, { sample: 3 }))).toThrow(
      expect.objectContaining({ code: 'NL_OUT_OF_RANGE', path: ['sample'] }),
    );
  });
});
