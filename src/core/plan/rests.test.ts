import { describe, expect, test } from 'vitest';
import { Rests } from './rests.ts';
import { LONGEST_REST } from './settings.ts';

const REST = 300_000;

describe('rests', () => {
  test('without grace a pair rests at the first time, then twice as long each time, up to an hour', () => {
    const rests = new Rests();
    const found: number[] = [];
    for (let now = 0, i = 0; i < 7; i++) {
      const until = rests.note('p', now, REST, 0);
      found.push(until - now);
      now = until;
    }
    expect(found).toEqual([REST, 2 * REST, 4 * REST, 8 * REST, LONGEST_REST, LONGEST_REST, LONGEST_REST]);
  });

  test('grace is how often it may happen before', () => {
    const rests = new Rests();
    expect([1, 2, 3, 4].map((now) => rests.note('p', now, REST, 2))).toEqual([0, 0, 3 + REST, 4 + 2 * REST]);
  });

  test('rests until then and not longer; others do not', () => {
    const rests = new Rests();
    rests.note('p', 1000, REST, 0);
    expect(rests.until('p', 1000)).toBe(1000 + REST);
    expect(rests.until('p', 999 + REST)).toBe(1000 + REST);
    expect(rests.until('p', 1000 + REST)).toBe(0);
    expect(rests.until('q', 1000)).toBe(0);
  });

  test('what went well is forgotten', () => {
    const rests = new Rests();
    rests.note('p', 0, REST, 2);
    rests.note('p', 0, REST, 2);
    rests.forget('p');
    expect([rests.size, rests.note('p', 0, REST, 2)]).toEqual([0, 0]);
  });

  test('an hour of silence after a rest, and all begins anew', () => {
    const rests = new Rests();
    const until = rests.note('p', 0, REST, 0);
    expect(rests.note('p', until + LONGEST_REST - 1, REST, 0)).toBe(until + LONGEST_REST - 1 + 2 * REST);
    const again = rests.until('p', until + LONGEST_REST - 1);
    expect(rests.note('p', again + LONGEST_REST, REST, 0)).toBe(again + LONGEST_REST + REST);
  });

  test('so it does where the grace was not used up', () => {
    const rests = new Rests();
    rests.note('p', 0, REST, 1);
    expect(rests.note('p', LONGEST_REST, REST, 1)).toBe(0);
    expect(rests.until('p', 3 * LONGEST_REST)).toBe(0);
    expect(rests.size).toBe(0);
  });

  test('a thousand pairs are remembered; then the one that was noted longest ago is forgotten', () => {
    const rests = new Rests();
    for (let i = 0; i < 1024; i++) rests.note(`${i}`, i, REST, 0);
    rests.note('0', 2000, REST, 0);
    rests.note('new', 2000, REST, 0);
    expect(rests.size).toBe(1024);
    expect(rests.until('1', 2000)).toBe(0);
    expect(rests.until('0', 2000)).toBeGreaterThan(0);
    expect(rests.until('2', 2000)).toBeGreaterThan(0);
  });
});
