import { LONGEST_REST } from './settings.ts';

/** Pairs that are remembered: beyond it the one that was seen longest ago is forgotten. */
const MOST = 1024;

interface Rest {
  times: number;
  until: number;
  /** When it was last added to. */
  at: number;
}

/**
 * Pairs of addresses that peers keep closing, or forbid: across connections, because the next one to the same peer would
 * fare no better. What has rested and then been silent for the longest rest is forgotten.
 */
export class Rests {
  readonly #rests = new Map<string, Rest>();

  get size(): number {
    return this.#rests.size;
  }

  /**
   * Notes that a pair was closed too soon, or forbidden.
   * @param grace how often that may happen before the pair has to rest
   * @returns until when it rests; 0 where it need not yet
   */
  note(key: string, now: number, rest: number, grace: number): number {
    const known = this.#known(key, now);
    const times = (known?.times ?? 0) + 1;
    const rests = times - grace;
    const until = rests > 0 ? now + Math.min(rest * 2 ** (rests - 1), LONGEST_REST) : 0;
    this.#rests.delete(key);
    this.#rests.set(key, { times, until, at: now });
    if (this.#rests.size > MOST) this.#rests.delete(this.#rests.keys().next().value as string);
    return until;
  }

  /** Until when a pair rests; 0 where it does not. */
  until(key: string, now: number): number {
    if (this.#rests.size === 0) return 0;
    const until = this.#known(key, now)?.until ?? 0;
    return until > now ? until : 0;
  }

  /** A subflow of the pair has lived long enough: all is forgiven. */
  forget(key: string): void {
    if (this.#rests.size > 0) this.#rests.delete(key);
  }

  #known(key: string, now: number): Rest | undefined {
    const known = this.#rests.get(key);
    if (known && now - Math.max(known.until, known.at) < LONGEST_REST) return known;
    this.#rests.delete(key);
    return undefined;
  }
}
