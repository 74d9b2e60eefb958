/** Commands of one plugin that are carried out at once, in one turn of the event loop; further ones wait for the next. */
export const MOST_A_TURN = 1000;
/** Commands of one plugin that may wait; further ones are refused. */
export const MOST_WAITING = 10_000;

export interface Task {
  run(): void;
  /** @param closed the plugin is; otherwise too many wait */
  refuse(closed: boolean): void;
}

/**
 * Keeps a plugin that gives command after command from having the daemon to itself: each is a request that the kernel
 * answers at once, and whoever awaits the answer would never let go of the turn. Refusals come in a later turn too.
 */
export class CommandQueue {
  readonly #waiting: Task[] = [];
  readonly #refused: Task[] = [];
  readonly #full: () => void;
  #spent = 0;
  #turning = false;

  /** @param full called where a turn has no room for another command */
  constructor(full: () => void) {
    this.#full = full;
  }

  /** Runs a task now or in its turn, or refuses it. */
  add(task: Task): void {
    this.#turn();
    if (this.#waiting.length === 0 && this.#spent < MOST_A_TURN) {
      this.#spent++;
      task.run();
    } else if (this.#waiting.length < MOST_WAITING) {
      if (this.#waiting.push(task) === 1) this.#full();
    } else {
      this.#refused.push(task);
    }
  }

  /** What waits is for nobody any more: it is taken out. */
  take(): Task[] {
    return [...this.#waiting.splice(0), ...this.#refused.splice(0)];
  }

  /** Looks again in the next turn of the event loop. */
  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      this.#spent = 0;
      for (const task of this.#refused.splice(0)) task.refuse(false);
      const due = this.#waiting.splice(0, MOST_A_TURN);
      this.#spent = due.length;
      if (due.length > 0) this.#turn();
      for (const task of due) task.run();
    });
  }
}
