import { describe, expect, test } from 'vitest';
import type { Subflow } from '../model/connection.ts';
import { type FailureKind, kindOf, kindOfRefusal, pauseAfter } from './failure.ts';
import { planDefaults } from './settings.ts';

const closed = (more: Partial<Subflow>): Subflow =>
  ({ error: undefined, resetReason: undefined, resetTransient: false, ...more }) as Subflow;

describe('the end of a subflow', () => {
  test.each<[error: string | undefined, kind: FailureKind]>([
    [undefined, 'closed'],
    ['ECONNREFUSED', 'refused'],
    ['ETIMEDOUT', 'timed out'],
    ['ECONNRESET', 'reset'],
    ['ECONNABORTED', 'reset'],
    ['ENETUNREACH', 'no way'],
    ['EHOSTUNREACH', 'no way'],
    ['EADDRNOTAVAIL', 'no way'],
    ['EPROTO', 'reset'],
  ])('with %s is: %s', (error, kind) => expect(kindOf(closed({ error }))).toBe(kind));

  test.each<[reason: Subflow['resetReason'], lasting: FailureKind, transient: FailureKind]>([
    ['prohibited', 'forbidden', 'reset'],
    ['middlebox', 'forbidden', 'reset'],
    ['resource', 'busy', 'reset'],
    ['too-much-data', 'busy', 'reset'],
    ['bad-performance', 'busy', 'reset'],
    ['unspecified', 'reset', 'reset'],
    ['mptcp', 'reset', 'reset'],
    [9, 'reset', 'reset'],
  ])('with the reset reason %s is: %s; called transient: %s', (resetReason, lasting, transient) => {
    expect(kindOf(closed({ error: 'ECONNRESET', resetReason }))).toBe(lasting);
    expect(kindOf(closed({ error: 'ECONNRESET', resetReason, resetTransient: true }))).toBe(transient);
  });

  test('a reason counts over the error', () => {
    expect(kindOf(closed({ error: 'ECONNREFUSED', resetReason: 'prohibited' }))).toBe('forbidden');
  });
});

test.each<[errno: string | undefined, kind: FailureKind | undefined]>([
  ['ENETUNREACH', 'no way'],
  ['EHOSTUNREACH', 'no way'],
  ['EADDRNOTAVAIL', 'no way'],
  ['ENODEV', 'no way'],
  ['EINVAL', undefined],
  ['ECONNREFUSED', 'refused'],
  ['ENOMEM', 'refused'],
  [undefined, 'refused'],
])('the refusal %s is: %s', (errno, kind) => {
  const error = { code: 'REFUSED', message: 'no', ...(errno === undefined ? {} : { errno }) } as const;
  expect(kindOfRefusal(error)).toBe(kind);
});

describe('the pause after failures in a row', () => {
  const seeds = Array.from({ length: 200 }, (_, i) => `10.0.1.${i}% > 10.0.9.9 443`);

  /** The least and the most of many pairs. */
  function range(failures: number, kind: FailureKind, more: Partial<typeof planDefaults> = {}): [number, number] {
    const pauses = seeds.map((seed) => pauseAfter(failures, kind, { ...planDefaults, ...more }, seed));
    return [Math.min(...pauses), Math.max(...pauses)];
  }
  /** The pauses of many pairs fill a tenth around what is expected, and nothing else. */
  function about(found: [number, number], ms: number): void {
    expect(found[0]).toBeGreaterThanOrEqual(Math.round(ms * 0.9));
    expect(found[0]).toBeLessThan(ms * 0.93);
    expect(found[1]).toBeLessThanOrEqual(Math.round(ms * 1.1));
    expect(found[1]).toBeGreaterThan(ms * 1.07);
  }

  test('is 1, 2, 4 … 60 s, give or take a tenth', () => {
    const expected = [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000];
    for (const [i, ms] of expected.entries()) about(range(i + 1, 'refused'), ms);
  });

  test.each<FailureKind>(['refused', 'timed out', 'reset', 'forbidden', 'no way', 'closed'])(
    'is the same for %s',
    (kind) => about(range(2, kind), 2000),
  );

  test('is four times as long for a peer that is short of something, and no longer than the most', () => {
    about(range(1, 'busy'), 4000);
    about(range(3, 'busy'), 16_000);
    about(range(5, 'busy'), 60_000);
  });

  test('follows the settings; the most is never below the first', () => {
    about(range(1, 'refused', { retryAfter: 500 }), 500);
    about(range(4, 'refused', { retryAfter: 500, retryMost: 1500 }), 1500);
    about(range(4, 'refused', { retryAfter: 500, retryMost: 10 }), 500);
  });

  test('stays finite after thousands of failures', () => about(range(5000, 'timed out'), 60_000));

  test('a pair waits as long each time, and not always at the same end', () => {
    const pause = (failures: number): number => pauseAfter(failures, 'refused', planDefaults, 'pair');
    expect(pause(3)).toBe(pause(3));
    expect(new Set([7, 8, 9, 10].map(pause)).size).toBeGreaterThan(1);
  });
});
