/** Bytes in a millisecond over a subflow that carries data. */
const RATE = 1000;

/** What one host has sent over one subflow, counted whenever somebody looks. */
export class FakeFlow {
  acked = 0;
  /** Segments on their way: those that left before the path broke wait for its return. */
  unacked = 0;
  #at = 0;

  /**
   * Lets the time since the last look pass.
   * @param used there is data to be sent over it
   * @param passes packets get from one end to the other
   */
  count(used: boolean, passes: boolean, now: number): void {
    const elapsed = now - this.#at;
    this.#at = now;
    if (passes && (used || this.unacked > 0)) this.acked += Math.max(1, elapsed) * RATE;
    if (used) this.unacked = 10;
    else if (passes) this.unacked = 0;
  }
}
