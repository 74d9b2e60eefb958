/** The first SIGTERM or SIGINT: it ends the program with status 0, and whatever was to happen on one before does not. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const before = process.listeners(signal);
      process.once(signal, () => resolve());
      // Only now: with the last listener goes the handler, and a signal that it has caught and not yet told of is lost.
      for (const listener of before) process.removeListener(signal, listener);
    }
  });
}
