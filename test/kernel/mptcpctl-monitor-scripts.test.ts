/** The monitor as shell scripts use it: in the background, into a file, for some time, without anything to read. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect } from 'vitest';
import { ended, inside, until } from '../../src/lab/process.ts';
import { inNetworkNamespace, MptcpListener } from '../../src/os/index.ts';
import { kernelTest, type Namespace, openNamespace } from './need.ts';

const CTL = [process.execPath, fileURLToPath(new URL('../../bin/mptcpctl', import.meta.url))];
const kernel = kernelTest('MPTCP', 'namespaces to enter');

let ns: Namespace;
let directory: string;
let children: ChildProcess[] = [];

beforeEach(async () => {
  ns = await openNamespace();
  directory = mkdtempSync(join(tmpdir(), 'mptcpctl-'));
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.map(ended));
  await ns.close();
  rmSync(directory, { recursive: true });
});

const holder = (): number => Number(ns.path.split('/')[2]);
const read = (name: string): string => readFileSync(join(directory, name), 'utf8');

/** Starts a script in the namespace, in the directory; `$@` are the words that start mptcpctl. */
function script(text: string): ChildProcess {
  const [program, ...args] = inside(holder(), ['bash', '-c', text, 'bash', ...CTL]);
  const child = spawn(program, args, { cwd: directory, stdio: 'ignore' });
  children.push(child);
  return child;
}

/** Waits until so many monitors follow the events of the namespace (the fourth column of the table is their groups). */
const listening = (count: number): Promise<unknown> =>
  until(`${count} monitors listen`, () => {
    const table = readFileSync(`/proc/${holder()}/net/netlink`, 'utf8');
    return (table.match(/^\S+\s+16\s+[1-9]\d*\s+0*[1-9a-f]/gm) ?? []).length === count;
  });

function listenOnce(port: number): void {
  inNetworkNamespace(ns.path, () => new MptcpListener({ ip: '127.0.0.1', port }).close());
}
const lines = (port: number): string =>
  `[LISTENER_CREATED] saddr4=127.0.0.1 sport=${port}\n[ LISTENER_CLOSED] saddr4=127.0.0.1 sport=${port}\n`;

kernel('in the background, into files: each event is there at once, and is still there after the kill', async () => {
  const running = script(
    '"$@" monitor >one 2>one.err & "$@" monitor >two 2>&1 & trap "kill %1 %2; wait" TERM; wait; wait',
  );
  await listening(2);
  listenOnce(7001);
  await until('both have both lines', () => read('one') === lines(7001) && read('two') === lines(7001));
  listenOnce(7002);
  await until('and two more', () => read('one') === lines(7001) + lines(7002));
  running.kill('SIGTERM');
  await ended(running);
  expect([read('one'), read('one.err'), read('two')]).toEqual([
    lines(7001) + lines(7002),
    '',
    lines(7001) + lines(7002),
  ]);
});

kernel('under timeout(1): its status is timeout’s, and nothing is lost', async () => {
  const running = script('timeout 3 "$@" monitor >out 2>&1; echo $? >status');
  await listening(1);
  listenOnce(7001);
  await ended(running);
  expect([read('out'), read('status')]).toEqual([lines(7001), '124\n']);
});

kernel.each(['<&-', '<&- 2>&-', '</dev/null'])('with nothing to read: %s', async (redirection) => {
  script(`exec "$@" monitor >out ${redirection}`);
  await listening(1);
  listenOnce(7001);
  await until('both lines', () => read('out') === lines(7001));
});

kernel('of another namespace, by -n', async () => {
  const child = spawn(CTL[0] ?? '', [
    ...CTL.slice(1),
    '-n',
    ns.path,
    '-j',
    '-o',
    'monitor',
    'event',
    'listener_created',
  ]);
  children.push(child);
  let out = '';
  child.stdout.on('data', (data) => (out += data));
  await listening(1);
  listenOnce(7003);
  await until('the line', () => out === '{"event":"LISTENER_CREATED","saddr4":"127.0.0.1","sport":7003}\n');
});

kernel('stopped at any moment of its start, it ends, and what it wrote is JSON or nothing', async () => {
  const seen = new Set<string>();
  for (let ms = 0; ms < 300; ms += 10) {
    const [program, ...args] = inside(holder(), [...CTL, '-j', 'monitor']);
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    let out = '';
    child.stdout.on('data', (data) => (out += data));
    setTimeout(() => child.kill(ms % 20 ? 'SIGTERM' : 'SIGINT'), ms);
    await until(`its end after ${ms} ms`, () => child.stdout.closed && (child.exitCode !== null || child.signalCode));
    seen.add(out);
  }
  expect([...seen].filter((out) => out !== '' && out !== '[]\n')).toEqual([]);
});
