import { expect, test } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { LoopDelay } from './loop-delay.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('the second question is answered: how late the loop was since the first', async () => {
  const delay = new LoopDelay(new FakeClock());
  expect(delay.read()).toBeUndefined();
  let words: string | undefined;
  // The timer has to have run once before and once after.
  for (let i = 0; i < 100 && !(Number(/max ([\d.]+) ms$/.exec(words ?? '')?.[1]) >= 60); i++) {
    await pause(45);
    const end = performance.now() + 100;
    while (performance.now() < end);
    await pause(45);
    words = delay.read();
  }
  expect(words).toMatch(/^p50 [\d.]+, p99 [\d.]+, max [\d.]+ ms$/);
  delay.close();
});

test('where nobody asks for long, it ends, and begins anew with the next question', async () => {
  const clock = new FakeClock();
  const delay = new LoopDelay(clock);
  delay.read();
  await pause(60);
  clock.advance(600_000);
  expect(delay.read()).toBeUndefined();
  delay.close();
});
