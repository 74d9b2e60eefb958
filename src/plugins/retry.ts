/** What the plugins that try subflows again have in common. */
import { int } from '../plugin-api/index.ts';

/** A day: nobody waits longer on purpose. */
const MOST_MS = 86_400_000;

export const retryOptions = {
  'retry-after': int({
    default: 1000,
    min: 10,
    max: MOST_MS,
    help: 'milliseconds until a lost subflow is tried again, then doubled',
  }),
  'retry-most': int({ default: 60_000, min: 10, max: MOST_MS, help: 'the most milliseconds between two tries' }),
};

/** The pause after one of `before` milliseconds; the first one where there was none. */
export function nextPause(
  before: number | undefined,
  options: { readonly 'retry-after': number; readonly 'retry-most': number },
): number {
  const first = options['retry-after'];
  return Math.min(before === undefined ? first : before * 2, Math.max(first, options['retry-most']));
}

/** Refusals that time may mend: no route (over the interface) yet, or the address just gone. */
export const passing: ReadonlySet<string> = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EADDRINUSE']);
