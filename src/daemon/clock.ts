/** Time, as the daemon needs it: a test has one of its own. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Calls `task` once after so many milliseconds, unless the answer is called before. */
  after(ms: number, task: () => void): () => void;
}

/** Timers here do not keep the process alive: the sockets do. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
