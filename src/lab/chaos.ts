/**
 * `npm run chaos`: mptcpd is killed on either host every few seconds and started again, in the middle of transfers in both
 * directions over links that flap. Exit status 0 if no connection notices, and in the end each has the subflows that its
 * plan wants; 1 otherwise.
 */
import { parseArgs } from 'node:util';
import { progress, tell } from './console.ts';
import type { DaemonProcess, LabHost } from './host.ts';
import type { Lab } from './lab.ts';
import { type Checks, longRun, positive } from './long-run.ts';
import { type KernelSubflow, kernelState } from './oracle.ts';
import { until } from './process.ts';
import { random } from './random.ts';
import { Trouble } from './trouble.ts';

const USAGE = `npm run chaos -- [--minutes N (5)] [--plugin fullmesh|sspi (fullmesh)] [--connections N (8)] [--seed N]
`;
const LINKS = ['v1', 'v2'] as const;
const PORT = 8000;
/** For each link. */
const RATE = '40mbit';
/** Pauses between tries grow to a minute (retry-most): the last one may have begun just now. */
const HEAL_MS = 120_000;
const MOVE_MS = 20_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    plugin: { type: 'string', default: 'fullmesh' },
    connections: { type: 'string', default: '8' },
    seed: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}

await longRun('chaos', chaos);

async function chaos(lab: Lab, checks: Checks): Promise<void> {
  const { plugin } = values;
  if (plugin !== 'fullmesh' && plugin !== 'sspi') throw new Error(`--plugin: fullmesh or sspi, not "${plugin}"`);
  const minutes = positive('minutes', values.minutes);
  const count = Math.ceil(positive('connections', values.connections));
  const seed = values.seed === undefined ? Date.now() % 100_000 : positive('seed', values.seed);
  tell(`${minutes} min with ${plugin}, seed ${seed}`);

  const [client, server] = await build(lab);
  const start = (host: LabHost): Promise<DaemonProcess> => host.startDaemon(`--load-plugins=${plugin}`);
  const daemons = new Map([
    [client, await start(client)],
    [server, await start(server)],
  ]);
  await connect(client, server, count);
  await settled(client, plugin, count, HEAL_MS);
  tell(`${count} connections send in both directions, each with all its subflows`);

  const trouble = new Trouble(random(seed));
  const kills = { client: 0, server: 0 };
  for (const host of [client, server]) {
    trouble.again(2000, 8000, async () => {
      await daemons.get(host)?.kill();
      kills[host.name as keyof typeof kills]++;
      await new Promise((resolve) => setTimeout(resolve, trouble.between(0, 1500)));
      daemons.set(host, await start(host));
    });
  }
  trouble.flap(client, LINKS, { every: [500, 5000], down: [100, 2000] });
  const end = performance.now() + minutes * 60_000;
  for (let second = 1; performance.now() < end; second++) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 1000)), trouble.failure]);
    const dead = (await transfers([client, server], count)).filter(({ ended }) => ended).length;
    if (dead > 0) throw new Error(`${dead} ends of connections ended`);
    if (second % 5 !== 0) continue;
    const { subflows } = await kernelState(client);
    const said = `${kills.client} and ${kills.server} kills, ${trouble.flaps} flaps, ${subflows.length} subflows`;
    progress(`${said} for ${count} connections`);
  }
  await trouble.stop();
  tell(`mptcpd was killed ${kills.client} times on the client, ${kills.server} on the server; ${trouble.flaps} flaps`);

  await checkAlive([client, server], count, checks);
  await checkPlan(client, daemons.get(client) as DaemonProcess, plugin, count, checks);
  for (const daemon of daemons.values()) {
    const { status, ms } = await daemon.stop();
    checks.check(status === 0 && ms < 1000, `mptcpd stops with status ${status} after ${Math.round(ms)} ms`);
  }
}

async function build(lab: Lab): Promise<readonly [client: LabHost, server: LabHost]> {
  const client = await lab.host('client');
  const server = await lab.host('server');
  const hosts = [client, server] as const;
  for (const host of hosts) {
    const lasting = ['net.ipv6.conf.all.keep_addr_on_down=1', 'net.ipv6.conf.default.keep_addr_on_down=1'];
    await host.run('sysctl', '-qw', 'net.mptcp.pm_type=1', ...lasting);
  }
  for (const [at, link] of LINKS.entries()) {
    await lab.link(client, server, link);
    for (const [i, host] of hosts.entries()) {
      await host.run('ip', 'addr', 'add', `10.0.${at + 1}.${i + 1}/24`, 'dev', link);
      await host.run('ip', 'addr', 'add', `fd00:${at + 1}::${i + 1}/64`, 'dev', link, 'nodad');
      await host.run('tc', 'qdisc', 'add', 'dev', link, 'root', 'tbf', 'rate', RATE, 'burst', '64k', 'latency', '50ms');
    }
  }
  return hosts;
}

