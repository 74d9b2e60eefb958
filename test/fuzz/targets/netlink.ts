import { CodecError } from '../../../src/netlink/errors.ts';
import { attr, pmEvents } from '../../../src/netlink/families/mptcp-pm.ts';
import { ctrl } from '../../../src/netlink/families/nlctrl.ts';
import * as routes from '../../../src/netlink/families/route.ts';
import { mptcpSockets, readRequest, subflowCounters, tcpSockets } from '../../../src/netlink/families/sock-diag.ts';
import { extack } from '../../../src/netlink/reply.ts';
import { hex, vectors } from '../../fixtures/wire/wire.ts';
import type { Target } from '../target.ts';

const isDocumented = (error: unknown): boolean => error instanceof CodecError;
const target = (name: string, seeds: readonly Buffer[], read: Target['read']): Target => ({
  name,
  seeds,
  read,
  isDocumented,
});

const messagesOf = (datagram: Buffer): Buffer[] => {
  const messages: Buffer[] = [];
  for (let at = 0; at + 16 <= datagram.length; at += (datagram.readUInt32LE(at) + 3) & ~3) {
    messages.push(datagram.subarray(at, at + datagram.readUInt32LE(at)));
  }
  return messages;
};
const bodies = (replies: readonly string[]): Buffer[] =>
  replies
    .map(hex)
    .flatMap(messagesOf)
    .filter((message) => message.readUInt16LE(4) >= 16)
    .map((message) => message.subarray(16));

const pm = [...vectors('ip-mptcp'), ...vectors('commands')];
const ofTable = (table: string): Buffer[] =>
  vectors('rtnetlink')
    .filter((each) => each.table === table)
    .map((each) => hex(each.message).subarray(16));
const ofDiag = (op: string): Buffer[] =>
  vectors('sock-diag')
    .filter((each) => each.op === op)
    .flatMap(({ replies }) => bodies(replies));
/** What follows the errno and the request in a refusal. */
const extacks = pm
  .flatMap(({ replies }) => replies.map(hex).flatMap(messagesOf))
  .filter((message) => message.readUInt16LE(4) === 2 && message.length > 36)
  .map((message) => message.subarray(36));

/** What stands in one message. */
export const netlinkTargets: readonly Target[] = [
  target(
    'attributes of the path manager',
    pm.flatMap(({ request, replies }) => [hex(request).subarray(20), ...bodies(replies).map((b) => b.subarray(4))]),
    (b, at, end) => attr.decode(b, at, end),
  ),
  target(
    'events of the path manager',
    vectors('pm-events').map((each) => hex(each.hex).subarray(16)),
    (b, at, end) => pmEvents.decode(b, at, end),
  ),
  target(
    'attributes of the controller',
    vectors('nlctrl').flatMap(({ replies }) => bodies(replies).map((b) => b.subarray(4))),
    (b, at, end) => ctrl.decode(b, at, end),
  ),
  target('extended ACKs', extacks, (b, at, end) => extack.decode(b, at, end)),
  target('links', ofTable('link'), (b, at, end) => routes.link.decode(b, at, end)),
  target('addresses', ofTable('address'), (b, at, end) => routes.address.decode(b, at, end)),
  target('routes', ofTable('route'), (b, at, end) => routes.route.decode(b, at, end)),
  target('MPTCP sockets', ofDiag('mptcpSockets'), (b, at, end) => mptcpSockets.read(b, at, end)),
  target('TCP sockets', ofDiag('tcpSockets'), (b, at, end) => tcpSockets.read(b, at, end)),
  target('counters of subflows', ofDiag('tcpSockets'), (b, at, end) => subflowCounters(() => true).read(b, at, end)),
  target(
    'requests to sock_diag',
    vectors('sock-diag').map(({ request }) => hex(request).subarray(16)),
    (b, at, end) => readRequest(b, at, end),
  ),
];
