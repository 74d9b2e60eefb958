import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import type { DaemonProcess, LabHost } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';
import { until } from '../../src/lab/process.ts';
import { random } from '../../src/lab/random.ts';
import { kernelTest } from './need.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');
const SEED = Number(process.env['MPTCPD_SEED'] ?? 7);
const RUNS_EACH = 6;
const APPLICATION = 20_000;
const ADDRESSES = ['10.9.0.1', '10.9.0.2'];

const EARLY = 'while it starts';

const never = 'new Promise(() => undefined)';
const PLUGINS: Readonly<Record<string, string>> = {
  /** Has mptcpd listen for joins to each connection. */
  listens: `export default { name: 'listens', api: 1, setup: ({ pm }) => ({
    connectionEstablished: ({ token }) => pm.announce({ token, address: { ip: '10.9.0.1', port: 0 }, listen: true }) }) };`,
  'hangs-in-setup': `export default { name: 'hangs-in-setup', api: 1, priority: 19, setup: () => ${never} };`,
  'hangs-in-hooks': `export default { name: 'hangs-in-hooks', api: 1, priority: 19, setup: () => ({
    interfaceAdded: () => ${never}, localAddressAdded: () => ${never} }) };`,
  'hangs-in-close': `export default { name: 'hangs-in-close', api: 1, priority: 19, setup: () => ({ close: () => ${never} }) };`,
  blocks: `export default { name: 'blocks', api: 1, priority: 19, setup: () => ({
    localAddressAdded() { const end = Date.now() + 100; while (Date.now() < end); } }) };`,
};

let lab: Lab;
let host: LabHost;
let dir: string;

beforeEach(async () => {
  lab = await Lab.open();
  host = await lab.host('host');
  dir = mkdtempSync(join(tmpdir(), 'mptcpd-stop-'));
  for (const [name, code] of Object.entries(PLUGINS)) writeFileSync(join(dir, `${name}.mjs`), code);
  await host.run('sysctl', '-qw', 'net.mptcp.pm_type=1');
  for (const ip of ADDRESSES) await host.run('ip', 'addr', 'add', `${ip}/32`, 'dev', 'lo');
  await host.ask({ op: 'listen', at: { ip: '127.0.0.1', port: APPLICATION }, hangUp: true });
});
afterEach(async () => {
  await lab.close();
  rmSync(dir, { recursive: true });
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const endpoints = async (): Promise<string[]> =>
  (await host.run('ip', 'mptcp', 'endpoint'))
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' ')[0] as string);
const limits = async (): Promise<string> => (await host.run('ip', 'mptcp', 'limits')).trim();
const listeners = async (): Promise<string[]> =>
  [...(await host.run('ss', '-HMln')).matchAll(/(\S+:\d+)\s+\S+:\*/g)].map(([, at]) => at as string);

type Moment = (daemon: DaemonProcess, chance: () => number) => Promise<void>;

/** When SIGTERM comes, and whether mptcpd has made all of its endpoints by then. */
const moments: Readonly<Record<string, { readonly plugins: readonly string[]; readonly made: boolean; when: Moment }>> =
  {
    [EARLY]: { plugins: [], made: false, when: (_, chance) => sleep(chance() * 1000) },
    'while a plugin sets itself up and never has': {
      plugins: ['hangs-in-setup'],
      made: false,
      async when(daemon, chance) {
        await until('it has begun', () => daemon.lines.length > 0, { deadline: 10_000 });
        await sleep(chance() * 100);
      },
    },
    'in a flood of connections, with a plugin that hangs and one that blocks': {
      plugins: ['hangs-in-hooks', 'blocks'],
      made: true,
      async when(daemon, chance) {
        await daemon.ready('host');
        await host.ask({ op: 'churn', to: [{ ip: '127.0.0.1', port: APPLICATION }], atOnce: 16, live: 50, resets: 0 });
        await until('mptcpd listens', async () => (await listeners()).some((each) => each.startsWith('10.9.0.1')));
        await sleep(chance() * 100);
      },
    },
    'while it reads its configuration again': {
      plugins: ['hangs-in-close'],
      made: false,
      async when(daemon, chance) {
        await daemon.ready('host');
        for (let i = 0; i < 3; i++) {
          daemon.signal('SIGHUP');
          await sleep(chance() * 20);
        }
      },
    },
    'while addresses come and go': {
      plugins: ['blocks'],
      made: false,
      async when(daemon, chance) {
        await daemon.ready('host');
        const file = join(dir, 'batch');
        const lines = Array.from({ length: 50 }, (_, i) => [
          `addr add 10.9.1.${i}/32 dev lo`,
          `addr del 10.9.1.${i}/32 dev lo`,
        ]);
        writeFileSync(file, lines.flat().join('\n'));
        const batch = host.run('ip', '-batch', file);
        await sleep(chance() * 30);
        void batch.catch(() => undefined);
      },
    },
  };

describe(`SIGTERM at any moment (MPTCPD_SEED=${SEED})`, () => {
  for (const [name, { plugins, made, when }] of Object.entries(moments)) {
    test(`${name}: mptcpd ends within a second and leaves what it says`, async () => {
      const chance = random(SEED);
      for (let run = 0; run < RUNS_EACH; run++) {
        const onExit = run % 2 === 0 ? 'clean' : 'keep';
        const before = await limits();
        const daemon = host.spawnDaemon('--config', configure(plugins, onExit));
        await when(daemon, chance);
        const { status, ms } = await daemon.stop();
        await host.ask({ op: 'stopChurn' });
        // Before its first line runs, Node.js ends as any program does: there is nothing yet that could be left.
        const early = name === EARLY && status === 143 && daemon.lines.length === 0;
        expect({ run, status: early ? 0 : status, raw: daemon.raw, inTime: ms < 1000 || `${ms} ms` }).toEqual({
          run,
          status: 0,
          raw: [],
          inTime: true,
        });
        const left = (await endpoints()).filter((ip) => ADDRESSES.includes(ip));
        if (onExit === 'clean') {
          expect([left, await limits()]).toEqual([[], before]);
        } else if (made) expect(left.sort()).toEqual(ADDRESSES);
        expect(await listeners()).toEqual([`127.0.0.1:${APPLICATION}`]);
        await host.run('ip', 'mptcp', 'endpoint', 'flush');
        await host.run('ip', 'mptcp', 'limits', 'set', 'subflows', '2', 'add_addr_accepted', '0');
      }
    });
  }
});

function configure(plugins: readonly string[], onExit: string): string {
  const file = join(dir, 'mptcpd.conf');
  const core = [
    `plugin-dir = ${dir}`,
    `load-plugins = ${['addr_adv', 'listens', ...plugins].join(',')}`,
    'path-manager = listens',
  ];
  writeFileSync(file, `[core]\n${core.join('\n')}\n[plugin addr_adv]\non-exit = ${onExit}\n`);
  return file;
}
