/**
 * What starting mptcpctl costs beside Node itself, in turns, since the machine may have other work.
 * Run by `npm run bench:start`; changes nothing.
 */
import { spawnSync } from 'node:child_process';

const CTL = new URL('../bin/mptcpctl', import.meta.url).pathname;
const rounds = Number(process.argv[2] ?? 30);
const commands = {
  'node -e 0': ['-e', '0'],
  'mptcpctl -V': [CTL, '-V'],
  'mptcpctl limits': [CTL, 'limits'],
  'mptcpctl connections': [CTL, 'connections'],
};

const times = Object.values(commands).map((args) => ({ args, all: [] }));
for (let round = 0; round < rounds; round++) {
  for (const { args, all } of times) {
    const start = performance.now();
    const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) throw new Error(`${args.join(' ')}: status ${status}`);
    all.push(performance.now() - start);
  }
}

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];
const floor = median(times[0].all);
process.stdout.write(`Node.js ${process.version}, medians of ${rounds} runs\n`);
for (const [i, name] of Object.keys(commands).entries()) {
  const ms = median(times[i].all);
  process.stdout.write(`${name.padEnd(22)}${ms.toFixed(1).padStart(7)} ms${(ms / floor).toFixed(2).padStart(7)}\n`);
}
