/**
 * The generic netlink family `mptcp_pm`: the kernel's path managers (include/uapi/linux/mptcp_pm.h,
 * Documentation/netlink/specs/mptcp_pm.yaml). All integers are in host byte order but the ports of events.
 */
import type { PmEvent, ResetReason } from '../../core/model/events.ts';
import { attrSet, bit, either, nest } from '../attr-set.ts';
import { event, events } from '../events.ts';
import { genlOp } from '../generic.ts';
import * as t from '../types.ts';

export const FAMILY = 'mptcp_pm';
/** The multicast group of the events; to join it takes CAP_NET_ADMIN. */
export const EVENT_GROUP = 'mptcp_pm_events';

const family = t.names(t.u16, { 2: 'ipv4', 10: 'ipv6' });

/** MPTCP_PM_ADDR_FLAG_*: what an endpoint is for. The kernel alone sets `implicit`. */
export const endpointFlags = t.flagList(t.u32, {
  signal: 0x1,
  subflow: 0x2,
  backup: 0x4,
  fullmesh: 0x8,
  implicit: 0x10,
  laminar: 0x20,
});

/** MPTCP_PM_ADDR_ATTR_* */
export const address = attrSet('address', {
  family: [1, family],
  id: [2, t.addrId],
  ip: either([3, t.ipv4], [4, t.ipv6]),
  port: [5, t.u16],
  flags: [6, endpointFlags],
  ifIndex: [7, t.ifIndex],
});

/** MPTCP_PM_ATTR_* */
export const attr = attrSet('attr', {
  addr: [1, nest(address)],
  rcvAddAddrs: [2, t.u32],
  subflows: [3, t.u32],
  token: [4, t.token],
  locId: [5, t.addrId],
  addrRemote: [6, nest(address)],
});

const held = { set: attr, needs: ['addr.family', 'addr.ip', 'addr.id'] } as const;

export const ops = {
  addAddr: genlOp('add endpoint', attr, { command: 1, needs: ['addr.family', 'addr.ip'] }),
  delAddr: genlOp('delete endpoint', attr, { command: 2, needs: ['addr.id'] }),
  getAddr: genlOp('get endpoint', attr, { command: 3, needs: ['addr.id'], answer: held }),
  /** The namespace's endpoints; with a token, the addresses that the userspace path manager holds for a connection. */
  listAddrs: genlOp('list endpoints', attr, { command: 3, answer: held }),
  flushAddrs: genlOp('flush endpoints', attr, { command: 4 }),
  setLimits: genlOp('set limits', attr, { command: 5 }),
  getLimits: genlOp('get limits', attr, {
    command: 6,
    answer: { set: attr, needs: ['rcvAddAddrs', 'subflows'] },
  }),
  /** Without a token it changes an endpoint; with one, the priority of a subflow (MP_PRIO). */
  setFlags: genlOp('set flags', attr, { command: 7, needs: ['addr'] }),
  announce: genlOp('announce', attr, {
    command: 8,
    needs: ['token', 'addr.family', 'addr.ip', 'addr.id', 'addr.flags'],
  }),
  remove: genlOp('remove', attr, { command: 9, needs: ['token', 'locId'] }),
  createSubflow: genlOp('create subflow', attr, {
    command: 10,
    needs: ['token', 'addr.family', 'addr.ip', 'addrRemote.family', 'addrRemote.ip', 'addrRemote.port'],
  }),
  destroySubflow: genlOp('destroy subflow', attr, {
    command: 11,
    needs: [
      'token',
      ...(['addr.family', 'addr.ip', 'addr.port'] as const),
      ...(['addrRemote.family', 'addrRemote.ip', 'addrRemote.port'] as const),
    ],
  }),
};

const resetReasons: Record<number, Exclude<ResetReason, number>> = {
  0: 'unspecified',
  1: 'mptcp',
  2: 'resource',
  3: 'prohibited',
  4: 'too-much-data',
  5: 'bad-performance',
  6: 'middlebox',
};

/** The number behind a reason, for who shows the kernel's own. */
export function resetReasonNumber(reason: ResetReason): number {
  if (typeof reason === 'number') return reason;
  return Number(Object.entries(resetReasons).find(([, word]) => word === reason)?.[0]);
}

/** MPTCP_ATTR_*. In events the source address is always this host's. */
export const eventAttr = attrSet('event', {
  token: [1, t.token],
  family: [2, family],
  locId: [3, t.addrId],
  remId: [4, t.addrId],
  localIp: either([5, t.ipv4], [6, t.ipv6]),
  remoteIp: either([7, t.ipv4], [8, t.ipv6]),
  localPort: [9, t.be16],
  remotePort: [10, t.be16],
  backup: [11, t.bool],
  error: [12, t.errno(t.u8)],
  denyJoinId0: bit(13, t.u16, 0x1),
  /** A flag since Linux 6.18, an attribute of its own before and still. */
  serverSide: either(bit(13, t.u16, 0x2), [18, t.bool]),
  timeout: [14, t.u32],
  ifIndex: [15, t.ifIndex],
  resetReason: [16, t.names(t.u32, resetReasons)],
  resetTransient: bit(17, t.u32, 0x1),
});

const ends = ['localIp', 'remoteIp', 'localPort', 'remotePort', 'locId', 'remId'] as const;
const connection = ['token', ...ends] as const;
const connectionMay = ['family', 'serverSide', 'denyJoinId0'] as const;
const subflow = ['token', ...ends, 'backup'] as const;
const subflowMay = ['family', 'ifIndex', 'error', 'resetReason', 'resetTransient'] as const;

/** MPTCP_EVENT_* */
export const pmEvents = events(eventAttr, {
  connectionCreated: event(1, connection, connectionMay),
  connectionEstablished: event(2, connection, connectionMay),
  connectionClosed: event(3, ['token']),
  addressAnnounced: event(6, ['token', 'remId', 'remoteIp', 'remotePort'], ['family']),
  addressRemoved: event(7, ['token', 'remId']),
  subflowEstablished: event(10, subflow, subflowMay),
  subflowClosed: event(11, subflow, subflowMay),
  subflowPriority: event(13, subflow, subflowMay),
  listenerCreated: event(15, ['localIp', 'localPort'], ['family']),
  listenerClosed: event(16, ['localIp', 'localPort'], ['family']),
});

type DecodedEvent = Exclude<ReturnType<typeof pmEvents.decode>, { type: 'unknown' }>;
// What the table decodes is what the core knows as an event: a difference does not compile.
((decoded: DecodedEvent): PmEvent => decoded) satisfies unknown;
