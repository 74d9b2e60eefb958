/**
 * `npm run soak`: everything at once for minutes. Connections come and go as fast as they can be made, links flap, hundreds
 * of addresses come and go, plugins fail in every way; and what mptcpd says of it all is held against what others count.
 * Exit status 0 if it is the same, 1 otherwise.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Churned } from './churn.ts';
import { progress, tell } from './console.ts';
import type { LabHost } from './host.ts';
import type { Lab } from './lab.ts';
import { type Checks, longRun, positive } from './long-run.ts';
import { counters, differ, kernelState } from './oracle.ts';
import { until } from './process.ts';
import { random } from './random.ts';
import { PLUGINS } from './soak-plugins.ts';
import { Subject } from './subject.ts';
import { Trouble } from './trouble.ts';

const USAGE = `npm run soak -- [--minutes N (2)] [--connections N (instead of minutes)] [--at-once N (48)] [--seed N]
`;
const LINKS = ['v1', 'v2'] as const;
const STORM_LINK = 'v3';
const STORM = 300;
/** Connections that live from the beginning to the end. */
const LASTING = 20;
/** TIME_WAIT keeps a pair of ports for a minute: enough of them for all connections of that minute. */
const PORTS = Array.from({ length: 8 }, (_, i) => 20_000 + i);
const LASTING_PORT = 8000;
/** One connection in so many ends by a reset: the other end's path manager hears nothing, and finds out within a minute. */
const RESETS = 100;
const SWEEP_MS = 75_000;
/** In megabytes: more than garbage that waits for its collector, of what JavaScript holds and of all. */
const MOST_HEAP_GROWTH = 12;
const MOST_GROWTH = 24;
/** Slow plugins hold it up for 200 ms, and machines have other things to do. */
const MOST_DELAY_P99 = 1000;
/** In less time, in seconds, nothing can be said about memory and delays. */
const LEAST_SAMPLES = 60;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    connections: { type: 'string' },
    'at-once': { type: 'string', default: '48' },
    seed: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}

await longRun('the soak', async (lab, checks) => {
  const dir = mkdtempSync(join(tmpdir(), 'mptcpd-soak-'));
  try {
    await soak(lab, checks, dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

async function soak(lab: Lab, checks: Checks, dir: string): Promise<void> {
  const minutes = positive('minutes', values.minutes);
  const wanted = values.connections === undefined ? undefined : positive('connections', values.connections);
  const seed = values.seed === undefined ? Date.now() % 100_000 : positive('seed', values.seed);
  const sweeps = wanted !== undefined || minutes >= 1;
  tell(`${wanted === undefined ? `${minutes} min` : `${wanted} connections`}, seed ${seed}`);

  const [client, server] = await build(lab);
  const subjects = await startDaemons(client, server, dir);
  const [ofClient, ofServer] = subjects;
  for (const { host } of subjects) await host.ask({ op: 'countEvents' });
  const before = await counters(client);
  await connectLasting(client, server);
  tell(`${LASTING} connections that last, and others for as long as it goes on`);

  const trouble = new Trouble(random(seed));
  trouble.flap(client, LINKS, { every: [2000, 6000], down: [100, 800] });
  trouble.storm(client, STORM_LINK, dir, STORM, [1000, 4000]);
  const to = PORTS.map((port, i) => ({ ip: i % 4 === 3 ? 'fd00:1::2' : '10.0.1.2', port }));
  const churn = { to, atOnce: positive('at-once', values['at-once']), live: 20, resets: sweeps ? RESETS : 0 };
  await client.ask({ op: 'churn', ...churn });
  const begun = performance.now();
  const end = wanted === undefined ? begun + minutes * 60_000 : Number.POSITIVE_INFINITY;
  let { made, failed } = await client.ask<Churned>({ op: 'churned' });
  for (let second = 1; performance.now() < end && (wanted === undefined || made < wanted); second++) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 1000)), trouble.failure]);
    for (const subject of subjects) subject.sample();
    ({ made, failed } = await client.ask<Churned>({ op: 'churned' }));
    if (second % 5 !== 0) continue;
    for (const subject of subjects) await subject.look();
    const rate = Math.round(made / ((performance.now() - begun) / 1000));
    const memory = subjects.map((each) => `${each.memory.at(-1)?.toFixed(0)} MB`).join(', ');
    progress(`${made} connections, ${rate}/s, ${trouble.flaps} flaps, ${trouble.storms} storms, memory ${memory}`);
  }
  await client.ask({ op: 'stopChurn' });
  await trouble.stop();
  await until('the last short connection ends', async () => (await client.ask<Churned>({ op: 'churned' })).live === 0, {
    deadline: 10_000,
    every: 100,
  });
  ({ made, failed } = await client.ask<Churned>({ op: 'churned' }));
  const rate = Math.round(made / ((performance.now() - begun) / 1000));
  tell(
    `${made} short connections (${rate}/s), ${failed} more failed; ${trouble.flaps} flaps, ${trouble.storms} storms`,
  );

  await checkTables(subjects, checks, sweeps ? SWEEP_MS : 20_000);
  await checkEvents(subjects, checks);
  const after = await counters(client);
  const opened = (after['MPCapableSYNACKRX'] ?? 0) - (before['MPCapableSYNACKRX'] ?? 0);
  const { byType, lost } = await ofClient.counted();
  const created = byType['connectionCreated'] ?? 0;
  checks.check(
    created === opened || (lost > 0 && created < opened),
    `nstat: ${opened} connections opened; events: ${created} created`,
  );
  await checkLasting(client, checks);
  for (const subject of [ofClient, ofServer]) checkHealth(subject, checks);
}

