/** How often the kernel's counters are to be read: often enough for the most impatient of those who ask. */
export class Watches {
  readonly #counts = new Map<number, number>();

  /** The shortest time that anybody asks for; undefined where nobody does. */
  get shortest(): number | undefined {
    let shortest: number | undefined;
    for (const after of this.#counts.keys()) if (after < (shortest ?? Number.POSITIVE_INFINITY)) shortest = after;
    return shortest;
  }

  /** Somebody asks for another time than before. */
  change(before: number | undefined, after: number | undefined): void {
    if (before !== undefined) {
      const left = (this.#counts.get(before) ?? 1) - 1;
      if (left > 0) this.#counts.set(before, left);
      else this.#counts.delete(before);
    }
    if (after !== undefined) this.#counts.set(after, (this.#counts.get(after) ?? 0) + 1);
  }
}
