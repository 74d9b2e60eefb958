import { expect, onTestFinished, test, vi } from 'vitest';
import { stopSignal } from './stop-signal.ts';

const signals = ['SIGTERM', 'SIGINT'] as const;

test('takes the place of what was to happen before, and somebody listens all the while', async () => {
  const before = vi.fn();
  const left: number[] = [];
  const count = (name: string | symbol): void => {
    if (signals.some((signal) => signal === name)) left.push(process.listenerCount(name as 'SIGTERM'));
  };
  const others = signals.map((signal) => process.listeners(signal));
  onTestFinished(() => {
    process.removeListener('removeListener', count);
    for (const [at, signal] of signals.entries()) {
      process.removeAllListeners(signal);
      for (const listener of others[at] ?? []) process.on(signal, listener);
    }
  });
  for (const signal of signals) process.once(signal, before);
  process.on('removeListener', count);
  const stopped = stopSignal();
  expect(left.length).toBeGreaterThanOrEqual(2);
  expect(Math.min(...left)).toBe(1);
  process.emit('SIGINT');
  await stopped;
  expect(before).not.toHaveBeenCalled();
});
