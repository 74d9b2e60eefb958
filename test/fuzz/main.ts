/**
 * A longer search than the tests make: mutations of what really was sent, given to everything that reads bytes from
 * outside. An input that fails is kept in test/fixtures/fuzz.
 *
 *     npm run fuzz -- [--inputs N] [--minutes N] [--seed N] [--only WORDS]
 */
import { parseArgs } from 'node:util';
import { keep } from './failures.ts';
import { type Failure, run } from './run.ts';
import { targets } from './targets/index.ts';

const INPUTS = 1_200_000;
/** How many inputs a target is given at a time where minutes count. */
const ROUND = 2000;

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: `${INPUTS}` },
    minutes: { type: 'string' },
    seed: { type: 'string', default: `${Date.now() % 0x1_0000_0000}` },
    only: { type: 'string', default: '' },
  },
});
const seed = Number(values.seed);
const wanted = Number(values.inputs);
const end = values.minutes === undefined ? undefined : performance.now() + Number(values.minutes) * 60_000;
const chosen = targets.filter(({ name }) => name.includes(values.only));
if (chosen.length === 0) throw new Error(`no target has "${values.only}" in its name`);

const start = performance.now();
const seconds = (): string => ((performance.now() - start) / 1000).toFixed(0);
const heap = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1e6;
};
let inputs = 0;
let shownAt = start;
const tick = (name: string, done: number): void => {
  if (performance.now() - shownAt < 2000) return;
  shownAt = performance.now();
  process.stderr.write(`\r${seconds()} s, ${inputs + done} inputs, ${name}\x1b[K`);
};

process.stdout.write(`seed ${seed}, ${chosen.length} targets, Node ${process.version}\n`);
const failures: Failure[] = [];
const counts = new Map<string, number>();
const heaps: number[] = [];
const goesOn = (): boolean => (end === undefined ? inputs < wanted : performance.now() < end);
for (let round = 0; goesOn(); round++) {
  for (const [i, target] of chosen.entries()) {
    if (!goesOn()) break;
    const most = end === undefined ? Math.ceil(wanted / chosen.length / 10) : ROUND;
    const { inputs: done, failures: found } = await run(target, (seed + 7919 * round + i) >>> 0, most, (count) =>
      tick(target.name, count),
    );
    inputs += done;
    counts.set(target.name, (counts.get(target.name) ?? 0) + done);
    failures.push(...found);
  }
  heaps.push(heap());
}
process.stderr.write('\r\x1b[K');
for (const [name, count] of counts) process.stdout.write(`${count.toString().padStart(9)}  ${name}\n`);
const [low = 0, high = 0] = [heaps[0], heaps.at(-1)];
process.stdout.write(
  `${inputs} inputs in ${seconds()} s, ${failures.length} failures; ` +
    `memory in use after the first round ${low.toFixed(1)} MB, after the last ${high.toFixed(1)} MB\n`,
);
for (const failure of failures) {
  process.stdout.write(`${failure.target}: ${failure.what}\n  kept as ${keep(failure)}\n`);
}
process.exitCode = failures.length > 0 ? 1 : 0;