/** The userspace path manager, and three links: two that flap, and one whose addresses come and go. */
async function build(lab: Lab): Promise<readonly [client: LabHost, server: LabHost]> {
  const client = await lab.host('client');
  const server = await lab.host('server');
  for (const [i, host] of [client, server].entries()) {
    await host.run('sysctl', '-qw', 'net.mptcp.pm_type=1', 'net.ipv4.ip_local_port_range=1024 65535');
    const lasting = ['net.ipv6.conf.all.keep_addr_on_down=1', 'net.ipv6.conf.default.keep_addr_on_down=1'];
    await host.run('sysctl', '-qw', ...lasting);
    if (i === 0) continue;
    for (const [at, link] of [...LINKS, STORM_LINK].entries()) {
      await lab.link(client, server, link);
      for (const [each, n] of [
        [client, 1],
        [server, 2],
      ] as const) {
        await each.run('ip', 'addr', 'add', `10.0.${at + 1}.${n}/24`, 'dev', link);
        await each.run('ip', 'addr', 'add', `fd00:${at + 1}::${n}/64`, 'dev', link, 'nodad');
      }
    }
  }
  return [client, server];
}

/** The client has a policy and plugins that fail beside it; the server one that fails in every way. */
async function startDaemons(client: LabHost, server: LabHost, dir: string): Promise<readonly [Subject, Subject]> {
  for (const [name, code] of Object.entries(PLUGINS)) writeFileSync(join(dir, `${name}.mjs`), code);
  const bad = ['thrower', 'blocker', 'hanger'];
  const configure = (name: string, plugins: readonly string[], owner: string): string => {
    const file = join(dir, `${name}.conf`);
    const lines = [`plugin-dir = ${dir}`, `load-plugins = ${plugins.join(',')}`, `path-manager = ${owner}`];
    writeFileSync(file, `[core]\n${lines.join('\n')}\n`);
    return file;
  };
  const files = [
    configure('client', ['fullmesh', ...bad], 'fullmesh'),
    configure('server', ['nuisance', ...bad], 'nuisance'),
  ];
  const subjects = [];
  for (const [i, host] of [client, server].entries()) {
    const args = ['--config', files[i] as string];
    // Only root can give a daemon the buffer that it has outside of a lab.
    const start = process.getuid?.() === 0 ? host.startDaemonOutside(...args) : host.startDaemon(...args);
    subjects.push(new Subject(host, await start));
  }
  return subjects as unknown as readonly [Subject, Subject];
}

