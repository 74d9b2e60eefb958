import { test as base } from 'vitest';
import { Lab } from '../../../src/lab/lab.ts';
import { until } from '../../../src/lab/process.ts';
import { FakeWorld } from './fake.ts';
import { KernelWorld } from './kernel.ts';
import type { World } from './world.ts';

export type { Connection, Flow, Host, RunningDaemon } from './world.ts';

/** Whether scenarios run on the running kernel. */
export const onKernel = process.env['MPTCPD_WORLD'] === 'kernel';
const obstacle = onKernel ? await Lab.obstacle() : undefined;
if (obstacle !== undefined) {
  if (process.env['MPTCPD_NEED_KERNEL'] === '1')
    throw new Error(`scenarios must run on the kernel here, but: ${obstacle}`);
  process.stderr.write(`scenarios on the real kernel are skipped: ${obstacle}\n`);
}

let fake: FakeWorld | undefined;

const withWorld = base.extend<{ world: World }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from the pattern
  world: async ({}, use) => {
    fake = onKernel ? undefined : new FakeWorld();
    const world = fake ?? (await KernelWorld.open());
    await use(world);
    await world.close();
  },
});

/** A test of one story; the same on the fake kernel and on the real one. */
export const scenario = obstacle === undefined ? withWorld : withWorld.skip;

/** Lets time pass: what must not happen has its chance. */
export async function pass(ms: number): Promise<void> {
  if (!fake) await new Promise((resolve) => setTimeout(resolve, ms));
  else for (const end = fake.clock.now() + ms; fake.clock.now() < end; ) await fake.turn();
}

/** Waits until a list is as expected; on the fake kernel time is moved on by hand. */
export async function eventually(
  what: string,
  list: () => Promise<string[]>,
  expected: readonly string[],
  deadline = 5000,
): Promise<void> {
  const wanted = JSON.stringify([...expected].sort());
  let seen: string[] = [];
  const condition = async (): Promise<boolean> => {
    seen = (await list()).sort();
    return JSON.stringify(seen) === wanted;
  };
  const state = (): unknown => ({ seen, expected: [...expected].sort() });
  if (!fake) {
    await until(what, condition, { deadline, state });
    return;
  }
  const world = fake;
  for (const end = world.clock.now() + deadline; !(await condition()); ) {
    if (world.clock.now() > end)
      throw new Error(`not within ${deadline} ms: ${what}; now: ${JSON.stringify(state(), null, 1)}`);
    await world.turn();
  }
}
