import type { Token } from '../../../src/core/model/ids.ts';
import { watchNetwork } from '../../../src/monitor/monitor.ts';
import { Client } from '../../../src/netlink/client.ts';
import { readConnections, readCounters } from '../../../src/netlink/diag.ts';
import { CodecError, NoAnswerError, type Result } from '../../../src/netlink/errors.ts';
import * as pm from '../../../src/netlink/families/mptcp-pm.ts';
import { Family } from '../../../src/netlink/family.ts';
import { subscribe } from '../../../src/netlink/subscription.ts';
import { hex, ScriptedSocket, vectors } from '../../fixtures/wire/wire.ts';
import type { Target } from '../target.ts';

const FAMILY_ID = 0x1c;
const exchanges = [...vectors('ip-mptcp'), ...vectors('commands')];
const repliesOf = (all: readonly { readonly replies: readonly string[] }[]): Buffer[] =>
  all.flatMap(({ replies }) => replies.map(hex));

/** Whole answers: the sequence number is right, or nothing but strays would be read. */
function asked<T>(b: Buffer, at: number, end: number, ask: (client: Client) => Result<T>): unknown {
  const socket = new ScriptedSocket((_, sequence) => [sequenced(Buffer.from(b.subarray(at, end)), sequence)]);
  const result = ask(new Client(socket));
  return result.ok ? result : { ok: false, error: result.error.message };
}

/** With the right sequence number, as far as messages can be told apart. */
function sequenced(datagram: Buffer, sequence: number): Buffer {
  for (let at = 0; at + 12 <= datagram.length; ) {
    datagram.writeUInt32LE(sequence, at + 8);
    at += Math.max(16, (datagram.readUInt32LE(at) + 3) & ~3);
  }
  return datagram;
}

const isDocumented = (error: unknown): boolean => error instanceof CodecError || error instanceof NoAnswerError;

/** Everything that a subscriber hears of a datagram. */
function heard(
  b: Buffer,
  at: number,
  end: number,
  listen: (socket: ScriptedSocket, note: (what: unknown) => void) => void,
): unknown {
  const socket = new ScriptedSocket();
  const notes: unknown[] = [];
  listen(socket, (what) => void notes.push(what));
  socket.queue.push(b.subarray(at, end));
  // A turn may be over before it has seen that nothing more waits: losses are told of in the next one then.
  for (let turns = 0; turns < 3; turns++) socket.ready?.();
  return notes;
}

function malformed(error: unknown): string {
  if (!(error instanceof CodecError)) throw error;
  return error.message;
}

/** Whole datagrams: headers, sequence numbers, and what they hold. */
export const exchangeTargets: readonly Target[] = [
  {
    name: 'answers to requests',
    seeds: repliesOf(exchanges),
    read: (b, at, end) => asked(b, at, end, (client) => client.request(pm.ops.getLimits, FAMILY_ID, {})),
    isDocumented,
  },
  {
    name: 'answers to dumps',
    seeds: repliesOf(exchanges),
    read: (b, at, end) => asked(b, at, end, (client) => client.dump(pm.ops.listAddrs, FAMILY_ID, {})),
    isDocumented,
  },
  {
    name: 'answers of the controller',
    seeds: repliesOf(vectors('nlctrl')),
    read: (b, at, end) =>
      asked(b, at, end, (client) => {
        const found = Family.find(client, pm.FAMILY);
        return found.ok ? { ok: true, value: [found.value.id, ...found.value.groups] } : found;
      }),
    isDocumented,
  },
  {
    name: 'dumps of connections',
    seeds: repliesOf(vectors('sock-diag')),
    read: (b, at, end) => asked(b, at, end, readConnections),
    isDocumented,
  },
  {
    name: 'dumps of counters',
    seeds: repliesOf(vectors('sock-diag')),
    read: (b, at, end) => asked(b, at, end, (client) => readCounters(client, (token: Token) => token % 2 === 0)),
    isDocumented,
  },
  {
    name: 'datagrams of the path manager',
    seeds: vectors('pm-events').map((each) => hex(each.hex)),
    read: (b, at, end) =>
      heard(b, at, end, (socket, note) =>
        subscribe(socket, {
          message: (bytes, body, stop) => note(pm.pmEvents.decode(bytes, body, stop)),
          lost: note,
          malformed: (error) => note(malformed(error)),
        }),
      ),
    isDocumented: () => false,
  },
  {
    name: 'datagrams of rtnetlink',
    seeds: vectors('rtnetlink').map((each) => hex(each.message)),
    read: (b, at, end) =>
      heard(b, at, end, (socket, note) =>
        watchNetwork(socket, { change: note, lost: note, malformed: (error) => note(malformed(error)) }),
      ),
    isDocumented: () => false,
  },
];
