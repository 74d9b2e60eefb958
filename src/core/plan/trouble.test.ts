import { describe, expect, test } from 'vitest';
import { connection } from '../../../test/fixtures/core/plans.ts';
import type { SubflowRecord } from '../connection-table.ts';
import { noteProgress, troubleAt } from './trouble.ts';

const AFTER = 1000;
const HOLD = 5000;
const never = Number.POSITIVE_INFINITY;

/** A subflow of which samples are taken: the time, the bytes that are acknowledged, whether more are outstanding. */
function sampled(...samples: readonly [at: number, acked: number, outstanding: boolean][]): {
  readonly subflow: SubflowRecord;
  readonly news: readonly boolean[];
} {
  const { initial } = connection();
  const news = samples.map(([at, acked, outstanding]) => noteProgress(initial, { acked, outstanding }, AFTER, at));
  return { subflow: initial, news };
}
const trouble = (subflow: SubflowRecord, now: number) => troubleAt(subflow, AFTER, HOLD, now);

describe('trouble', () => {
  test('nothing is known of a subflow that was never looked at', () => {
    expect(trouble(sampled().subflow, 0)).toEqual({ troubled: false, until: never });
  });

  test('none while data moves, or none is outstanding', () => {
    const { subflow, news } = sampled(
      [0, 0, false],
      [250, 0, false],
      [500, 10, true],
      [750, 20, true],
      [1000, 20, false],
    );
    expect(news).toEqual([false, false, false, false, false]);
    expect(trouble(subflow, 5000)).toEqual({ troubled: false, until: never });
  });

  test('begins when no data was acknowledged for so long, and that it may is told before', () => {
    const { subflow, news } = sampled([0, 10, true], [250, 10, true], [500, 10, true]);
    expect(news).toEqual([true, false, false]);
    expect(trouble(subflow, 999)).toEqual({ troubled: false, until: 1000 });
    expect(trouble(subflow, 1000)).toEqual({ troubled: true, until: never });
  });

  test('lasts until it was well for the time to hold', () => {
    const { subflow, news } = sampled([0, 10, true], [2000, 20, true]);
    expect(news).toEqual([true, true]);
    expect(trouble(subflow, 2000)).toEqual({ troubled: true, until: 2000 + HOLD });
    expect(trouble(subflow, 1999 + HOLD).troubled).toBe(true);
    expect(trouble(subflow, 2000 + HOLD)).toEqual({ troubled: false, until: never });
  });

  test('lasts beyond that where data stands still when it ends', () => {
    const well = [2000, 20, true] as const;
    const { subflow } = sampled([0, 10, true], [...well], [1900 + HOLD, 30, true], [1950 + HOLD, 30, true]);
    expect(trouble(subflow, 2000 + HOLD)).toEqual({ troubled: true, until: never });
    noteProgress(subflow, { acked: 40, outstanding: true }, AFTER, 2100 + HOLD);
    expect(trouble(subflow, 2100 + HOLD).troubled).toBe(false);
  });

  test('ends also where nothing is outstanding any more', () => {
    const { subflow } = sampled([0, 10, true], [2000, 10, false]);
    expect(trouble(subflow, 2000 + HOLD).troubled).toBe(false);
  });

  test('a stall shorter than that is none, and leaves no trace', () => {
    const { subflow, news } = sampled([0, 10, true], [900, 20, true]);
    expect(news).toEqual([true, true]);
    expect(trouble(subflow, 900)).toEqual({ troubled: false, until: never });
  });

  test('who calls a shorter time trouble is told sooner than who calls a longer one', () => {
    const { subflow } = sampled([0, 10, true], [250, 10, true]);
    expect(troubleAt(subflow, 300, HOLD, 400).troubled).toBe(true);
    expect(troubleAt(subflow, 2000, HOLD, 400)).toEqual({ troubled: false, until: 2000 });
  });

  test('without a time to hold it is over at once', () => {
    const { subflow } = sampled([0, 10, true], [2000, 20, true]);
    expect(troubleAt(subflow, AFTER, 0, 2000)).toEqual({ troubled: false, until: never });
  });
});
