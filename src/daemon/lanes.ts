import type { Token } from '../core/model/ids.ts';

type Task = () => void | Promise<void>;

/** Whether something can be awaited: not every promise is of this realm's class. */
export const isPromise = (value: unknown): value is Promise<void> =>
  typeof (value as { then?: unknown } | undefined)?.then === 'function';

/**
 * Keeps the hooks of one connection in order: while one has not settled, the next ones of its lane wait. A task that
 * returns no promise costs none. Tasks deal with their own errors.
 */
export class Lanes {
  readonly #waiting = new Map<Token | 0, Task[]>();
  /** The task that each busy lane waits for, told apart by a number. */
  readonly #current = new Map<Token | 0, number>();
  /** Ends the waiting of a busy lane. */
  readonly #release = new Map<Token | 0, () => void>();
  #queued = 0;
  #tasks = 0;

  /** How many lanes have a task that has not settled. */
  get busy(): number {
    return this.#waiting.size;
  }

  /** How many tasks wait for their turn, in all lanes. */
  get queued(): number {
    return this.#queued;
  }

  /** Whether a task of the lane has not settled. */
  isBusy(lane: Token | 0): boolean {
    return this.#waiting.has(lane);
  }

  /** What each busy lane waits for now. */
  since(): ReadonlyMap<Token | 0, number> {
    return new Map(this.#current);
  }

  /** How many lanes wait for the same task as they did then. */
  stillBusy(then: ReadonlyMap<Token | 0, number>): number {
    let count = 0;
    for (const [lane, task] of then) if (this.#current.get(lane) === task) count++;
    return count;
  }

  /** Lanes that wait for the same task as they did then wait no longer: what comes after it goes on. */
  letGo(then: ReadonlyMap<Token | 0, number>): number {
    let count = 0;
    for (const [lane, task] of then) {
      if (this.#current.get(lane) !== task) continue;
      count++;
      this.#release.get(lane)?.();
    }
    return count;
  }

  /** Runs a task, or has it wait for those before it. */
  run(lane: Token | 0, task: Task): void {
    const queue = this.#waiting.get(lane);
    if (queue) {
      queue.push(task);
      this.#queued++;
      return;
    }
    const result = task();
    if (isPromise(result)) void this.occupy(lane, result);
  }

  /** Takes a free lane until the promise settles, and then runs what came meanwhile. */
  async occupy(lane: Token | 0, first: Promise<void>): Promise<void> {
    const queue: Task[] = [];
    this.#waiting.set(lane, queue);
    this.#current.set(lane, ++this.#tasks);
    await this.#settled(lane, first);
    for (let next = queue.shift(); next; next = queue.shift()) {
      this.#queued--;
      this.#current.set(lane, ++this.#tasks);
      const result = next();
      if (isPromise(result)) await this.#settled(lane, result);
    }
    this.#release.delete(lane);
    this.#current.delete(lane);
    this.#waiting.delete(lane);
  }

  /** Until a task settles, or the lane is let go. */
  #settled(lane: Token | 0, task: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      this.#release.set(lane, resolve);
      task.then(resolve, () => resolve());
    });
  }
}
