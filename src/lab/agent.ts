/**
 * A program inside a host of the lab: it makes Multipath TCP connections and moves data as it is told, a JSON line a
 * request on standard input, a JSON line an answer on standard output. Its network namespace lives as long as it does,
 * and it ends with its input.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Client } from '../netlink/client.ts';
import * as pm from '../netlink/families/mptcp-pm.ts';
import * as nlctrl from '../netlink/families/nlctrl.ts';
import { Family } from '../netlink/family.ts';
import { subscribe } from '../netlink/subscription.ts';
import { type Endpoint, MptcpListener, MptcpStream, NetlinkSocket } from '../os/index.ts';
import { Churn } from './churn.ts';
import type { Answer, Request } from './protocol.ts';

const CHUNK = Buffer.alloc(64 * 1024, 'mptcp');
/** For those who come by the thousand. */
const BACKLOG = 4096;
const EVENT_ROOM = 32 * 1024 * 1024;
/** Bytes of a small message. */
const MESSAGE = 32;
const inbox = Buffer.alloc(256 * 1024);

interface Peer {
  readonly stream: MptcpStream;
  received: number;
  sent: number;
  ended: boolean;
  /** Bytes still to be sent; Infinity for as long as the connection lives. */
  toSend: number;
  /** When something came last, and the longest time in which nothing did. */
  heardAt: number;
  gap: number;
  /** What is done with what comes, beside counting it. */
  heard: ((bytes: number) => void) | undefined;
}

const listeners: MptcpListener[] = [];
const peers: Peer[] = [];

const say = (answer: Answer): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);

/** Reads whatever comes and counts it. */
function serve(stream: MptcpStream): Peer {
  const peer: Peer = { stream, received: 0, sent: 0, ended: false, toSend: 0, heardAt: 0, gap: 0, heard: undefined };
  peers.push(peer);
  readAlways(peer);
  return peer;
}

function readAlways(peer: Peer): void {
  peer.stream.watch(() => {
    try {
      for (let i = 0; i < 16; i++) {
        const n = peer.stream.read(inbox);
        if (n === undefined) return;
        if (n === 0) {
          peer.ended = true;
          peer.stream.unwatch();
          return;
        }
        peer.received += n;
        noteGap(peer);
        peer.heard?.(n);
      }
    } catch {
      peer.ended = true; // reset by the other end: the counts tell what came
      peer.stream.unwatch();
    }
  });
}

/** The longest time without anything, until now. */
function noteGap(peer: Peer): void {
  const now = performance.now();
  peer.gap = Math.max(peer.gap, now - peer.heardAt);
  peer.heardAt = now;
}

function takeGap(peer: Peer): number {
  noteGap(peer);
  const { gap } = peer;
  peer.gap = 0;
  return gap;
}

function send(peer: Peer, bytes: number): void {
  peer.toSend += bytes;
  pump(peer);
}

function talk(peer: Peer, every: number): void {
  let missing = MESSAGE;
  peer.heard = (bytes) => {
    missing -= bytes;
    if (missing > 0) return;
    missing = MESSAGE;
    setTimeout(() => send(peer, MESSAGE), every);
  };
  peer.heardAt = performance.now();
  send(peer, MESSAGE);
}

/** Sends until enough is sent; a full socket is tried again when the timer comes round. */
function pump(peer: Peer): void {
  while (peer.toSend > 0 && !peer.ended) {
    let n: number;
    try {
      n = peer.stream.write(peer.toSend < CHUNK.length ? CHUNK.subarray(0, peer.toSend) : CHUNK);
    } catch {
      peer.ended = true; // reset by the other end: the counts tell what went
      return;
    }
    peer.sent += n;
    peer.toSend -= n;
    if (n === 0) {
      setTimeout(() => pump(peer), 2);
      return;
    }
  }
}

function connect(to: Endpoint, from: Endpoint | undefined): Promise<number> {
  const stream = MptcpStream.connect(to, from);
  return new Promise((resolve, reject) => {
    stream.watch(() => {
      stream.unwatch();
      try {
        stream.connected();
        resolve(peers.indexOf(serve(stream)));
      } catch (error) {
        stream.close();
        reject(error);
      }
    }, 'writable');
  });
}

function listen(at: Endpoint, hangUp = false): Endpoint {
  const listener = new MptcpListener(at, hangUp ? BACKLOG : undefined);
  listeners.push(listener);
  listener.watch(() => {
    for (let stream = listener.accept(); stream; stream = listener.accept()) {
      if (hangUp) readToItsEnd(stream);
      else serve(stream);
    }
  });
  return listener.local;
}