/** Every other connection is of IPv6; all send in both directions. */
async function connect(client: LabHost, server: LabHost, count: number): Promise<void> {
  await server.ask({ op: 'listen', at: { ip: '::', port: PORT } });
  for (let i = 0; i < count; i++) {
    const ip = i % 2 === 0 ? '10.0.1.2' : 'fd00:1::2';
    await client.ask({ op: 'connect', to: { ip, port: PORT } });
  }
  await until('all are accepted', async () => (await server.ask<number>({ op: 'accepted' })) === count);
  for (let connection = 0; connection < count; connection++) {
    for (const host of [client, server]) await host.ask({ op: 'send', connection });
  }
}

interface Transfer {
  readonly received: number;
  readonly ended: boolean;
}

/** Of each connection, at either end. */
function transfers(hosts: readonly LabHost[], count: number): Promise<Transfer[]> {
  const ends = hosts.flatMap((host) => Array.from({ length: count }, (_, connection) => ({ host, connection })));
  return Promise.all(ends.map(({ host, connection }) => host.ask<Transfer>({ op: 'counts', connection })));
}

async function checkAlive(hosts: readonly LabHost[], count: number, checks: Checks): Promise<void> {
  const before = await transfers(hosts, count);
  let moving = 0;
  const allMove = async (): Promise<boolean> => {
    const now = await transfers(hosts, count);
    moving = now.filter(({ received, ended }, i) => !ended && received > (before[i]?.received ?? 0)).length;
    return moving === before.length;
  };
  await until('data go on', allMove, { deadline: MOVE_MS, every: 100 }).catch(() => undefined);
  checks.check(
    moving === before.length,
    `data go on in ${moving} of ${before.length} directions of ${count} connections`,
  );
}

async function checkPlan(
  client: LabHost,
  daemon: DaemonProcess,
  plugin: 'fullmesh' | 'sspi',
  count: number,
  checks: Checks,
): Promise<void> {
  const start = performance.now();
  const faults = await settled(client, plugin, count, HEAL_MS).catch(() => faultsOf(client, plugin, count));
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  checks.check(
    faults.length === 0,
    `each connection has the subflows of ${plugin}, ${seconds} s after the last trouble`,
  );
  if (faults.length === 0) return;
  for (const fault of faults) tell(fault);
  for (const { token, msg } of (await daemon.report()).lines) tell(`${token} ${msg}`);
}

/** Waits until each connection has the subflows that its plan wants. */
async function settled(
  client: LabHost,
  plugin: 'fullmesh' | 'sspi',
  count: number,
  deadline: number,
): Promise<string[]> {
  const none = async (): Promise<boolean> => (await faultsOf(client, plugin, count)).length === 0;
  await until('each connection has its subflows', none, { deadline, every: 250 });
  return [];
}

/** What is not as the plan wants it, by the kernel's own tables. */
async function faultsOf(client: LabHost, plugin: 'fullmesh' | 'sspi', count: number): Promise<string[]> {
  const { tokens, subflows } = await kernelState(client);
  const faults = tokens.length === count ? [] : [`there are ${tokens.length} connections`];
  for (const token of tokens) {
    const own = subflows.filter((each) => each.token === token);
    const fault = (plugin === 'fullmesh' ? notFullMesh : notOneEach)(own);
    if (fault) faults.push(`${token}: ${own.map(({ state, pair }) => `${state} ${pair}`).join(', ')}`);
  }
  return faults;
}

/** Every address of the one end with every address of the other, once. */
function notFullMesh(own: readonly KernelSubflow[]): boolean {
  const prefix = own[0]?.pair.includes(':')
    ? (n: number, i: number) => `fd00:${n}::${i}`
    : (n: number, i: number) => `10.0.${n}.${i}`;
  const wanted = [1, 2].flatMap((a) => [1, 2].map((b) => `${prefix(a, 1)} > ${prefix(b, 2)}`));
  const established = own.filter(({ state }) => state === 'ESTAB').map(({ pair }) => pair);
  return established.sort().join() !== wanted.sort().join() || own.length !== wanted.length;
}

/** One from each interface. */
function notOneEach(own: readonly KernelSubflow[]): boolean {
  const locals = own.filter(({ state }) => state === 'ESTAB').map(({ pair }) => /(\d+)(?:::1|\.1) > /.exec(pair)?.[1]);
  return locals.sort().join() !== '1,2' || own.length !== 2;
}
