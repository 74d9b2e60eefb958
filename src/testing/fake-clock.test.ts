import { describe, expect, test } from 'vitest';
import { FakeClock } from './fake-clock.ts';

describe('a clock that a test moves', () => {
  test('stands still otherwise', async () => {
    const clock = new FakeClock();
    expect(clock.now()).toBe(0);
    await clock.advance(1500);
    expect(clock.now()).toBe(1500);
  });

  test('calls what is due, in the order of time and of asking, at its time', async () => {
    const clock = new FakeClock();
    const trace: string[] = [];
    const note = (name: string) => () => void trace.push(`${name} at ${clock.now()}`);
    clock.after(20, note('late'));
    clock.after(10, note('first'));
    clock.after(10, note('second'));
    clock.after(-5, note('at once'));
    clock.after(31, note('never'));
    await clock.advance(30);
    expect(trace).toEqual(['at once at 0', 'first at 10', 'second at 10', 'late at 20']);
    expect([clock.now(), clock.waiting]).toEqual([30, 1]);
  });

  test('calls what a task asks for within the same step', async () => {
    const clock = new FakeClock();
    const times: number[] = [];
    const tick = (): void => {
      times.push(clock.now());
      clock.after(10, tick);
    };
    clock.after(10, tick);
    await clock.advance(35);
    expect(times).toEqual([10, 20, 30]);
  });

  test('lets each task’s work be done before the next', async () => {
    const clock = new FakeClock();
    const trace: string[] = [];
    clock.after(1, () => void trace.push('a'));
    clock.after(2, () => void trace.push('b'));
    await clock.advance(5, async () => void trace.push('settled'));
    expect(trace).toEqual(['a', 'settled', 'b', 'settled']);
  });

  test('a task may be called off, also by one that is due with it', async () => {
    const clock = new FakeClock();
    const trace: string[] = [];
    const cancel = clock.after(10, () => void trace.push('first'));
    const second = { cancel: (): void => undefined };
    clock.after(20, () => second.cancel());
    second.cancel = clock.after(20, () => void trace.push('second'));
    cancel();
    cancel();
    await clock.advance(100);
    expect(trace).toEqual([]);
    expect(clock.waiting).toBe(0);
  });
});
