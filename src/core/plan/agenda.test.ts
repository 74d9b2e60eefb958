import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Agenda } from './agenda.ts';

function agenda(...times: readonly [key: string, at: number][]): Agenda<string> {
  const made = new Agenda<string>();
  for (const [key, at] of times) made.set(key, at);
  return made;
}

describe('an agenda', () => {
  test('gives out what is due in the order of time, once', () => {
    const a = agenda(['c', 30], ['a', 10], ['b', 20], ['d', 40]);
    expect(a.next).toBe(10);
    expect(a.due(30)).toEqual(['a', 'b', 'c']);
    expect(a.due(30)).toEqual([]);
    expect([a.next, a.size]).toEqual([40, 1]);
  });

  test('with nothing in it has no next', () => {
    expect(agenda().next).toBeUndefined();
    expect(agenda().due(1e9)).toEqual([]);
  });

  test('a key has one time: the latest that was set, be it later or earlier', () => {
    const a = agenda(['k', 10], ['k', 50]);
    expect([a.next, a.due(49)]).toEqual([50, []]);
    a.set('k', 20);
    expect([a.due(20), a.due(99), a.size]).toEqual([['k'], [], 0]);
  });

  test('a time that is set back to what it was counts once', () => {
    const a = agenda(['k', 10], ['k', 20], ['k', 10]);
    expect([a.due(10), a.due(20)]).toEqual([['k'], []]);
  });

  test('Infinity takes a key out', () => {
    const a = agenda(['k', 10], ['l', 20]);
    a.set('k', Number.POSITIVE_INFINITY);
    expect([a.size, a.next, a.due(99)]).toEqual([1, 20, ['l']]);
  });

  test('a time is advanced, never put off', () => {
    const a = agenda(['k', 10]);
    a.advance('k', 20);
    a.advance('l', 20);
    a.advance('l', 5);
    a.advance('m', Number.POSITIVE_INFINITY);
    expect([a.due(5), a.due(10), a.size]).toEqual([['l'], ['k'], 0]);
  });

  test('what a key is set to while it is being dealt with counts', () => {
    const a = agenda(['k', 10]);
    for (const key of a.due(10)) a.set(key, 10);
    expect(a.due(10)).toEqual(['k']);
  });

  test('does as a sorted list would, whatever happens', () => {
    const key = fc.integer({ min: 0, max: 30 });
    const at = fc.integer({ min: 0, max: 1000 });
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ does: fc.constant('set' as const), key, at }) },
      { weight: 3, arbitrary: fc.record({ does: fc.constant('advance' as const), key, at }) },
      { weight: 2, arbitrary: fc.record({ does: fc.constant('drop' as const), key, at }) },
      { weight: 1, arbitrary: fc.record({ does: fc.constant('due' as const), key, at }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const a = new Agenda<number>();
        const model = new Map<number, number>();
        for (const { does, key: k, at: time } of steps) {
          if (does === 'set') {
            a.set(k, time);
            model.set(k, time);
          } else if (does === 'advance') {
            a.advance(k, time);
            model.set(k, Math.min(model.get(k) ?? time, time));
          } else if (does === 'drop') {
            a.set(k, Number.POSITIVE_INFINITY);
            model.delete(k);
          } else {
            const found = a.due(time).map((each) => [model.get(each), each] as const);
            const expected = [...model].filter(([, t]) => t <= time);
            expect(found.map(([t]) => t)).toEqual(expected.map(([, t]) => t).sort((x, y) => x - y));
            expect(found.map(([, each]) => each).sort()).toEqual(expected.map(([each]) => each).sort());
            for (const [each] of expected) model.delete(each);
          }
          expect(a.size).toBe(model.size);
          expect(a.next).toBe(model.size > 0 ? Math.min(...model.values()) : undefined);
        }
      }),
      { seed: 0x6d707463, numRuns: 300 },
    );
  });
});
