/** Lets a message through once in a while, and tells how many of its kind were held back in between. */
export class Throttle {
  readonly #interval: number;
  readonly #limit: number;
  readonly #seen = new Map<string, { since: number; held: number }>();

  /**
   * @param interval milliseconds between two messages of one kind
   * @param limit kinds to remember; the oldest is forgotten
   */
  constructor(interval: number, limit = 256) {
    this.#interval = interval;
    this.#limit = limit;
  }

  /** How many were held back since the last one that passed; undefined where this one is to be held back too. */
  pass(kind: string, now: number): number | undefined {
    const seen = this.#seen.get(kind);
    if (seen && now - seen.since < this.#interval) {
      seen.held++;
      return undefined;
    }
    this.#seen.delete(kind);
    this.#seen.set(kind, { since: now, held: 0 });
    if (this.#seen.size > this.#limit) {
      const [oldest] = this.#seen.keys();
      if (oldest !== undefined) this.#seen.delete(oldest);
    }
    return seen?.held ?? 0;
  }
}