async function connectLasting(client: LabHost, server: LabHost): Promise<void> {
  await server.ask({ op: 'listen', at: { ip: '::', port: LASTING_PORT } });
  for (const port of PORTS) await server.ask({ op: 'listen', at: { ip: '::', port }, hangUp: true });
  for (let i = 0; i < LASTING; i++) {
    const ip = i % 4 === 3 ? 'fd00:1::2' : '10.0.1.2';
    const { connection } = await client.ask<{ connection: number }>({ op: 'connect', to: { ip, port: LASTING_PORT } });
    await client.ask({ op: 'send', connection, bytes: 10_000 });
  }
}

/** Once all is quiet, mptcpd knows the connections and subflows that the kernel has, and no others. */
async function checkTables(subjects: readonly Subject[], checks: Checks, deadline: number): Promise<void> {
  for (const subject of subjects) {
    const { name } = subject.host;
    let words = '';
    let differences: string[] = [];
    const same = async (): Promise<boolean> => {
      const kernel = await kernelState(subject.host);
      const { state, lines } = await subject.look();
      const ss = `ss has ${kernel.tokens.length} connections with ${kernel.subflows.length} subflows`;
      words = `${name}: ${ss}, mptcpd ${state['connections']} with ${state['subflows']}`;
      differences = differ(kernel, lines);
      const counts = state['connections'] === kernel.tokens.length && state['subflows'] === kernel.subflows.length;
      return counts && differences.length === 0;
    };
    const ok = await until('the tables are the same', same, { deadline, every: 1000 }).catch(() => false);
    checks.check(ok, words);
    if (!ok) for (const difference of differences) tell(difference);
  }
}

/** Both were subscribed all the time: what the one has heard or seen lost, the other has too. */
async function checkEvents(subjects: readonly Subject[], checks: Checks): Promise<void> {
  for (const subject of subjects) {
    const { name } = subject.host;
    await subject.look();
    const other = await subject.counted();
    const told = (of: { events: number; lost: number }): string => `${of.events} and ${of.lost} lost`;
    const same = subject.events + subject.lost === other.events + other.lost;
    checks.check(same, `${name}: mptcpd heard ${told(subject)}, the other subscriber ${told(other)}`);
    if (process.getuid?.() === 0) checks.check(subject.lost === 0, `${name}: no event lost with the default buffer`);
  }
}

async function checkLasting(client: LabHost, checks: Checks): Promise<void> {
  let ended = 0;
  for (let connection = 0; connection < LASTING; connection++) {
    const counts = await client.ask<{ ended: boolean }>({ op: 'counts', connection });
    if (counts.ended) ended++;
  }
  checks.check(ended === 0, `${LASTING - ended} of ${LASTING} lasting connections live`);
}

function checkHealth(subject: Subject, checks: Checks): void {
  const { host, memory, growth, heapGrowth, delay } = subject;
  const held = `${memory[0]?.toFixed(0)} MB at first, ${memory.at(-1)?.toFixed(0)} MB at last`;
  const grown = `${held}, growth over the second half ${growth.toFixed(1)} MB, of the heap ${heapGrowth.toFixed(1)} MB`;
  const late = `the worst 5 s: p50 ${delay.p50} ms, p99 ${delay.p99} ms; the latest once ${delay.max} ms`;
  const loop = `how late the loop comes round in ${late}`;
  if (memory.length < LEAST_SAMPLES) {
    tell(`${host.name}, in too short a time to judge: ${grown}; ${loop}`);
    return;
  }
  checks.check(growth < MOST_GROWTH && heapGrowth < MOST_HEAP_GROWTH, `${host.name}: ${grown}`);
  checks.check(delay.p99 > 0 && delay.p99 < MOST_DELAY_P99, `${host.name}: ${loop}`);
}
