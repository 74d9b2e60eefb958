import type { SubflowEvent } from './model/events.ts';

/**
 * Subflows of which the latest reading of everything told that they have ended: their events may still come, and are no
 * news.
 */
export class ToldEnds {
  readonly #places = new Set<string>();

  /** Everything is read again: what waited in the socket then has been heard. */
  clear(): void {
    this.#places.clear();
  }

  note(event: SubflowEvent): void {
    this.#places.add(placeOf(event));
  }

  get size(): number {
    return this.#places.size;
  }

  /** Whether the end of a subflow that is not known was told; once. One that was being tried was not known by its port. */
  take(event: SubflowEvent): boolean {
    return this.#places.delete(placeOf(event)) || this.#places.delete(placeOf({ ...event, localPort: 0 }));
  }
}

const placeOf = ({ token, localIp, localPort, remoteIp }: SubflowEvent): string =>
  `${token} ${localIp} ${localPort} ${remoteIp}`;
