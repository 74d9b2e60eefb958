import { afterEach, beforeEach, describe, expect } from 'vitest';
import type { DaemonProcess, LabHost } from '../../src/lab/host.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { until } from '../../src/lab/process.ts';
import { kernelTest } from './need.ts';
import { openPair } from './pair.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');

let lab: Lab;
let client: LabHost;
let server: LabHost;

beforeEach(async () => {
  ({ lab, client, server } = await openPair());
  await server.ask({ op: 'listen', at: { ip: '::', port: 8000 } });
});
afterEach(() => lab.close(), 60_000);

/** Connects so often, and sends a little on each so that it is established. */
async function connect(count: number): Promise<number[]> {
  const made: number[] = [];
  for (let left = count; left > 0; left -= 50) {
    const batch = Array.from({ length: Math.min(50, left) }, async (_, i) => {
      const to = i % 2 === 0 ? '10.0.1.2' : 'fd00:1::2';
      const { connection } = await client.ask<{ connection: number }>({ op: 'connect', to: { ip: to, port: 8000 } });
      await client.ask({ op: 'send', connection, bytes: 1000 });
      return connection;
    });
    made.push(...(await Promise.all(batch)));
  }
  return made;
}

/** The connections of a host that no end has closed, and their subflows with the ports, as ss(8) sees them. */
async function seen(host: LabHost): Promise<{ connections: number; subflows: string[] }> {
  const lines = async (what: string): Promise<string[]> =>
    (await host.run('ss', what, 'state', 'established')).split('\n');
  const connections = (await lines('-HMniO')).flatMap((line) => /token:([0-9a-f]+)/.exec(line)?.[1] ?? []);
  const open = new Set(connections.map((token) => Number.parseInt(token, 16)));
  const subflows = (await lines('-HtniO')).filter((line) => {
    const [, token = ''] = /token:[0-9a-f]+\(id:\d+\)\/([0-9a-f]+)/.exec(line) ?? [];
    return open.has(Number.parseInt(token, 16));
  });
  const show = (line: string): string => line.trim().split(/\s+/).slice(2, 4).join(' > ');
  return { connections: open.size, subflows: subflows.map(show).sort() };
}

/** What a daemon says of itself, in numbers. What it has to say beside that may be more than its log takes at once. */
async function summary(daemon: DaemonProcess) {
  const states = () => daemon.lines.filter(({ msg }) => msg === 'state');
  const before = states().length;
  await until(
    'mptcpd reports',
    () => {
      daemon.signal('SIGUSR1');
      return states().length > before;
    },
    { every: 200 },
  );
  return states()[before] as unknown as { connections: number; subflows: number; waiting: number };
}

const knows = (daemon: DaemonProcess, connections: number, subflows: number): Promise<unknown> => {
  const condition = async (): Promise<boolean> => {
    const now = await summary(daemon);
    return now.connections === connections && now.subflows === subflows;
  };
  return until('mptcpd knows all', condition, { deadline: 20_000, every: 50, state: () => summary(daemon) });
};

describe('mptcpd is killed amid a thousand connections and started again', () => {
  test('it knows and holds all of them, and none of them notices', { timeout: 120_000 }, async () => {
    const count = 1000;
    await server.startDaemon('--load-plugins=signal');
    const first = await client.startDaemon('--load-plugins=sspi');
    await connect(count);
    const subflows = 2 * count;
    const all = async (): Promise<boolean> => (await seen(client)).subflows.length === subflows;
    await until('each has its second subflow', all, { deadline: 60_000, every: 200, state: () => summary(first) });
    const before = [await seen(client), await seen(server)];
    await first.kill();

    const start = performance.now();
    const second = await client.startDaemon('--load-plugins=sspi');
    const ready = performance.now() - start;
    await knows(second, count, subflows);
    const known = performance.now() - start;
    const planned = async (): Promise<boolean> => (await summary(second)).waiting === 0;
    await until('all are held against their plans', planned, { deadline: 20_000, state: () => summary(second) });
    const held = performance.now() - start;
    expect([await seen(client), await seen(server)]).toEqual(before);
    process.stderr.write(
      `1000 connections: ready after ${ready.toFixed(0)} ms, all known after ${known.toFixed(0)} ms, held against their plans after ${held.toFixed(0)} ms\n`,
    );
  });
});

describe('events are lost in a flood', () => {
  test('it is said once how many, and then all is known', { timeout: 120_000 }, async () => {
    await server.startDaemon('--load-plugins=signal');
    const daemon = await client.startDaemon('--load-plugins=sspi');
    const lasting = await connect(20);
    await knows(daemon, 20, 40);
    daemon.signal('SIGSTOP');
    // As many as it takes: the kernel counts for each socket what it has dropped there.
    const dropped = async (): Promise<boolean> => {
      const lines = (await client.run('cat', '/proc/net/netlink')).trim().split('\n').slice(1);
      return lines.some((line) => Number(line.trim().split(/\s+/)[8]) > 0);
    };
    for (let full = false; !full; full = await dropped()) {
      for (const connection of await connect(500)) await client.ask({ op: 'close', connection });
    }
    await connect(95);
    for (const connection of lasting.slice(0, 5)) await client.ask({ op: 'close', connection });
    daemon.signal('SIGCONT');
    // What the server announced may be among what is lost, and no kernel tells it a second time: subflows to there are not
    // to be had. All that is there is known.
    const losses = () => daemon.lines.filter(({ msg }) => msg === 'events were lost');
    await until('mptcpd says what was lost', () => losses().length > 0);
    await until(
      'mptcpd knows as much as ss(8)',
      async () => {
        const [known, there] = [await summary(daemon), await seen(client)];
        return known.connections === there.connections && known.subflows === there.subflows.length;
      },
      { deadline: 20_000, every: 50, state: async () => [await summary(daemon), (await seen(client)).subflows.length] },
    );
    expect((await seen(client)).connections).toBe(110);
    const lost = losses();
    expect(lost).toHaveLength(1);
    expect(lost[0]?.['count']).toBeGreaterThan(0);
    process.stderr.write(`lost ${lost[0]?.['count']} events\n`);
  });
});
