/**
 * What an address costs that comes while there are many connections: each is asked for its plan again and gets a subflow.
 * Told are the time until all have it, and how long the event loop is held up meanwhile.
 *
 *     npm run bench
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import fullmesh from '../dist/plugins/fullmesh.js';
import { newHost } from './new-host.js';

const CONNECTIONS = 10_000;
const ROUNDS = 7;

let created = 0;
const host = newHost('fullmesh', {
  perform: ({ name }) => {
    if (name === 'createSubflow') created++;
    return { ok: true, value: undefined };
  },
});
host.install(
  'fullmesh',
  {},
  { plan: (view) => fullmesh.plan(Object.assign(view, { options: { pairs: 'all', families: 'same' } })) },
);

const link = (index) => ({
  index,
  name: `v${index}`,
  up: true,
  running: true,
  loopback: false,
  mtu: 1500,
  kind: 'veth',
});
const address = (n) => ({
  ip: `10.0.${n}.1`,
  prefixLength: 24,
  ifIndex: n,
  scope: 'global',
  tentative: false,
  deprecated: false,
  temporary: false,
});
host.feed({ type: 'network', links: [1, 2].map(link), addresses: [address(1)] });
for (let i = 1; i <= CONNECTIONS; i++) {
  const event = {
    token: i,
    serverSide: false,
    denyJoinId0: false,
    localIp: '10.0.1.1',
    localPort: (i % 60_000) + 1,
    locId: 0,
    remoteIp: `10.1.${i >> 8}.${i & 255}`,
    remotePort: 443,
    remId: 0,
  };
  host.feed({ type: 'connectionCreated', ...event });
  host.feed({ type: 'connectionEstablished', ...event });
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const totals = [];
const delays = [];
for (let round = 0; round < ROUNDS; round++) {
  created = 0;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  host.feed({ type: 'address', address: address(2) });
  while (host.core.waiting > 0) await new Promise((turn) => setTimeout(turn, 1));
  totals.push(performance.now() - start);
  delay.disable();
  delays.push(delay.max / 1e6);
  if (created !== CONNECTIONS) throw new Error(`${created} subflows were asked for, not ${CONNECTIONS}`);
  // The subflows come up, and go with their address.
  for (const { token, remote } of [...host.core.connections]) {
    const ends = { localIp: '10.0.2.1', localPort: 5, locId: 16, remoteIp: remote.ip, remotePort: 443, remId: 0 };
    const more = { token, ...ends, backup: false, ifIndex: undefined, error: undefined };
    host.feed({ type: 'subflowEstablished', ...more, resetReason: undefined, resetTransient: false });
  }
  host.feed({ type: 'addressGone', address: address(2) });
  while (host.core.waiting > 0) await new Promise((turn) => setTimeout(turn, 1));
  for (const { token, remote } of [...host.core.connections]) {
    const ends = { localIp: '10.0.2.1', localPort: 5, locId: 16, remoteIp: remote.ip, remotePort: 443, remId: 0 };
    const more = { token, ...ends, backup: false, ifIndex: undefined, error: undefined };
    host.feed({ type: 'subflowClosed', ...more, resetReason: undefined, resetTransient: false });
  }
}
process.stdout.write(
  `Node ${process.version}, ${CONNECTIONS} connections, one address comes (a kernel that answers at once), medians of ${ROUNDS}\n` +
    `all have been asked and have their subflow after  ${median(totals).toFixed(0)} ms\n` +
    `for each of them                                  ${((1000 * median(totals)) / CONNECTIONS).toFixed(1)} µs\n` +
    `the event loop is held up at the longest          ${median(delays).toFixed(1)} ms\n`,
);
