import { describe, expect, test, vi } from 'vitest';
import { until } from '../../src/lab/process.ts';
import { kernelTest } from '../kernel/need.ts';
import { differences } from './differences.ts';
import { lists } from './lists.ts';
import { cProgram, ourProgram, whyNoCProgram } from './programs.ts';
import { nameOf, type StepList } from './step.ts';
import { Subject } from './subject.ts';

// Most of the time goes by waiting: the kernel tells of carriers once a second (net/core/link_watch.c).
vi.setConfig({ maxConcurrency: 12 });

const missing = whyNoCProgram();
if (missing !== undefined) {
  if (process.env['MPTCPD_NEED_KERNEL'] === '1') throw new Error(missing);
  process.stderr.write(`SKIPPED: parity with the C mptcpd: ${missing}\n`);
}
const parity = missing === undefined ? kernelTest('MPTCP', 'namespaces to enter') : test.skip;

describe.concurrent('after each step there is the same as with the C mptcpd, or what the table says', () => {
  for (const list of lists) parity(list.name, () => compare(list));
});

/** Does the steps to both programs, and after each holds the kernel's state of one against that of the other. */
async function compare(list: StepList): Promise<void> {
  const at = differences.find((difference) => difference.list === list.name)?.at ?? {};
  const [c, ours] = await Promise.all([Subject.open(cProgram), Subject.open(ourProgram)]);
  try {
    for (const step of list.steps) {
      const name = nameOf(step);
      await Promise.all([c.perform(step), ours.perform(step)]);
      let seen: { c?: string | undefined; ours?: string | undefined } = {};
      const asExpected = async (): Promise<boolean> => {
        seen = { ours: await ours.look(list) };
        if (seen.ours === undefined) return false;
        seen.c = await c.look(list);
        if (seen.c === undefined) return false;
        const expected = at[name];
        return expected ? seen.c === expected.c && seen.ours === expected.ours : seen.c === seen.ours;
      };
      const state = (): unknown => ({
        seen,
        expected: at[name] ?? 'the same',
        'C said': c.output,
        'ours said': ours.output,
      });
      await until(`${list.name}: ${name}`, asExpected, { state, deadline: 10_000 });
    }
  } finally {
    await Promise.all([c.close(), ours.close()]);
  }
}

describe('the table of differences', () => {
  const names = lists.map(({ name }) => name);

  test('names step lists and steps that there are, each once', () => {
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(differences.map(({ list }) => list)).size).toBe(differences.length);
    for (const { list, at } of differences) {
      const steps = lists.find(({ name }) => name === list)?.steps.map(nameOf) ?? [];
      expect(new Set(steps).size, `steps of "${list}" have names of their own`).toBe(steps.length);
      expect(steps, `steps of "${list}"`).toEqual(expect.arrayContaining(Object.keys(at)));
      expect(Object.keys(at), `differences of "${list}"`).not.toEqual([]);
    }
  });

  test('has differences only', () => {
    const same = differences.flatMap(({ list, at }) =>
      Object.entries(at).flatMap(([step, { c, ours }]) => (c === ours ? [`${list}: ${step}`] : [])),
    );
    expect(same).toEqual([]);
  });
});
