import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import type { LabHost } from '../../src/lab/host.ts';
import { until } from '../../src/lab/process.ts';
import { kernelTest } from './need.ts';
import { openPair } from './pair.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');
const hasNft = spawnSync('nft', ['--version']).status === 0;
if (!hasNft) process.stderr.write('SKIPPED: tests behind a translator (NAT) need nft\n');
const natTest = hasNft ? test : test.skip;

/** The public address: the client reaches it by way of the server’s first link. */
const WORLD = { ipv4: '198.51.100.7', ipv6: '2001:db8:9::7' };

interface World {
  readonly client: LabHost;
  readonly server: LabHost;
  /** The subflows that the client has, as `10.0.1.1 > 10.0.1.2 8000`. */
  subflows(): Promise<string[]>;
}

/**
 * A server whose application listens at one address alone and whose mptcpd follows `signal`, and a client that makes a
 * subflow from the first link to everything that it hears of.
 */
async function open(
  options: readonly string[],
  app: string,
  before: (server: LabHost) => Promise<unknown>,
): Promise<World> {
  const { lab, client, server } = await openPair();
  const dir = mkdtempSync(join(tmpdir(), 'mptcpd-signal-'));
  onTestFinished(async () => {
    await lab.close();
    rmSync(dir, { recursive: true });
  });
  await client.run('ip', 'route', 'add', WORLD.ipv4, 'via', '10.0.1.2');
  await client.run('ip', '-6', 'route', 'add', WORLD.ipv6, 'via', 'fd00:1::2');
  await before(server);
  const start = async (host: LabHost, ...lines: string[]): Promise<void> => {
    const file = join(dir, `${host.name}.conf`);
    writeFileSync(file, lines.join('\n'), { mode: 0o600 });
    await host.startDaemon('--config', file, '--debug');
  };
  await start(client, '[core]', 'load-plugins = aggregate', '[plugin aggregate]', 'pairs = all');
  await start(server, '[core]', 'load-plugins = signal', '[plugin signal]', ...options);
  await server.ask({ op: 'listen', at: { ip: app, port: 8000 } });
  const { connection } = await client.ask<{ connection: number }>({ op: 'connect', to: { ip: app, port: 8000 } });
  await client.ask({ op: 'send', connection, bytes: 1000 });
  return { client, server, subflows: () => subflowsOf(client) };
}

async function subflowsOf(client: LabHost): Promise<string[]> {
  const lines = (await client.run('ss', '-HtnO', '-i', 'state', 'established')).split('\n');
  const ends = lines
    .filter((line) => line.includes('tcp-ulp-mptcp'))
    .map((line) => line.trim().split(/\s+/).slice(2, 4));
  return ends.map(([from = '', to = '']) => `${from.replace(/:\d+$/, '')} > ${to}`);
}

/** Waits until a subflow leads there from the client's first link. */
async function joins({ subflows }: World, to: string): Promise<void> {
  let seen: string[] = [];
  const there = async (): Promise<boolean> => {
    seen = await subflows();
    return seen.some((each) => each.endsWith(` > ${to}`));
  };
  await until(`a subflow leads to ${to}`, there, { state: () => seen });
}

const nothing = async (): Promise<void> => undefined;
const translate =
  (rule: string, family: 'ip' | 'ip6' = 'ip') =>
  (server: LabHost): Promise<string> =>
    server.run(
      'nft',
      `add table ${family} nat; add chain ${family} nat pre { type nat hook prerouting priority -100; };
       add rule ${family} nat pre ${rule}`,
    );

describe('an announced address is joined', () => {
  test('where mptcpd listens in place of the application, IPv4 and IPv6', async () => {
    await joins(await open(['listen = yes'], '10.0.1.2', nothing), '10.0.2.2:8000');
    await joins(await open(['listen = yes'], 'fd00:1::2', nothing), '[fd00:2::2]:8000');
  });

  test('at another port, where mptcpd listens at an address that a route makes its own', async () => {
    const anyIp = (server: LabHost) => server.run('ip', 'route', 'add', 'local', WORLD.ipv4, 'dev', 'lo');
    const options = [`announce = ${WORLD.ipv4}:9000`, 'listen = yes'];
    await joins(await open(options, '10.0.1.2', anyIp), `${WORLD.ipv4}:9000`);
  });

  test('at another port by IPv6, where TCP has no timestamps', async () => {
    const prepare = async (server: LabHost): Promise<void> => {
      await server.run('ip', 'addr', 'add', `${WORLD.ipv6}/128`, 'dev', 'lo', 'nodad');
      await server.run('sysctl', '-qw', 'net.ipv4.tcp_timestamps=0');
    };
    const options = [`announce = [${WORLD.ipv6}]:9000`, 'listen = yes'];
    await joins(await open(options, 'fd00:1::2', prepare), `[${WORLD.ipv6}]:9000`);
  });
});

describe('behind a translator', () => {
  natTest('at the port of the connection, where mptcpd listens for what it leads here', async () => {
    const v4 = translate(`ip daddr ${WORLD.ipv4} dnat to 10.0.2.2`);
    await joins(await open([`announce = ${WORLD.ipv4}`, 'listen = 10.0.2.2'], '10.0.1.2', v4), `${WORLD.ipv4}:8000`);
    const v6 = translate(`ip6 daddr ${WORLD.ipv6} dnat to fd00:2::2`, 'ip6');
    await joins(
      await open([`announce = ${WORLD.ipv6}`, 'listen = fd00:2::2'], 'fd00:1::2', v6),
      `[${WORLD.ipv6}]:8000`,
    );
  });

  natTest('at another port, which it leads to the port of the connection', async () => {
    const rule = translate(`ip daddr ${WORLD.ipv4} tcp dport 9000 dnat to 10.0.1.2:8000`);
    await joins(await open([`announce = ${WORLD.ipv4}:9000`], '10.0.1.2', rule), `${WORLD.ipv4}:9000`);
  });

  natTest('not at another port that it leaves as it is: the kernel knows the address by its other name', async () => {
    const rule = translate(`ip daddr ${WORLD.ipv4} dnat to 10.0.1.2`);
    const options = [`announce = ${WORLD.ipv4}:9000`, 'listen = 10.0.1.2'];
    const { server, subflows } = await open(options, '10.0.1.2', rule);
    await until('the join is refused', async () => {
      const [names = [], counts = []] = (await server.run('cat', '/proc/net/netstat'))
        .split('\n')
        .filter((line) => line.startsWith('MPTcpExt:'))
        .map((line) => line.split(' '));
      return Number(counts[names.indexOf('MismatchPortSynRx')]) > 0;
    });
    expect((await subflows()).filter((each) => each.includes(WORLD.ipv4))).toEqual([]);
  });
});
