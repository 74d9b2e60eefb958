import { describe, expect, test } from 'vitest';
import { asToken } from '../core/model/ids.ts';
import { Lanes } from './lanes.ts';

const A = asToken(1);
const B = asToken(2);
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

function traced() {
  const lanes = new Lanes();
  const trace: string[] = [];
  const ends = new Map<string, () => void>();
  /** A task that lasts until it is ended. */
  const run = (lane: Parameters<Lanes['run']>[0], name: string): void =>
    lanes.run(lane, () => {
      trace.push(`${name} starts`);
      return new Promise<void>((end) => ends.set(name, end)).then(() => void trace.push(`${name} ends`));
    });
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    await turn();
  };
  return { lanes, trace, run, end };
}

describe('lanes', () => {
  test('a task that returns nothing is done at once, and the lane is free', () => {
    const { lanes } = traced();
    const trace: number[] = [];
    for (const n of [1, 2, 3]) lanes.run(A, () => void trace.push(n));
    expect(trace).toEqual([1, 2, 3]);
    expect(lanes.busy).toBe(0);
  });

  test('tasks of one lane never overlap, and keep their order', async () => {
    const { lanes, trace, run, end } = traced();
    for (const name of ['a', 'b', 'c']) run(A, name);
    expect(trace).toEqual(['a starts']);
    for (const name of ['a', 'b', 'c']) await end(name);
    expect(trace).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
    expect(lanes.busy).toBe(0);
  });

  test('another lane goes on meanwhile', async () => {
    const { lanes, trace, run, end } = traced();
    run(A, 'a');
    run(B, 'b');
    run(0, 'network');
    expect(trace).toEqual(['a starts', 'b starts', 'network starts']);
    expect(lanes.busy).toBe(3);
    await end('b');
    expect(trace.at(-1)).toBe('b ends');
    expect(lanes.busy).toBe(2);
  });

  test('a task without a promise waits for those before it', async () => {
    const { lanes, trace, run, end } = traced();
    run(A, 'a');
    lanes.run(A, () => void trace.push('plain'));
    expect(trace).toEqual(['a starts']);
    await end('a');
    expect(trace).toEqual(['a starts', 'a ends', 'plain']);
  });

  test('a task that comes while the last one ends is not lost', async () => {
    const { lanes, trace } = traced();
    lanes.run(A, async () => {
      trace.push('first');
      lanes.run(A, () => void trace.push('second'));
    });
    expect(trace).toEqual(['first', 'second']);
    await turn();
    lanes.run(A, () => void trace.push('third'));
    expect(trace).toEqual(['first', 'second', 'third']);
  });
});
