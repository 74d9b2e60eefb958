import { unmapped } from '../core/ip.ts';
import type { HeldAddress } from '../core/model/commands.ts';
import type { ConnectionEvent, SubflowEvent } from '../core/model/events.ts';
import { type AddrId, asAddrId, type IfIndex, type Ip, type Token } from '../core/model/ids.ts';
import { FakeFlow } from './fake-flow.ts';
import type { FakeKernel, FakeUserspacePathManager } from './fake-kernel.ts';
import { FakeRefusal } from './fake-netlink.ts';

export interface Place {
  readonly ip: Ip;
  readonly port: number;
}

/** One end of a subflow. */
export interface WireEnd extends Place {
  readonly id: AddrId;
  /** This end asks to use it only when there is no other. */
  backup: boolean;
}

/** A subflow, as its two ends see it. */
export interface Wire {
  readonly a: WireEnd;
  readonly b: WireEnd;
  /** The ends that live: where nothing passes, the other one does not hear that one is closed. */
  readonly open: { a: boolean; b: boolean };
  /** The interface that it is bound to at the end that made it: the same name at the other end is the same link. */
  readonly device: string | undefined;
  /** What the client has sent over it. */
  readonly flow: FakeFlow;
  /** The one that its connection began with. */
  readonly initial: boolean;
  /** The end that opened it. */
  readonly madeBy: 'a' | 'b';
}

/** One end of a connection: a kernel and what it holds for the connection. */
export interface Side {
  readonly kernel: FakeKernel;
  readonly token: Token;
  readonly held: HeldAddress[];
  /** The connection is under the userspace path manager. */
  readonly userspace: boolean;
  /** Where the connection began. */
  readonly initial: Ip;
  readonly port: number;
  /** Where joins are taken: the address of the listener, `::` for any; undefined where nobody listens. */
  readonly listener: Ip | undefined;
}

/** A connection between two fake kernels; `a` is the client. */
export interface Link {
  readonly a: Side;
  readonly b: Side;
  readonly wires: Wire[];
  /** Subflows of which only the end that opens them knows. */
  readonly tries: Set<Wire>;
  /** The client sends without end. */
  sending: boolean;
  /** Bytes that the server has got over subflows that are gone. */
  received: number;
}

/** An address as commands name it. */
export type Address = Parameters<FakeUserspacePathManager['announce']>[1];

export const plain = (ip: Ip = ''): Ip => unmapped(ip);
export const other = (end: 'a' | 'b'): 'a' | 'b' => (end === 'a' ? 'b' : 'a');
export const newWire = (
  a: Omit<WireEnd, 'backup'>,
  b: Omit<WireEnd, 'backup'>,
  { madeBy, device, initial = false }: Partial<Pick<Wire, 'device' | 'initial'>> & Pick<Wire, 'madeBy'>,
): Wire => ({
  a: { ...a, backup: false },
  b: { ...b, backup: false },
  open: { a: true, b: true },
  device,
  flow: new FakeFlow(),
  initial,
  madeBy,
});

/** Whether packets get from either end of a subflow to the other. */
export function passes(link: Link, { a, b, device }: Wire): boolean {
  const near = link.a.kernel.links;
  const there = link.b.kernel.links;
  const states = [near.stateOf(plain(a.ip)), there.stateOf(plain(b.ip))];
  if (device === undefined) return states.every((state) => state === 'live');
  // A host takes packets to any of its addresses on any of its links.
  return near.carries(device) && there.carries(device) && !states.includes('absent');
}

/** Counts what has gone over a subflow until now: backups carry data where there is nothing else. */
export function count(link: Link, wire: Wire, now: number): void {
  const isBackup = ({ a, b }: Wire): boolean => a.backup || b.backup;
  const used = link.sending && (!isBackup(wire) || link.wires.every(isBackup));
  wire.flow.count(used, passes(link, wire), now);
}

/** Whether somebody listens there: the program that accepted the connection, or mptcpd for what it announced. */
export const listens = ({ listener, kernel, held }: Side, { ip, port }: Place): boolean =>
  (listener !== undefined && (listener === '::' || plain(listener) === plain(ip))) ||
  (kernel.listeners.has(`${plain(ip)} ${port}`) && held.some((each) => plain(each.ip) === plain(ip)));

/**
 * The id that a host gives to its end of a join: 0 where the connection began, that of the list, or the lowest free one,
 * which then stands in the list (net/mptcp/pm_userspace.c, mptcp_userspace_pm_get_local_id).
 */
export function idOfJoined(link: Link, end: 'a' | 'b', { ip }: Place): AddrId {
  const { held, userspace, initial } = link[end];
  if (plain(initial) === plain(ip) || !userspace) return asAddrId(0);
  const known = held.find((each) => plain(each.ip) === plain(ip));
  if (known) return known.id;
  let id = 1;
  while (held.some((each) => each.id === id)) id++;
  held.push({ ip, id: asAddrId(id), port: 0, flags: ['implicit'], ifIndex: undefined });
  return asAddrId(id);
}

/** Drops the first entry of an address, whatever its id (mptcp_userspace_pm_delete_local_addr). */
export function forget({ held }: Side, { ip }: Address): void {
  const at = held.findIndex((each) => plain(each.ip) === plain(ip));
  if (at >= 0) held.splice(at, 1);
}

/** Ports count where they are given (net/mptcp/pm_userspace.c, mptcp_userspace_pm_set_flags). */
export const isAt = (place: Place, { ip, port }: Address): boolean =>
  plain(place.ip) === plain(ip) && (!port || place.port === port);
export const is = (place: Place, { ip, port }: Address): boolean => place.ip === ip && place.port === port;

/**
 * Stores an address under its id; one id an address and one address an id (net/mptcp/pm_userspace.c). An IPv4 address
 * and its IPv4-mapped form are one address (net/mptcp/pm.c, mptcp_addresses_equal).
 */
export function hold(
  side: Side,
  { ip = '', id = asAddrId(0), port = 0, flags = [], ifIndex }: Address,
  forSubflow = false,
): HeldAddress {
  const there = side.held.find(
    (each) => (plain(each.ip) === plain(ip) && (forSubflow || each.port === port)) || (each.id === id && id !== 0),
  );
  if (there && (there.id !== id || plain(there.ip) !== plain(ip)))
    throw new FakeRefusal('EINVAL', 'did not match address and id');
  const held = there ?? { ip, id, port: forSubflow ? 0 : port, flags, ifIndex: ifIndex as IfIndex | undefined };
  if (!there) side.held.push(held);
  return held;
}

export function ends(
  wire: Wire,
  end: 'a' | 'b',
): Omit<ConnectionEvent, 'type' | 'token' | 'serverSide' | 'denyJoinId0'> {
  const local = wire[end];
  const remote = wire[other(end)];
  return {
    localIp: local.ip,
    localPort: local.port,
    locId: local.id,
    remoteIp: remote.ip,
    remotePort: remote.port,
    remId: remote.id,
  };
}

export function subflowEvent(
  type: SubflowEvent['type'],
  token: Token,
  wire: Wire,
  end: 'a' | 'b',
  error?: string,
): SubflowEvent {
  return {
    type,
    token,
    ...ends(wire, end),
    // What the other end asks for: a kernel tells nobody what it asks for itself.
    backup: wire[other(end)].backup,
    ifIndex: undefined,
    error,
    resetReason: undefined,
    resetTransient: false,
  };
}
