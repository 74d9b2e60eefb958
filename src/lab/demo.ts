/**
 * `npm run demo`: two hosts, two links, one connection. A link is cut while data moves, and comes back.
 * Exit status 0 if every step happened, 1 otherwise.
 */
import type { PmEvent } from '../core/model/events.ts';
import { formatToken } from '../core/model/ids.ts';
import type { LabHost, SeenEvent } from './host.ts';
import { Lab } from './lab.ts';
import { until } from './process.ts';

const PORT = 8000;
const LINKS = ['v1', 'v2'] as const;
const CUT = 'v1';
const OTHER = 'v2';
/** Fast enough to see, slow enough for one path not to carry everything. */
const RATE = '80mbit';
const MEGABYTE = 1e6;

const colour = process.stdout.isTTY === true && !process.env['NO_COLOR'];
const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
const start = performance.now();

function tell(text: string, mark = ' '): void {
  const seconds = ((performance.now() - start) / 1000).toFixed(2).padStart(5);
  process.stdout.write(`${paint(90, `${seconds} s`)} ${mark} ${text}\n`);
}
const step = (text: string): void => tell(text, paint(32, '✓'));
const megabytes = (bytes: number): string => `${(bytes / MEGABYTE).toFixed(1)} MB`;
const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

async function main(): Promise<void> {
  const obstacle = await Lab.obstacle();
  if (obstacle !== undefined) throw new Error(`the demo needs Linux with MPTCP and user namespaces: ${obstacle}`);
  const lab = await Lab.open();
  process.once('SIGINT', () => void lab.close().then(() => process.exit(130)));
  try {
    await story(lab);
  } finally {
    await lab.close();
  }
}

async function story(lab: Lab): Promise<void> {
  const [client, server] = await build(lab);
  for (const host of [client, server]) await host.startDaemon('--load-plugins=fullmesh');
  step('mptcpd with the plugin fullmesh runs on both');

  await client.watchEvents();
  await server.ask({ op: 'listen', at: { ip: '::', port: PORT } });
  const { connection } = await client.ask<{ connection: number }>({
    op: 'connect',
    to: { ip: '10.0.1.2', port: PORT },
  });
  await client.ask({ op: 'send', connection });
  const established = await seen(client, (e) => e.type === 'connectionEstablished', 'the connection is established');
  if (established.event.type !== 'connectionEstablished') return;
  step(`connection ${paint(1, formatToken(established.event.token))} over ${CUT}: ${ends(established.event)}`);

  const second = await seen(client, (e) => isUp(e, '10.0.2.1', '10.0.2.2'), 'a second subflow');
  step(
    `second subflow over ${OTHER}: ${ends(second.event)}, ${ms(second.at - established.at)} after the connection was established`,
  );
  await move(client, server, LINKS, 'both paths carry data');

  await cutAndMend(client, server);

  const { received } = await counts(server);
  step(paint(1, `done: ${megabytes(received)} arrived on one connection that never noticed`));
}

async function cutAndMend(client: LabHost, server: LabHost): Promise<void> {
  const watch = watchForPauses(server);
  const before = client.events.length;
  await client.run('ip', 'link', 'set', CUT, 'down');
  tell(paint(33, `link ${CUT} is cut`), paint(33, '✂'));
  await seen(
    client,
    (e) => e.type === 'subflowClosed' && e.localIp === '10.0.1.1',
    'the subflow on it is closed',
    before,
  );
  step('its subflows are closed at once');
  await move(client, server, [OTHER], `the data goes on over ${OTHER}`);
  const pause = await watch.stop();
  step(`the longest pause in the data was ${ms(pause)}`);

  const after = client.events.length;
  const back = performance.now();
  await client.run('ip', 'link', 'set', CUT, 'up');
  tell(paint(33, `link ${CUT} is back`), paint(33, '↻'));
  await seen(client, (e) => isUp(e, '10.0.1.1', '10.0.1.2'), 'its subflow is back', after);
  step(`its subflow is back, ${ms(performance.now() - back)} later`);
  await move(client, server, LINKS, 'both paths carry data again');
}

