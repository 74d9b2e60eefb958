import { unmapped } from '../core/ip.ts';
import type { IfIndex, Ip, Token } from '../core/model/ids.ts';
import { Client } from '../netlink/client.ts';
import { EVENT_GROUP } from '../netlink/families/mptcp-pm.ts';
import { PROTOCOL as GENERIC } from '../netlink/families/nlctrl.ts';
import { route } from '../netlink/families/route.ts';
import { PROTOCOL as DIAG } from '../netlink/families/sock-diag.ts';
import { findLocalEnd, readListeners } from '../netlink/listeners.ts';
import { writtenFamily } from '../netlink/types.ts';
import type { Context } from './context.ts';
import { joinTarget } from './join-target.ts';
import { type Counters, readCounters, readProc, readSysctl, rise } from './mptcp-counters.ts';
import { isLinkLocal } from './words.ts';

interface Announcement {
  readonly token: Token;
  readonly ip: Ip;
  readonly port: number | undefined;
  /** The interface that was named with it. */
  readonly ifIndex: IfIndex | undefined;
}

/** What is to be said after an announcement that the kernel took: where its success hides a failure, and the cure. */
export function announceWarnings(told: Announcement, before: Counters, context: Context): readonly string[] {
  const { text, never } = notSent(told, before, context) ?? {};
  if (text !== undefined && never) return [text];
  return [text, refusedJoins(told, context), noFollower(context)].filter((each) => each !== undefined);
}

/**
 * Whether the announcement has not left this host. The counters are those of the namespace, and rise before the answer
 * comes: where another connection has announced something meanwhile, nothing is known and nothing is said.
 */
function notSent({ ip, port = 0 }: Announcement, before: Counters, context: Context) {
  const after = readCounters(context);
  const dropped = rise('AddAddrTxDrop', before, after);
  if (rise('AddAddrTx', before, after) !== 0 || dropped === undefined) return undefined;
  // The kernel takes an IPv4-mapped address for IPv6 here (net/mptcp/protocol.h, mptcp_add_addr_len).
  const tooLong = port !== 0 && writtenFamily(ip) === 'ipv6';
  if (tooLong && (dropped > 0 || readSysctl('net/ipv4/tcp_timestamps', context) !== 0)) {
    const plain = unmapped(ip);
    const cure =
      plain === ip
        ? 'announce it without a port, or set net.ipv4.tcp_timestamps to 0 before the connection is made'
        : `announce ${plain} instead`;
    const text = `the announcement never leaves this host: an IPv6 address with a port finds no room beside TCP timestamps; ${cure}`;
    return { text, never: true };
  }
  if (dropped === 0) {
    // Beside data there is no room for it: it needs an ACK of its own, and none is sent before the connection is established.
    const text =
      'the announcement waits: it leaves once this host has data of the peer to acknowledge; to send it at once, announce ' +
      'when the connection is established (mptcpctl monitor)';
    return { text, never: false };
  }
  const timeout = readSysctl('net/mptcp/add_addr_timeout', context);
  const next =
    timeout === 0
      ? 'with net.mptcp.add_addr_timeout at 0 it is not tried again: announce it again later'
      : 'the kernel tries it again later (net.mptcp.add_addr_timeout)';
  return { text: `the announcement was dropped: another one of the connection still waits; ${next}`, never: false };
}

/** Whether the kernel would refuse who joins there: it opens no listener for what a connection announces. */
function refusedJoins({ token, ip, port = 0, ifIndex }: Announcement, context: Context): string | undefined {
  const client = new Client(context.openSocket(DIAG));
  const own = findLocalEnd(client, token);
  const listeners = readListeners(client);
  client.close();
  // Without mptcp_diag in the kernel nobody knows who listens.
  if (!own.ok || !listeners.ok) return undefined;
  const to = { ip, port: port || own.value.port };
  const found = joinTarget(to, own.value.port, listeners.value);
  // What is translated on the way here cannot be judged from here.
  if (found === 'listener' || !isLocal(ip, context)) return undefined;
  const place = `${ip} port ${to.port}`;
  const dev = isLinkLocal(ip) && ifIndex ? ` dev ${context.linkName(ifIndex)}` : '';
  const cure = `run "mptcpctl listen ${place}${dev}"`;
  if (found === 'nobody') {
    return `no MPTCP socket listens on ${place}: joins there are refused; ${cure}`;
  }
  return (
    `joins to ${place} are refused (mismatch port): the socket that listens there is bound to ${found.ip}, but for a ` +
    `port other than the connection's, ${own.value.port}, one must be bound to ${ip} itself; close it and ${cure}`
  );
}

/** Whether the kernel would take a packet to the address for its own. */
function isLocal(ip: Ip, { route: client }: Context): boolean {
  const dst = unmapped(ip);
  const family = writtenFamily(dst);
  const dstLength = family === 'ipv6' ? 128 : 32;
  const found = client.request(route.get, route.types.get, { family, dst, dstLength });
  return found.ok && found.value?.type === 'local';
}

/**
 * Whether joins may be refused for want of a subscriber to the path manager's events (net/mptcp/pm_userspace.c,
 * mptcp_userspace_pm_active). One in any namespace of the machine will do for the kernel, but only those of this one are
 * to be seen.
 */
function noFollower(context: Context): string | undefined {
  const group = context.pm.groups.get(EVENT_GROUP) ?? 0;
  const table = readProc('net/netlink', context);
  // The column shows the first 32 groups.
  if (table === undefined || group < 1 || group > 32) return undefined;
  const follows = table.split('\n').some((line) => {
    const [, protocol, , groups = ''] = line.trim().split(/\s+/);
    return Number(protocol) === GENERIC && ((Number.parseInt(groups, 16) >>> (group - 1)) & 1) === 1;
  });
  if (follows) return undefined;
  return (
    "nobody in this namespace is subscribed to the path manager's events: unless somebody is elsewhere on this " +
    'machine, the kernel refuses joins; start mptcpd, or run "mptcpctl monitor"'
  );
}
