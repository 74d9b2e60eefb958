/**
 * What one event costs: from its bytes to an object, and all the way to a plugin's hook. Time is the median of several
 * rounds; memory is what the heap grew by, with a young generation too large to be collected meanwhile.
 *
 *     npm run bench
 */
import { spawnSync } from 'node:child_process';
import { eventAttr, pmEvents } from '../dist/netlink/families/mptcp-pm.js';
import { Writer } from '../dist/netlink/writer.js';
import { newHost } from './new-host.js';

if (!process.argv.includes('--child')) {
  const flags = ['--expose-gc', '--max-semi-space-size=512', '--min-semi-space-size=512'];
  process.exit(spawnSync(process.execPath, [...flags, process.argv[1], '--child'], { stdio: 'inherit' }).status ?? 1);
}

const EVENTS = 200_000;
const ROUNDS = 9;

const ends = { locId: 0, remId: 0, localIp: '10.0.1.1', remoteIp: '10.0.1.2', localPort: 40000, remotePort: 8000 };
const encode = (type, values) => {
  const w = new Writer();
  pmEvents.encode(w, type, values);
  return Buffer.from(w.bytes);
};
const token = 0x1e7fcfbf;
const priority = encode('subflowPriority', { token, family: 'ipv4', ...ends, backup: true });
const created = encode('connectionCreated', { token, family: 'ipv4', ...ends });
const established = encode('connectionEstablished', { token, family: 'ipv4', ...ends });
const closed = encode('connectionClosed', { token });
const decode = (bytes) => pmEvents.decode(bytes, 0, bytes.length);

function listener(hooks) {
  const host = newHost('bench');
  host.install('bench', hooks);
  return host;
}

let heard = 0;
const silent = listener({});
const listening = listener({ subflowPriority: () => void heard++ });
for (const host of [silent, listening]) {
  host.feed(decode(created));
  host.feed(decode(established));
}

/** The same attributes, read with nothing around them: what any reader of this message must do. */
function floor() {
  const b = priority;
  let sum = 0;
  for (let at = 4; at < b.length; at += (b.readUInt16LE(at) + 3) & ~3) {
    const id = b.readUInt16LE(at + 2);
    if (id === 1) sum += b.readUInt32LE(at + 4);
    else if (id === 9 || id === 10) sum += b.readUInt16BE(at + 4);
    else if (id === 5 || id === 7) sum += b.readUInt32BE(at + 4);
    else sum += b[at + 4];
  }
  return sum;
}

const cases = {
  'the attributes walked, nothing kept (floor)': floor,
  'decode: bytes to event': () => decode(priority),
  'decode and core, nobody listens': () => silent.feed(decode(priority)),
  'decode, core and a hook': () => listening.feed(decode(priority)),
  'a whole connection: created, established, closed': () => {
    silent.feed(decode(created));
    silent.feed(decode(established));
    silent.feed(decode(closed));
  },
};

let sink = 0;
function round(run) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < EVENTS; i++) sink += run() === undefined ? 1 : 2;
  return Number(process.hrtime.bigint() - start) / EVENTS;
}
function bytes(run) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 50_000; i++) sink += run() === undefined ? 1 : 2;
  return (process.memoryUsage().heapUsed - before) / 50_000;
}
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

const times = new Map(Object.keys(cases).map((name) => [name, []]));
for (let i = 0; i < ROUNDS; i++) for (const [name, run] of Object.entries(cases)) times.get(name).push(round(run));
console.log(
  `Node ${process.version}, medians of ${ROUNDS} interleaved rounds of ${EVENTS} events; ${eventAttr.name} table`,
);
for (const [name, run] of Object.entries(cases)) {
  const ns = median(times.get(name)).toFixed(0).padStart(6);
  console.log(`${name.padEnd(50)} ${ns} ns ${bytes(run).toFixed(0).padStart(6)} bytes`);
}
if (heard === 0 || sink === 0) process.exit(1);