/** Two hosts with two links of limited rate, under the userspace path manager. */
async function build(lab: Lab): Promise<[client: LabHost, server: LabHost]> {
  const client = await lab.host('client');
  const server = await lab.host('server');
  for (const host of [client, server]) await host.run('sysctl', '-qw', 'net.mptcp.pm_type=1');
  for (const [index, link] of LINKS.entries()) {
    await lab.link(client, server, link);
    await client.run('ip', 'addr', 'add', `10.0.${index + 1}.1/24`, 'dev', link);
    await server.run('ip', 'addr', 'add', `10.0.${index + 1}.2/24`, 'dev', link);
    for (const host of [client, server]) {
      await host.run('tc', 'qdisc', 'add', 'dev', link, 'root', 'tbf', 'rate', RATE, 'burst', '64k', 'latency', '50ms');
    }
  }
  process.stdout.write(`
    client                    server
    10.0.1.1 ──────${CUT}────── 10.0.1.2
    10.0.2.1 ──────${OTHER}────── 10.0.2.2      ${RATE} each

`);
  return [client, server];
}

const isUp = (e: PmEvent, localIp: string, remoteIp: string): boolean =>
  e.type === 'subflowEstablished' && e.localIp === localIp && e.remoteIp === remoteIp;

function ends(event: PmEvent): string {
  return 'localIp' in event && 'remoteIp' in event ? `${event.localIp} → ${event.remoteIp}` : '';
}

/** The first event of a kind that the client's kernel has told, from the given one on. */
function seen(host: LabHost, is: (event: PmEvent) => boolean, what: string, from = 0): Promise<SeenEvent> {
  const state = (): unknown => host.events.slice(from).map(({ event }) => `${event.type} ${ends(event)}`);
  return until(what, () => host.events.slice(from).find(({ event }) => is(event)), { state });
}

interface Counts {
  readonly received: number;
}
const counts = (server: LabHost): Promise<Counts> => server.ask<Counts>({ op: 'counts', connection: 0 });
type Traffic = Readonly<Record<string, { readonly sent: number }>>;

/** Waits until each of some links has carried two megabytes more, and the server has got them. */
async function move(client: LabHost, server: LabHost, links: readonly string[], what: string): Promise<void> {
  const sent = async (): Promise<Record<string, number>> => {
    const traffic = await client.ask<Traffic>({ op: 'traffic' });
    return Object.fromEntries(LINKS.map((link) => [link, traffic[link]?.sent ?? 0]));
  };
  const before = await sent();
  const got = (await counts(server)).received;
  let moved: Record<string, number> = {};
  await until(
    what,
    async () => {
      const now = await sent();
      moved = Object.fromEntries(LINKS.map((link) => [link, (now[link] ?? 0) - (before[link] ?? 0)]));
      const { received } = await counts(server);
      return links.every((link) => (moved[link] ?? 0) > 2 * MEGABYTE) && received - got > 2 * MEGABYTE;
    },
    { every: 20, state: () => ({ moved }) },
  );
  step(`${what}: ${LINKS.map((link) => `${link} ${megabytes(moved[link] ?? 0)}`).join(', ')}`);
}

/** Looks at the server again and again, and tells for how long nothing came. */
function watchForPauses(server: LabHost): { stop: () => Promise<number> } {
  let on = true;
  let longest = 0;
  const watching = (async () => {
    let last = (await counts(server)).received;
    let at = performance.now();
    while (on) {
      const { received } = await counts(server);
      const now = performance.now();
      longest = Math.max(longest, now - at);
      if (received !== last) [last, at] = [received, now];
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  return {
    async stop() {
      on = false;
      await watching;
      return longest;
    },
  };
}

main().then(
  () => process.exit(0),
  (error: Error) => {
    tell(paint(31, error.message), paint(31, '✗'));
    process.exit(1);
  },
);
