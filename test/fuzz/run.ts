import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import type { Target } from './target.ts';
import { tryOne } from './try-one.ts';

export interface Failure {
  readonly target: string;
  readonly input: Buffer;
  readonly what: string;
}

/** How a run of one target went. */
export interface Run {
  readonly inputs: number;
  readonly failures: readonly Failure[];
}

/** Failures of one target; more of them would tell no more. */
const MOST_FAILURES = 5;

/**
 * Gives a reader real bytes, and then so many mutations of them: the same ones for the same seed.
 * @param tick called now and then
 */
export async function run(target: Target, seed: number, inputs: number, tick = (_done: number) => {}): Promise<Run> {
  const random = new Random(seed);
  const failures: Failure[] = [];
  const give = async (input: Buffer): Promise<void> => {
    const what = await tryOne(target, input);
    if (what !== undefined) failures.push({ target: target.name, input, what });
  };
  for (const each of target.seeds) await give(each);
  let done = 0;
  while (done < inputs && failures.length < MOST_FAILURES) {
    await give(mutate(random.pick(target.seeds), random.pick(target.seeds), random));
    if (++done % 256 === 0) tick(done);
  }
  return { inputs: done, failures };
}
