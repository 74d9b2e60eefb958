import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from './clock.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a task is called once its time has come, and once', () => {
  const task = vi.fn();
  systemClock.after(100, task);
  vi.advanceTimersByTime(99);
  expect(task).not.toHaveBeenCalled();
  vi.advanceTimersByTime(10_000);
  expect(task).toHaveBeenCalledOnce();
});

test('one that is called off is not called', () => {
  const task = vi.fn();
  const cancel = systemClock.after(100, task);
  cancel();
  vi.advanceTimersByTime(1000);
  expect(task).not.toHaveBeenCalled();
});

test('a time too long for Node’s timers is not no time at all', () => {
  const task = vi.fn();
  systemClock.after(2 ** 32, task);
  vi.advanceTimersByTime(1_000_000);
  expect(task).not.toHaveBeenCalled();
});
