import { describe, expect, test } from 'vitest';
import { kept } from './fuzz/failures.ts';
import { run } from './fuzz/run.ts';
import { targets } from './fuzz/targets/index.ts';
import { tryOne } from './fuzz/try-one.ts';

/** The seed is fixed: what fails, fails for everybody. `npm run fuzz` searches on with others. */
const SEED = 20260101;
const INPUTS = 1000;

describe('mutations of real bytes make nothing but a value or the documented error', () => {
  test.each(targets.map((target) => [target.name, target] as const))('%s', async (_, target) => {
    expect(target.seeds.length).toBeGreaterThan(0);
    const { inputs, failures } = await run(target, SEED, INPUTS);
    expect(failures.map(({ input, what }) => `${input.toString('hex')}: ${what}`)).toEqual([]);
    expect(inputs).toBe(INPUTS);
  });
});

describe('inputs that once failed', () => {
  test.each(kept().map((each) => [each.target, each.input.toString('hex').slice(0, 40), each.input] as const))(
    '%s %s',
    async (name, _, input) => {
      const target = targets.find((each) => each.name === name);
      if (!target) throw new Error(`there is no target ${name}`);
      expect(await tryOne(target, input)).toBeUndefined();
    },
  );
});

describe('a reader that is wrong is found out', () => {
  const wrong = (read: (b: Buffer, at: number, end: number) => unknown) => ({
    name: 'wrong',
    seeds: [Buffer.from('0800020005000000', 'hex')],
    read,
    isDocumented: () => false,
  });
  test.each([
    ['that reads on', (b: Buffer, at: number, end: number) => b[end] ?? at, /reads beyond/],
    ['that reads what is before', (b: Buffer, at: number) => b[at - 1], /reads beyond/],
    [
      'that throws',
      (b: Buffer, at: number, end: number) => {
        if (end - at > 8) throw new RangeError(`${b.length}`);
      },
      /RangeError/,
    ],
  ])('one %s', async (_, read, what) => {
    const { failures } = await run(wrong(read), SEED, 100);
    expect(failures[0]?.what).toMatch(what);
  });
});
