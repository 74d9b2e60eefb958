import type { Logger } from '../log/index.ts';
import type { Clock } from './clock.ts';
import { Throttle } from './throttle.ts';

/** Milliseconds between two log lines about the same thing that cannot be read. */
const INTERVAL = 60_000;

/** Reads things that the daemon can go on without: what cannot be read is said, and something else stands for it. */
export class Attempts {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #said = new Throttle(INTERVAL);

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** What `read` gives, or `otherwise` where it throws. */
  read<T>(what: string, read: () => T, otherwise: T): T {
    try {
      return read();
    } catch (error) {
      if (this.#said.pass(what, this.#clock.now()) !== undefined) {
        this.#log.error({ error: String(error) }, `cannot read ${what}; going on without`);
      }
      return otherwise;
    }
  }
}
