/**
 * What it costs to read the counters of subflows, as the daemon does several times in the shortest stall that a plan calls
 * trouble: on the running kernel, with so many connections, of which all, one or none are asked about.
 *
 *     npm run bench:progress
 */
import { Lab } from '../dist/lab/lab.js';

import { Client } from '../dist/netlink/client.js';
import { readConnections, readCounters } from '../dist/netlink/diag.js';
import { PROTOCOL } from '../dist/netlink/families/sock-diag.js';
import { inNetworkNamespace, NetlinkSocket } from '../dist/os/index.js';

const CONNECTIONS = 1000;
const ROUNDS = 51;

const lab = await Lab.open();
const host = await lab.host('host');
const at = { ip: '127.0.0.1', port: 8000 };
await host.ask({ op: 'listen', at });
for (let i = 0; i < CONNECTIONS / 2; i++) {
  const { connection } = await host.ask({ op: 'connect', to: at });
  await host.ask({ op: 'send', connection, bytes: 1000 });
}
const inside = (task) => inNetworkNamespace(`/proc/${host.pid}/ns/net`, task);
const client = new Client(inside(() => new NetlinkSocket(PROTOCOL)));
// Both ends of each are here.
const connections = readConnections(client);
if (!connections.ok) throw connections.error;
const tokens = connections.value.filter(({ listening }) => !listening).map(({ token }) => token);

measure(`${CONNECTIONS} subflows, all asked about`, () => true, CONNECTIONS);
measure(`${CONNECTIONS} subflows, one asked about`, (token) => token === tokens[0], 1);
measure(`${CONNECTIONS} subflows, none asked about`, () => false, 0);
client.close();
await lab.close();

function measure(what, wanted, expected) {
  const times = [];
  for (let i = 0; i < ROUNDS; i++) {
    const start = performance.now();
    const read = readCounters(client, wanted);
    times.push(performance.now() - start);
    if (!read.ok) throw read.error;
    if (read.value.length !== expected) throw new Error(`${read.value.length} subflows where there are ${expected}`);
  }
  const median = times.sort((a, b) => a - b)[ROUNDS >> 1];
  console.log(`${what}: ${median.toFixed(2)} ms a reading`);
}
