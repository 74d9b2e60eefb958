import { isDeepStrictEqual } from 'node:util';
import type { Target } from './target.ts';

/** One input must not take longer than this, however long it is. */
const SLOW_MS = 100;
/** A machine that is busy with other things may be slow once. */
const TIMES_SLOW = 3;

/** What a reader makes of an input; another surrounding must not change it. */
export interface Reading {
  readonly value?: unknown;
  readonly error?: string;
}

/**
 * Gives a reader one input. The bytes stand in a larger buffer, at two places of it and among other bytes each time:
 * one that reads what is not its own gives itself away.
 * @returns what is wrong; undefined where nothing is
 */
export async function tryOne(target: Target, input: Buffer): Promise<string | undefined> {
  try {
    const first = await read(target, input, 0xff, 8);
    const second = await read(target, input, 0x05, 12);
    if (!isDeepStrictEqual(first, second)) return 'it reads beyond its bytes: the same ones give something else';
    return undefined;
  } catch (error) {
    return String((error as Error)?.message ?? error);
  }
}

async function read(target: Target, input: Buffer, fill: number, at: number): Promise<Reading> {
  const inside = Buffer.alloc(at + input.length + 16, fill);
  input.copy(inside, at);
  for (let times = 1; ; times++) {
    const start = performance.now();
    const reading = await outcome(target, inside, at, at + input.length);
    const took = performance.now() - start;
    if (took < SLOW_MS) return reading;
    if (times === TIMES_SLOW) throw new Error(`it took ${took.toFixed(0)} ms for ${input.length} bytes`);
  }
}

async function outcome(target: Target, b: Buffer, at: number, end: number): Promise<Reading> {
  try {
    const value = target.read(b, at, end);
    return { value: value instanceof Promise ? await value : value };
  } catch (error) {
    if (!target.isDocumented(error)) {
      throw new Error(`it throws what it should not: ${error instanceof Error ? error.stack : String(error)}`);
    }
    return { error: (error as Error).message };
  }
}
