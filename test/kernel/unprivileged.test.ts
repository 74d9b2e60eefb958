import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect } from 'vitest';
import type { DaemonProcess, LabHost } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';
import { kernelState } from '../../src/lab/oracle.ts';
import { until } from '../../src/lab/process.ts';
import { kernelTest } from './need.ts';

const NOBODY = 65534;
const CAP_NET_ADMIN = 12n;
const test = kernelTest('MPTCP', 'CAP_NET_ADMIN of the machine', 'a checkout that every user may read');
const inLab = kernelTest('MPTCP', 'namespaces to enter');
const MESH = [1, 2].flatMap((a) => [1, 2].map((b) => `10.0.${a}.1 > 10.0.${b}.2`));

let lab: Lab;
let client: LabHost;
let server: LabHost;

beforeEach(async () => {
  lab = await Lab.open();
  client = await lab.host('client');
  server = await lab.host('server');
  for (const host of [client, server]) await host.run('sysctl', '-qw', 'net.mptcp.pm_type=1');
  for (const n of [1, 2]) {
    await lab.link(client, server, `v${n}`);
    await client.run('ip', 'addr', 'add', `10.0.${n}.1/24`, 'dev', `v${n}`);
    await server.run('ip', 'addr', 'add', `10.0.${n}.2/24`, 'dev', `v${n}`);
  }
});
afterEach(() => lab.close());

const status = ({ pid }: DaemonProcess, field: string): string =>
  new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';

const subflows = async (): Promise<string[]> =>
  (await kernelState(client)).subflows.filter(({ state }) => state === 'ESTAB').map(({ pair }) => pair);

const eventually = (what: string, wanted: readonly string[]): Promise<unknown> =>
  until(what, async () => (await subflows()).sort().join() === [...wanted].sort().join(), {
    deadline: 20_000,
    state: subflows,
  });

/** A link is cut, mptcpd is killed meanwhile and started anew, the link comes back. */
async function story(start: (host: LabHost) => Promise<DaemonProcess>): Promise<void> {
  await start(server);
  const first = await start(client);
  await server.ask({ op: 'listen', at: { ip: '::', port: 8000 } });
  const { connection } = await client.ask<{ connection: number }>({
    op: 'connect',
    to: { ip: '10.0.1.2', port: 8000 },
  });
  await client.ask({ op: 'send', connection });
  await eventually('the full mesh', MESH);
  await client.run('ip', 'link', 'set', 'v1', 'down');
  await eventually('one path is left', ['10.0.2.1 > 10.0.2.2']);
  await first.kill();
  const second = await start(client);
  await client.run('ip', 'link', 'set', 'v1', 'up');
  await eventually('the full mesh again', MESH);
  const problems = second.lines.filter(({ level }) => Number(level) >= 50);
  expect(problems).toEqual([]);
  expect((await second.stop()).status).toBe(0);
}

test('a user of no other right than CAP_NET_ADMIN: cut links and killed daemons heal as for root', async () => {
  await story(async (host) => {
    const daemon = host.spawnDaemonAs(NOBODY, true, '--load-plugins=fullmesh');
    await daemon.ready(host.name);
    expect(status(daemon, 'Uid').split(/\s+/)).toEqual(Array(4).fill(`${NOBODY}`));
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
      expect([set, BigInt(`0x${status(daemon, set)}`)]).toEqual([set, 1n << CAP_NET_ADMIN]);
    }
    // It has the right that the full buffer takes.
    expect(daemon.lines.filter(({ msg }) => `${msg}`.includes('receive buffer'))).toEqual([]);
    return daemon;
  });
});

test('a user of no right at all is told which one is missing', async () => {
  const daemon = client.spawnDaemonAs(NOBODY, false);
  expect(await daemon.ended()).toBe(1);
  expect(daemon.raw).toEqual([expect.stringContaining('AmbientCapabilities=CAP_NET_ADMIN')]);
});

inLab('in a user namespace of its own: CAP_NET_ADMIN there is enough', async () => {
  await story(async (host) => {
    const daemon = await host.startDaemon('--load-plugins=fullmesh');
    for (const set of ['CapPrm', 'CapEff', 'CapBnd']) {
      expect([set, BigInt(`0x${status(daemon, set)}`)]).toEqual([set, 1n << CAP_NET_ADMIN]);
    }
    return daemon;
  });
});
