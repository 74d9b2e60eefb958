/** Time, as the daemon needs it: a test has one of its own. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Calls `task` once after so many milliseconds, unless the answer is called before. */
  after(ms: number, task: () => void): () => void;
}

/** The most that setTimeout takes, 24 days: what is above it would be called at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** Timers keep the process alive, at the start too, when no socket is watched yet: the end comes by process.exit. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, Math.min(ms, LONGEST_MS));
    return () => clearTimeout(timer);
  },
};
