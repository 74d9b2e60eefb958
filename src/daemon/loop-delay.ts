import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from './clock.ts';

/** A timer of this interval finds out how late the loop comes round. */
const INTERVAL_MS = 20;
/** Where nobody asks for so long, the timer is not worth its wake-ups any more. */
const UNASKED_MS = 600_000;

/** Measures how late the event loop comes round, for those who ask again and again: before the first time nothing runs. */
export class LoopDelay {
  readonly #clock: Clock;
  #histogram: IntervalHistogram | undefined;
  #cancel = (): void => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How late it was since the last call, in words; undefined where nothing was measured, which it is from now on. */
  read(): string | undefined {
    this.#cancel();
    this.#cancel = this.#clock.after(UNASKED_MS, () => this.close());
    const histogram = this.#histogram;
    if (!histogram) {
      this.#histogram = monitorEventLoopDelay({ resolution: INTERVAL_MS });
      this.#histogram.enable();
      return undefined;
    }
    if (histogram.count === 0) return undefined;
    const ms = (nanoseconds: number): string => Math.max(0, nanoseconds / 1e6 - INTERVAL_MS).toFixed(1);
    const words = `p50 ${ms(histogram.percentile(50))}, p99 ${ms(histogram.percentile(99))}, max ${ms(histogram.max)} ms`;
    histogram.reset();
    return words;
  }

  close(): void {
    this.#cancel();
    this.#histogram?.disable();
    this.#histogram = undefined;
  }
}
