/** What is to be done when: keys with one time each. */
export class Agenda<K> {
  /** The time that counts; an entry of the heap that says otherwise is old. */
  readonly #times = new Map<K, number>();
  readonly #heap: { readonly at: number; readonly key: K }[] = [];

  get size(): number {
    return this.#times.size;
  }

  /** Sets the time of a key; Infinity takes it out. */
  set(key: K, at: number): void {
    if (at === Number.POSITIVE_INFINITY) {
      this.#times.delete(key);
      return;
    }
    if (this.#times.get(key) === at) return;
    this.#times.set(key, at);
    this.#push(at, key);
    // Times that were changed often leave more old entries than new ones.
    if (this.#heap.length > 64 && this.#heap.length > 4 * this.#times.size) this.#rebuild();
  }

  /** Sets the time of a key unless an earlier one is set. */
  advance(key: K, at: number): void {
    if (at < (this.#times.get(key) ?? Number.POSITIVE_INFINITY)) this.set(key, at);
  }

  /** When something is due next; undefined where nothing is. */
  get next(): number | undefined {
    for (let [top] = this.#heap; top; [top] = this.#heap) {
      if (this.#times.get(top.key) === top.at) return top.at;
      this.#pop();
    }
    return undefined;
  }

  /** Takes out what is due, in order. */
  due(now: number): K[] {
    const keys: K[] = [];
    for (let at = this.next; at !== undefined && at <= now; at = this.next) {
      const { key } = this.#pop() as { key: K };
      this.#times.delete(key);
      keys.push(key);
    }
    return keys;
  }

  #push(at: number, key: K): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push({ at, key });
    for (let up = (i - 1) >> 1; i > 0 && (heap[up]?.at ?? 0) > at; up = (i - 1) >> 1) {
      this.#swap(i, up);
      i = up;
    }
  }

  #pop(): { readonly at: number; readonly key: K } | undefined {
    const heap = this.#heap;
    const [top] = heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    heap[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if ((heap[child]?.at ?? Number.POSITIVE_INFINITY) < (heap[least]?.at ?? 0)) least = child;
      }
      if (least === i) return top;
      this.#swap(i, least);
      i = least;
    }
  }

  #swap(i: number, j: number): void {
    const heap = this.#heap;
    const kept = heap[i] as (typeof heap)[number];
    heap[i] = heap[j] as (typeof heap)[number];
    heap[j] = kept;
  }

  #rebuild(): void {
    this.#heap.length = 0;
    for (const [key, at] of this.#times) this.#push(at, key);
  }
}