function readToItsEnd(stream: MptcpStream): void {
  stream.watch(() => {
    try {
      const n = stream.read(inbox);
      if (n === undefined || n > 0) return;
    } catch {
      // A reset is an end as well.
    }
    stream.close();
  });
}

function report(index: number): object {
  const peer = peers[index];
  if (!peer) throw new Error(`no connection ${index}`);
  const { received, sent, ended } = peer;
  return { received, sent, ended };
}

/** Bytes by interface, received and sent (proc(5), /proc/net/dev). */
function traffic(): Record<string, { received: number; sent: number }> {
  const lines = readFileSync('/proc/thread-self/net/dev', 'utf8').split('\n').slice(2);
  const entries = lines.filter(Boolean).map((line) => {
    const [name = '', counters = ''] = line.split(':');
    const numbers = counters.trim().split(/\s+/).map(Number);
    return [name.trim(), { received: numbers[0] ?? 0, sent: numbers[8] ?? 0 }] as const;
  });
  return Object.fromEntries(entries);
}

/** Reports every event of the path manager from now on, with the time of its arrival in milliseconds. */
function watchEvents(): void {
  subscribe(openEvents(), {
    message: (b, body, end) => say({ event: pm.pmEvents.decode(b, body, end), at: performance.now() }),
    lost: (count) => say({ lost: count }),
    malformed,
  });
}

const counted = { events: 0, lost: 0, byType: {} as Record<string, number> };

function countEvents(): void {
  subscribe(openEvents(), {
    message(b, body, end) {
      const { type } = pm.pmEvents.decode(b, body, end);
      counted.events++;
      counted.byType[type] = (counted.byType[type] ?? 0) + 1;
    },
    lost(count) {
      counted.lost += count;
    },
    malformed,
  });
}

const malformed = (error: unknown): never => {
  throw error;
};

function openEvents(): NetlinkSocket {
  const family = Family.find(new Client(new NetlinkSocket(nlctrl.PROTOCOL)), pm.FAMILY);
  if (!family.ok) throw family.error;
  const socket = new NetlinkSocket(nlctrl.PROTOCOL);
  socket.join(family.value.groups.get(pm.EVENT_GROUP) ?? 0);
  socket.receiveBuffer(EVENT_ROOM);
  return socket;
}

let churn: Churn | undefined;

async function perform(request: Request): Promise<unknown> {
  switch (request.op) {
    case 'listen':
      return listen(request.at, request.hangUp);
    case 'connect': {
      const index = await connect(request.to, request.from);
      const { stream } = peers[index] as Peer;
      return { connection: index, local: stream.local, remote: stream.remote };
    }
    case 'send': {
      const peer = peers[request.connection] as Peer;
      peer.toSend = request.bytes ?? Number.POSITIVE_INFINITY;
      pump(peer);
      return undefined;
    }
    case 'unlisten':
      for (const listener of listeners.splice(0)) listener.close();
      return undefined;
    case 'talk':
      return talk(peers[request.connection] as Peer, request.every);
    case 'echo': {
      const peer = peers[request.connection] as Peer;
      peer.heard = (bytes) => send(peer, bytes);
      return undefined;
    }
    case 'gap':
      return takeGap(peers[request.connection] as Peer);
    case 'stop':
      (peers[request.connection] as Peer).toSend = 0;
      return undefined;
    case 'counts':
      return report(request.connection);
    case 'accepted':
      return peers.length;
    case 'close':
      peers[request.connection]?.stream.close();
      return undefined;
    case 'abort':
      peers[request.connection]?.stream.abort();
      return undefined;
    case 'traffic':
      return traffic();
    case 'events':
      return watchEvents();
    case 'churn':
      churn = new Churn(request);
      return undefined;
    case 'stopChurn':
      churn?.stop();
      return undefined;
    case 'churned':
      return churn?.counts;
    case 'countEvents':
      return countEvents();
    case 'counted':
      return counted;
    default:
      request satisfies never;
      throw new Error('no such operation');
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const request = JSON.parse(line) as Request & { id: number };
    perform(request).then(
      (value) => say({ id: request.id, value }),
      (error: Error) => say({ id: request.id, error: error.message }),
    );
  })
  .on('close', () => process.exit(0));
say({ ready: process.pid });
