/** A reader of bytes that come from outside. */
export interface Target {
  readonly name: string;
  /** What really was sent, or written. */
  readonly seeds: readonly Buffer[];
  /** Reads; what comes of it must depend on these bytes alone. @throws what {@link isDocumented} knows */
  read(b: Buffer, at: number, end: number): unknown;
  isDocumented(error: unknown): boolean;
}

/** A reader that takes a whole buffer, or text. */
export const whole =
  (read: (b: Buffer) => unknown): Target['read'] =>
  (b, at, end) =>
    read(Buffer.from(b.subarray(at, end)));
