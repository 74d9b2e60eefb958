import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect } from 'vitest';
import { ended, until } from '../../src/lab/process.ts';
import { inNetworkNamespace, MptcpListener } from '../../src/os/index.ts';
import { kernelTest, type Namespace, openNamespace } from './need.ts';

const CTL = [process.execPath, fileURLToPath(new URL('../../bin/mptcpctl', import.meta.url))];
const kernel = kernelTest('MPTCP', 'namespaces to enter');

let ns: Namespace;
let children: ChildProcess[] = [];
/** How often {@link listenOnce} did it. */
let listened = 0;

beforeEach(async () => {
  ns = await openNamespace();
  children = [];
  listened = 0;
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.map(ended));
  await ns.close();
});

interface Running {
  readonly child: ChildProcess;
  out: string;
  err: string;
}

/** Starts a program inside the namespace and waits until a monitor listens there. */
async function monitor(argv: readonly string[]): Promise<Running> {
  const pid = ns.path.split('/')[2] ?? '';
  const child = spawn('nsenter', ['-t', pid, '-U', '-n', '--preserve-credentials', ...argv]);
  children.push(child);
  const running: Running = { child, out: '', err: '' };
  child.stdout.on('data', (data) => (running.out += data));
  child.stderr.on('data', (data) => (running.err += data));
  const listens = (): boolean => /^\S+\s+16\s+\d+\s+0*[1-9a-f]/m.test(readFileSync(`/proc/${pid}/net/netlink`, 'utf8'));
  await until('the monitor listens', listens, { state: () => running.err });
  return running;
}

/** Makes two events, and more: somebody listens, and no longer. */
function listenOnce(times = 1): void {
  listened += times;
  inNetworkNamespace(ns.path, () => {
    for (let i = 0; i < times; i++) new MptcpListener({ ip: '127.0.0.1', port: 7000 }).close();
  });
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  kernel(`${signal} ends the monitor silently, SIGUSR1 does not and wakes nobody`, async () => {
    const running = await monitor([...CTL, '-j', 'monitor']);
    running.child.kill('SIGUSR1');
    listenOnce();
    await until('both events', () => running.out.includes('LISTENER_CLOSED'));
    running.child.kill(signal);
    expect(await ended(running.child)).toBe(0);
    expect(running.err).toBe('');
    expect(JSON.parse(running.out)).toHaveLength(2);
  });
}

kernel('each event is written at once, and who has read enough ends the monitor silently', async () => {
  const script = 'set -o pipefail; "$@" monitor | head -1; echo "status $?"';
  const running = await monitor(['bash', '-c', script, 'bash', ...CTL]);
  const gone = once(running.child, 'close');
  listenOnce();
  await until('the first line', () => running.out.includes('\n'));
  // The monitor finds out when it writes again.
  await until('its end', () => {
    listenOnce();
    return running.child.exitCode !== null;
  });
  await gone;
  expect(running).toMatchObject({ out: '[LISTENER_CREATED] saddr4=127.0.0.1 sport=7000\nstatus 0\n', err: '' });
});

kernel('filters', async () => {
  const running = await monitor([...CTL, '-j', '-o', 'monitor', 'event', 'listener_closed']);
  listenOnce(2);
  const line = '{"event":"LISTENER_CLOSED","saddr4":"127.0.0.1","sport":7000}\n';
  await until('two lines', () => running.out === line + line, { state: () => running.out });
});

kernel('events that were lost are counted, in text and in JSON', async () => {
  const [text, json] = [await monitor([...CTL, 'monitor']), await monitor([...CTL, '-j', '-o', 'monitor'])];
  await until('both listen', () => followers() === 2);
  for (const { child } of [text, json]) child.kill('SIGSTOP');
  const fill = (): boolean => {
    listenOnce(500);
    return drops().every((count) => count > 0);
  };
  await until('events are dropped', fill, { deadline: 20_000 });
  for (const { child } of [text, json]) child.kill('SIGCONT');
  await until('the loss is told', () => text.out.includes('LOST: ') && json.out.includes('"LOST"'));
  expect(text.out).toMatch(/^\[EVENTS LOST: [1-9]\d*\]$/m);
  expect(json.out).toMatch(/^\{"event":"LOST","count":[1-9]\d*\}$/m);
  expect(
    json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)).length,
  ).toBeGreaterThan(1);
});

kernel('a reader that stalls costs no memory without end: what it misses is counted', async () => {
  const running = await monitor([...CTL, '-t', 'monitor']);
  running.child.stdout?.pause();
  await until(
    'the monitor has taken more than may wait',
    () => {
      listenOnce(500);
      return listened > 12_000;
    },
    { deadline: 20_000 },
  );
  running.child.stdout?.resume();
  const told = (): number => running.out.match(/LISTENER/g)?.length ?? 0;
  const lost = (): number =>
    [...running.out.matchAll(/EVENTS LOST: (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  const state = (): unknown => ({ listened, told: told(), lost: lost() });
  await until('every event is told or counted', () => told() + lost() === 2 * listened, { state });
  expect(lost()).toBeGreaterThan(0);
});

kernel('a reader that stalls does not keep it from ending', async () => {
  const running = await monitor([...CTL, 'monitor']);
  running.child.stdout?.pause();
  listenOnce(4000);
  running.child.kill('SIGTERM');
  expect(await ended(running.child)).toBe(0);
});

/** The sockets of generic netlink in the namespace that follow a group, a row of /proc/net/netlink each. */
function rows(): string[][] {
  const table = readFileSync(`${ns.path.replace('/ns/net', '/net/netlink')}`, 'utf8');
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, protocol, , groups = '']) => protocol === '16' && /[1-9a-f]/.test(groups) && groups.length === 8);
}
const followers = (): number => rows().filter(([, , pid]) => pid !== '0').length;
/** A row ends with its drops, before the inode. */
const drops = (): number[] =>
  rows()
    .filter(([, , pid]) => pid !== '0')
    .map((row) => Number(row[8]));
