import { describe, expect, test } from 'vitest';
import { hex, message, ScriptedSocket, written } from '../../test/fixtures/wire/wire.ts';
import { nest, sparseAttrSet } from './attr-set.ts';
import { Client } from './client.ts';
import { rtMessage } from './rtnetlink.ts';
import { struct } from './struct.ts';
import * as t from './types.ts';

const header = struct('oddmsg', 5, { family: t.u8, index: t.s32 });
const set = sparseAttrSet('odd', { name: [3, t.text], info: [18, nest(sparseAttrSet('info', { kind: [1, t.u8] }))] });
const odd = rtMessage('odd', { added: 16, removed: 17, get: 18 }, header, set);
const decode = (digits: string) => odd.decode(hex(digits), 0, hex(digits).length);

describe('a struct and attributes in one object', () => {
  test('attributes start where the struct’s size is aligned', () => {
    const value = { family: 2, index: 7, name: 'lo', info: { kind: 5 } };
    const digits = '02 07000000 000000 07000300 6c6f0000 0c001280 05000100 05000000';
    expect(written((w) => odd.encode(w, value))).toBe(digits.replaceAll(' ', ''));
    expect(decode(digits)).toEqual(value);
  });
  test('a message of the struct alone, its padding left out', () => {
    expect(decode('02 07000000')).toEqual({ family: 2, index: 7 });
  });
  test('what the table does not have is passed over', () => {
    expect(decode('02 07000000 000000 05006300 ff000000')).toEqual({ family: 2, index: 7 });
  });
  test('what is wrong is named', () => {
    expect(() => decode('02 070000')).toThrow(expect.objectContaining({ code: 'NL_TRUNCATED', path: ['oddmsg'] }));
    expect(() => decode('02 07000000 000000 08000300 6c')).toThrow(
      expect.objectContaining({ code: 'NL_TRUNCATED', path: ['name'] }),
    );
    const unknown = { nmae: 'lo' } as { name?: string };
    expect(() => written((w) => odd.encode(w, unknown))).toThrow(
      expect.objectContaining({ code: 'NL_OUT_OF_RANGE', path: ['oddmsg', 'nmae'] }),
    );
  });
});

describe('a refusal names the attribute', () => {
  const refused = (attributes: string) => {
    const socket = new ScriptedSocket((request, sequence) => [
      message(2, 0x300, sequence, `eaffffff ${request.toString('hex', 0, 16)} ${attributes}`),
    ]);
    const result = new Client(socket).request(odd.get, odd.types.get, { name: 'lo', info: { kind: 5 } });
    return result.ok ? undefined : result.error.message;
  };
  // nlmsghdr 16, the struct 8: name stands at 24, info at 32, kind at 36.
  test.each([
    ['at the top', '08000200 18000000', 'read odd: name: EINVAL'],
    ['in a nest', '08000200 24000000', 'read odd: info.kind: EINVAL'],
    ['that is missing', '08000500 03000000', 'read odd: name: attribute missing (EINVAL)'],
    ['that a nest lacks', '08000500 01000000 08000600 20000000', 'read odd: info.kind: attribute missing (EINVAL)'],
    ['in the struct: none', '08000200 10000000', 'read odd: EINVAL'],
  ])('%s', (_, attributes, words) => {
    expect(refused(attributes)).toBe(words);
  });
});
