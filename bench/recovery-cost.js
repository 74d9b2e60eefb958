/**
 * What it costs to read all connections by sock_diag, at the start and after a loss, and to ask once a minute for each
 * whether it is there still: on the running kernel, over the loopback of a network namespace of its own.
 *
 *     npm run bench:recovery [CONNECTIONS]
 */
import { spawnSync } from 'node:child_process';
import { Recovery } from '../dist/daemon/recovery.js';
import { createLog } from '../dist/log/index.js';
import { Client } from '../dist/netlink/client.js';
import { isThere, readConnections, readConnectionsInBrief } from '../dist/netlink/diag.js';
import { PROTOCOL } from '../dist/netlink/families/sock-diag.js';
import { MptcpListener, MptcpStream, NetlinkSocket } from '../dist/os/index.js';
import { newHost } from './new-host.js';

const ROUNDS = 7;
const [count = '1000', inside] = process.argv.slice(2);
if (inside === undefined) {
  const self = [process.execPath, process.argv[1], count, 'inside'].map((word) => `'${word}'`).join(' ');
  const { status } = spawnSync(
    'unshare',
    ['-Urn', 'sh', '-c', `ip link set lo up && ulimit -n $(ulimit -Hn) && exec ${self}`],
    {
      stdio: 'inherit',
    },
  );
  process.exit(status ?? 1);
}

/** Half of the connections that are listed: each has both of its ends here. */
const PAIRS = Math.ceil(Number(count) / 2);
const listener = new MptcpListener({ ip: '127.0.0.1', port: 8000 });
const streams = [];
listener.watch(() => {
  for (let stream = listener.accept(); stream; stream = listener.accept()) streams.push(stream);
});
for (let i = 0; i < PAIRS; i++) {
  const stream = MptcpStream.connect({ ip: '127.0.0.1', port: 8000 }, { ip: `127.0.${1 + (i >> 13)}.1`, port: 0 });
  streams.push(stream);
  while (streams.length < 2 * i - 50) await new Promise((turn) => setImmediate(turn));
}
while (streams.length < 2 * PAIRS) await new Promise((turn) => setTimeout(turn, 10));

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const timed = (task) => {
  const cpu = process.cpuUsage();
  const start = performance.now();
  task();
  const took = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { took, cpu: (user + system) / 1000 };
};

const client = new Client(new NetlinkSocket(PROTOCOL));
const [reads, whole] = [[], []];
for (let i = 0; i < ROUNDS; i++) {
  reads.push(timed(() => readConnectionsInBrief(client)));
  whole.push(timed(() => readConnections(client)));
}
const found = readConnectionsInBrief(client).value.filter(({ listening, fallback }) => !listening && !fallback);
if (found.some(({ subflows }) => subflows.length === 0)) throw new Error('subflows are missing');
const clock = { now: () => performance.now(), after: () => () => undefined };
const notifyFlags = { existing: true, skipLinkLocal: true, skipLoopback: false };
const planner = () => newHost('p', { clock, notifyFlags });
const environment = {
  openSocket: (protocol) => new NetlinkSocket(protocol),
  clock,
  log: createLog('null', 'info'),
};
const starts = [];
const agains = [];
for (let i = 0; i < ROUNDS; i++) {
  const host = planner();
  starts.push(timed(() => new Recovery(host, environment).read()));
  agains.push(timed(() => new Recovery(host, environment).read()));
}
const askForEach = () => {
  for (const { token } of found) isThere(client, token);
};
const sweeps = Array.from({ length: ROUNDS }, () => timed(askForEach));

const show = (n) => n.toFixed(1).padStart(8);
const took = (all) => show(median(all.map((each) => each.took)));
process.stdout.write(
  `Node ${process.version}, ${found.length} connections (${PAIRS} over the loopback, both ends), medians of ${ROUNDS}\n` +
    `sock_diag read and decoded                         ${took(reads)} ms\n` +
    `… with all counters, as mptcpctl reads them        ${took(whole)} ms\n` +
    `a start: read, and all taken in                    ${took(starts)} ms\n` +
    `after a loss: read, and nothing new                ${took(agains)} ms\n` +
    `the loop is held up by each of these as long.\n` +
    `asked for each by its token, in a minute      CPU  ${show(median(sweeps.map(({ cpu }) => cpu)))} ms\n` +
    `a twelfth of that at a time holds up the loop      ${show(median(sweeps.map((each) => each.took)) / 12)} ms\n`,
);
process.exit(0);
