import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressIds, FIRST_OWN_ID } from './address-ids.ts';
import { asAddrId } from './model/ids.ts';

const INITIAL = '10.0.0.1';

describe('address ids', () => {
  test('the address of the initial subflow has 0, in either form', () => {
    const ids = new AddressIds(INITIAL);
    expect([ids.take(INITIAL), ids.take('::ffff:10.0.0.1')]).toEqual([0, 0]);
  });

  test('others get the lowest above those that the kernel gives out itself', () => {
    const ids = new AddressIds(INITIAL);
    expect([ids.take('10.0.0.2'), ids.take('10.0.0.3')]).toEqual([FIRST_OWN_ID, FIRST_OWN_ID + 1]);
  });

  test('an address keeps its id, in either form', () => {
    const ids = new AddressIds(INITIAL);
    const id = ids.take('10.0.0.2');
    expect([ids.take('10.0.0.2'), ids.take('::ffff:10.0.0.2'), ids.get('10.0.0.2')]).toEqual([id, id, id]);
  });

  test('a released id is given out again', () => {
    const ids = new AddressIds(INITIAL);
    const id = ids.take('10.0.0.2');
    ids.take('10.0.0.3');
    ids.release(id as NonNullable<typeof id>);
    expect(ids.get('10.0.0.2')).toBeUndefined();
    expect(ids.take('10.0.0.4')).toBe(id);
  });

  test('an id that an address had before the kernel gave it another is given to no other: subflows may live under it', () => {
    const ids = new AddressIds(INITIAL);
    const before = ids.take('10.0.0.2');
    ids.learn('10.0.0.2', asAddrId(1));
    expect(ids.take('10.0.0.3')).toBe(FIRST_OWN_ID + 1);
    ids.learn('10.0.0.2', before as NonNullable<typeof before>);
    expect([ids.get('10.0.0.2'), ids.take('10.0.0.4')]).toEqual([before, FIRST_OWN_ID + 2]);
  });

  test('unless there is none left that was never used', () => {
    const ids = new AddressIds(INITIAL);
    ids.take('10.0.0.2');
    ids.learn('10.0.0.2', asAddrId(1));
    for (let id = FIRST_OWN_ID + 1; id <= 255; id++) ids.take(`10.1.0.${id}`);
    expect(ids.take('10.0.0.3')).toBe(FIRST_OWN_ID);
    expect(ids.take('10.0.0.4')).toBeUndefined();
  });

  test('the initial address is announced with an id of its own, the same once it is learnt', () => {
    const ids = new AddressIds(INITIAL);
    expect([ids.forSignal(INITIAL), ids.forSignal('10.0.0.2')]).toEqual([FIRST_OWN_ID, FIRST_OWN_ID]);
    ids.learn('::ffff:10.0.0.1', asAddrId(FIRST_OWN_ID + 1));
    expect([ids.forSignal(INITIAL), ids.forSignal('10.0.0.2')]).toEqual([FIRST_OWN_ID + 1, FIRST_OWN_ID]);
  });

  test('0 cannot be released', () => {
    const ids = new AddressIds(INITIAL);
    ids.release(asAddrId(0));
    expect(ids.get(INITIAL)).toBe(0);
  });

  test('what the kernel chose counts', () => {
    const ids = new AddressIds(INITIAL);
    ids.take('10.0.0.2');
    ids.learn('10.0.0.2', asAddrId(1));
    expect(ids.get('10.0.0.2')).toBe(1);
    ids.learn('10.0.0.3', asAddrId(FIRST_OWN_ID));
    expect(ids.take('10.0.0.4')).toBe(FIRST_OWN_ID + 1);
  });

  test('an id that turns out to be another address’s is taken from the one that had it', () => {
    const ids = new AddressIds(INITIAL);
    ids.learn('10.0.0.2', asAddrId(7));
    ids.learn('10.0.0.3', asAddrId(7));
    expect([ids.get('10.0.0.2'), ids.get('10.0.0.3')]).toEqual([undefined, 7]);
  });

  test('there is an end to them', () => {
    const ids = new AddressIds(INITIAL);
    for (let id = FIRST_OWN_ID; id <= 255; id++) expect(ids.take(`10.0.1.${id}`)).toBe(id);
    expect(ids.take('10.0.2.1')).toBeUndefined();
    expect(ids.take('10.0.1.16')).toBe(16);
  });

  const ip = fc.integer({ min: 1, max: 12 }).map((n) => `10.0.0.${n}`);
  const id = fc.integer({ min: 1, max: 24 }).map(asAddrId);
  const step = fc.oneof(
    fc.record({ do: fc.constant('take' as const), ip }),
    fc.record({ do: fc.constant('learn' as const), ip, id }),
    fc.record({ do: fc.constant('release' as const), id }),
  );

  test('no two addresses ever have the same one, and one keeps it until it is released or learnt anew', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ids = new AddressIds(INITIAL);
        for (const each of steps) {
          const before = new Map(all(ids));
          if (each.do === 'take') ids.take(each.ip);
          else if (each.do === 'learn') ids.learn(each.ip, each.id);
          else ids.release(each.id);
          const after = all(ids);
          expect(new Set(after.map(([, taken]) => taken)).size).toBe(after.length);
          if (each.do !== 'take') continue;
          const was = before.get(each.ip);
          if (was !== undefined) expect(ids.get(each.ip)).toBe(was);
          for (const [other, taken] of before) expect(ids.get(other)).toBe(taken);
        }
      }),
    );
  });
});

const all = (ids: AddressIds): [ip: string, id: number][] =>
  Array.from({ length: 12 }, (_, i) => `10.0.0.${i + 1}`).flatMap((ip) => {
    const id = ids.get(ip);
    return id === undefined ? [] : [[ip, id] as [string, number]];
  });
