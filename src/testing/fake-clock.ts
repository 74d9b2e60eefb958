import type { Clock } from '../daemon/clock.ts';

interface Timer {
  readonly at: number;
  readonly task: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now = 0;
  #timers: Timer[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, task: () => void): () => void {
    const timer = { at: this.#now + Math.max(ms, 0), task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.length;
  }

  /**
   * Moves the clock and calls the tasks whose time comes, in order.
   * @param settle awaited after each task, so that what it started is done before the next
   */
  async advance(ms: number, settle: () => Promise<void> = async () => undefined): Promise<void> {
    const end = this.#now + ms;
    for (let next = this.#earliest(end); next; next = this.#earliest(end)) {
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = next.at;
      next.task();
      await settle();
    }
    this.#now = end;
  }

  #earliest(end: number): Timer | undefined {
    let found: Timer | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (!found || timer.at < found.at)) found = timer;
    return found;
  }
}
