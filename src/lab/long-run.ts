import { progress, well, wrong } from './console.ts';
import { Lab } from './lab.ts';

/** What a long run has found out, one sentence each. */
export class Checks {
  #failed = 0;

  /** @param words what holds, or does not */
  check(holds: boolean, words: string): void {
    if (holds) well(words);
    else wrong(words);
    if (!holds) this.#failed++;
  }

  get failed(): number {
    return this.#failed;
  }
}

/**
 * Runs a story in a lab to its end: exit status 0 where all its checks hold, 1 where one does not or it fails. Nothing is
 * left behind, whatever ends it.
 */
export async function longRun(name: string, story: (lab: Lab, checks: Checks) => Promise<void>): Promise<never> {
  const checks = new Checks();
  try {
    const obstacle = await Lab.obstacle();
    if (obstacle !== undefined) throw new Error(`${name} needs Linux with MPTCP and user namespaces: ${obstacle}`);
    const lab = await Lab.open();
    const interrupted = new Promise<never>((_, reject) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
        process.once(signal, () => reject(new Error(`interrupted by ${signal}`)));
      }
    });
    try {
      await Promise.race([story(lab, checks), interrupted]);
    } finally {
      if (process.stderr.isTTY) progress('');
      await lab.close();
    }
  } catch (error) {
    checks.check(false, (error as Error).message);
  }
  process.exit(checks.failed > 0 ? 1 : 0);
}

/** A number of the command line. @throws Error where it is none */
export function positive(name: string, text: string): number {
  const value = Number(text);
  if (text === '' || !(value > 0)) throw new Error(`--${name}: "${text}" is no number above 0`);
  return value;
}
