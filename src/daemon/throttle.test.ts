import { describe, expect, test } from 'vitest';
import { Throttle } from './throttle.ts';

describe('a throttle', () => {
  test('lets the first through, and one an interval after that with the count of those held back', () => {
    const throttle = new Throttle(1000);
    expect([0, 1, 999].map((now) => throttle.pass('a', now))).toEqual([0, undefined, undefined]);
    expect(throttle.pass('a', 1000)).toBe(2);
    expect(throttle.pass('a', 1500)).toBeUndefined();
    expect(throttle.pass('a', 2000)).toBe(1);
  });

  test('counts the interval from the last that passed', () => {
    const throttle = new Throttle(1000);
    throttle.pass('a', 0);
    expect(throttle.pass('a', 5000)).toBe(0);
    expect(throttle.pass('a', 5999)).toBeUndefined();
  });

  test('keeps kinds apart', () => {
    const throttle = new Throttle(1000);
    throttle.pass('a', 0);
    expect([throttle.pass('b', 0), throttle.pass('a', 0)]).toEqual([0, undefined]);
  });

  test('remembers so many kinds, and forgets the one that passed first', () => {
    const throttle = new Throttle(1000, 2);
    for (const kind of ['a', 'b', 'c']) throttle.pass(kind, 0);
    expect([throttle.pass('b', 1), throttle.pass('c', 1)]).toEqual([undefined, undefined]);
    expect(throttle.pass('a', 1)).toBe(0);
  });
});
