import { describe, expect, test } from 'vitest';
import { hex, vectors, written } from '../../test/fixtures/wire/wire.ts';
import { attrSet } from './attr-set.ts';
import { CodecError } from './errors.ts';
import { event, events } from './events.ts';
import { pmEvents } from './families/mptcp-pm.ts';
import * as t from './types.ts';

const decode = (digits: string) => {
  const b = hex(digits);
  return pmEvents.decode(b, 0, b.length);
};
const TOKEN = '08000100 bfcf7f1e';
const LOC_ID = '05000300 00000000';
const REM_ID = '05000400 02000000';
const SADDR4 = '08000500 0a000102';
const DADDR4 = '08000700 0a000101';
const SPORT = '06000900 9b300000';
const DPORT = '06000a00 1f400000';
const ends = [SADDR4, DADDR4, SPORT, DPORT, LOC_ID, REM_ID].join('');
const created = `01010000 ${TOKEN} ${ends}`;

describe('decoding', () => {
  test('ports are in network byte order, everything else in the host’s', () => {
    expect(decode(created)).toEqual({
      ...{ type: 'connectionCreated', token: 0x1e7fcfbf, family: undefined, serverSide: false, denyJoinId0: false },
      ...{ localIp: '10.0.1.2', localPort: 39728, locId: 0, remoteIp: '10.0.1.1', remotePort: 8000, remId: 2 },
    });
  });
  test('an event that the table does not know says its command; what it holds is not looked at', () => {
    expect(decode('04010000 ffff')).toEqual({ type: 'unknown', command: 4 });
    expect(decode('ff010000')).toEqual({ type: 'unknown', command: 255 });
  });
  test('no room for the generic netlink header', () => {
    expect(() => decode('010100')).toThrow(expect.objectContaining({ code: 'NL_TRUNCATED' }));
  });
  test.each(vectors('pm-events'))(
    '$case: every attribute that is always there is missed, by name',
    ({ value, hex: h }) => {
      const { type, ...values } = value;
      const optional = ['family', 'serverSide', 'denyJoinId0', 'ifIndex', 'error', 'resetReason', 'resetTransient'];
      const command = hex(h)[16] ?? 0;
      for (const [key, there] of Object.entries(values)) {
        const without = { ...values, [key]: undefined };
        const digits = written((w) => pmEvents.encode(w, type as 'connectionCreated', without));
        expect(digits.slice(0, 2)).toBe(command.toString(16).padStart(2, '0'));
        if (optional.includes(key)) {
          expect(decode(digits)).toEqual({ ...without, type, [key]: typeof there === 'boolean' ? false : undefined });
        } else {
          expect(() => decode(digits)).toThrow(
            expect.objectContaining({
              name: 'CodecError',
              ...{ code: 'NL_MISSING_ATTR', path: [key], message: `${key}: missing in ${type}` },
            }),
          );
        }
      }
    },
  );
  test('a malformed attribute is named', () => {
    expect(() => decode(`01010000 ${TOKEN} 06000500 0a000000`)).toThrow(
      expect.objectContaining({ code: 'NL_BAD_LENGTH', path: ['localIp'] }),
    );
  });
  test('the same keys in the same order, whatever is absent', () => {
    const bare = decode(`0a010000 ${TOKEN} ${ends} 05000b0000000000`);
    const full = decode(
      `0a010000 05000c006f000000 ${ends} 0600020002000000 05000b0001000000 08000f0003000000 0800100002000000
       0800110001000000 ${TOKEN}`,
    );
    expect(Object.keys(bare)).toEqual(Object.keys(full));
    expect(full).toMatchObject({ error: 'ECONNREFUSED', ifIndex: 3, resetReason: 'resource', resetTransient: true });
    expect(bare).toMatchObject({ backup: false, resetTransient: false });
    expect((bare as { error?: string }).error).toBeUndefined();
  });
  test('attributes of newer kernels are kept', () => {
    expect(decode(`${created} 05006300ab000000`)).toMatchObject({ unknown: [{ id: 99 }] });
  });
});

describe('the server side', () => {
  const FLAGS = (bits: string): string => `06000d00 ${bits}000000`;
  const ATTRIBUTE = (value: string): string => `05001200 ${value}000000`;
  test.each([
    ['neither: a client', '', false, false],
    ['the flag of Linux 6.18', FLAGS('02'), true, false],
    ['attribute 18 alone, as kernels before it send', ATTRIBUTE('01'), true, false],
    ['both, as 6.18 sends', `${ATTRIBUTE('01')} ${FLAGS('02')}`, true, false],
    ['both, the other way round', `${FLAGS('03')} ${ATTRIBUTE('01')}`, true, true],
    ['attribute 18 and another flag', `${ATTRIBUTE('01')} ${FLAGS('01')}`, true, true],
    ['another flag', FLAGS('01'), false, true],
    ['flags of newer kernels', FLAGS('fc'), false, false],
  ])('%s', (_, attributes, serverSide, denyJoinId0) => {
    expect(decode(`${created} ${attributes}`)).toMatchObject({ serverSide, denyJoinId0 });
  });
});

describe('addresses', () => {
  const SADDR6 = (digits: string): string => `14000600 ${digits}`;
  test.each([
    ['IPv4', SADDR4, '10.0.1.2'],
    ['IPv6', SADDR6('fd000001000000000000000000000002'), 'fd00:1::2'],
    ['an IPv4-mapped one stays what it is', SADDR6('00000000000000000000ffff0a000102'), '::ffff:10.0.1.2'],
    ['any', SADDR6('00000000000000000000000000000000'), '::'],
  ])('%s', (_, attribute, localIp) => {
    const digits = `0f010000 ${SPORT} ${attribute}`;
    expect(decode(digits)).toEqual({ type: 'listenerCreated', localIp, localPort: 39728, family: undefined });
    expect(
      written((w) => pmEvents.encode(w, 'listenerCreated', { localIp, localPort: 39728 })).endsWith(
        SPORT.replaceAll(' ', ''),
      ),
    ).toBe(true);
  });
});

describe('the table', () => {
  const set = attrSet('small', { token: [1, t.u32], ready: [2, t.bool] });
  test('an event with an attribute that the set lacks is refused at load', () => {
    expect(() => events(set, { odd: event(1, ['token', 'nothing']) })).toThrow('odd: small has no nothing');
    expect(() => events(set, { odd: event(1, ['token'], ['nothing']) })).toThrow('odd: small has no nothing');
  });
  test('two decodings share nothing', () => {
    const small = events(set, { one: event(1, ['token'], ['ready']) });
    const b = hex('01010000 08000100 01000000 08000900 00000000');
    const [first, second] = [small.decode(b, 0, b.length), small.decode(b, 0, b.length)];
    expect(first).toEqual(second);
    expect(first).not.toBe(second);
    expect(small.decode(b, 0, 12)).toEqual({ type: 'one', token: 1, ready: undefined });
  });
  test('encoding an event that there is not is a mistake of the caller', () => {
    const small = events(set, { one: event(1, ['token']) });
    expect(() => written((w) => small.encode(w, 'two' as 'one', {}))).toThrow('no event two');
    expect(() => written((w) => small.encode(w, 'one', { token: -1 }))).toThrow(CodecError);
  });
});
