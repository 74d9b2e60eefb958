/** Multipath TCP connections and their subflows as the kernel's sock_diag knows them: no daemon has to have watched. */
import type { AddrId, IfIndex, Token } from '../core/model/ids.ts';
import type { Endpoint } from '../os/index.ts';
import type { Client } from './client.ts';
import type { Result } from './errors.ts';
import * as diag from './families/sock-diag.ts';

export type { State } from './families/sock-diag.ts';

/** A TCP connection that carries part of a Multipath TCP connection. */
export interface Subflow {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly locId: AddrId;
  readonly remId: AddrId;
  /** The interface that it is bound to, if to any. */
  readonly ifIndex: IfIndex | undefined;
  readonly state: diag.State | number;
  /** The one that opened the connection; the others joined it. */
  readonly initial: boolean;
  /** Whether this end opened it. */
  readonly madeHere: boolean;
  readonly fullyEstablished: boolean;
  /** Whether this end, and whether the other end, asks to use it only when no other subflow works. */
  readonly backup: boolean;
  readonly backupRemote: boolean;
  /** Smoothed round-trip time and its variance, in microseconds. */
  readonly rtt: number | undefined;
  readonly rttVariance: number | undefined;
  /** The congestion window, in segments. */
  readonly cwnd: number | undefined;
  readonly bytesSent: number | undefined;
  readonly bytesReceived: number | undefined;
  readonly bytesAcked: number | undefined;
  readonly bytesRetransmitted: number | undefined;
  /** Segments sent again, since it began. */
  readonly retransmits: number | undefined;
}

/** A Multipath TCP socket: a connection, or a listener. What an older kernel does not tell is undefined. */
export interface Connection {
  /** 0 for a listener. */
  readonly token: Token;
  /** Unknown for a listener, and once the initial subflow is gone. */
  readonly side: 'client' | 'server' | undefined;
  /** The addresses of the initial subflow, even after it is gone. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly state: diag.State | number;
  readonly listening: boolean;
  /** Whether it has become plain TCP, for want of MPTCP at the other end or on the way. */
  readonly fallback: boolean;
  /** As the kernel counts them: more than are listed while one is being opened. */
  readonly subflowCount: number;
  readonly subflows: readonly Subflow[];
  readonly bytesSent: number | undefined;
  readonly bytesReceived: number | undefined;
  readonly bytesAcked: number | undefined;
  readonly bytesRetransmitted: number | undefined;
  /** How often data were sent again on the level of the connection. */
  readonly retransmits: number | undefined;
  /** Milliseconds since data were sent, data were received, an acknowledgement came. */
  readonly lastDataSent: number | undefined;
  readonly lastDataReceived: number | undefined;
  readonly lastAckReceived: number | undefined;
  readonly mark: number | undefined;
  readonly uid: number;
  readonly inode: number;
}

const FAMILIES = ['ipv4', 'ipv6'] as const;
/** What a subflow can be in: listeners and what waits for its end have no connection. */
const SUBFLOW_STATES: readonly diag.State[] = [
  ...(['established', 'syn-sent', 'syn-received', 'fin-wait-1', 'fin-wait-2'] as const),
  ...(['closed', 'close-wait', 'last-ack', 'closing'] as const),
];
/** Those in which data can be outstanding. */
const SENDING_STATES: readonly diag.State[] = ['established', 'close-wait', 'fin-wait-1', 'closing', 'last-ack'];
const SOCKET_STATES: readonly diag.State[] = [...SUBFLOW_STATES, 'listen'];

/** Every MPTCP socket of the namespace of the client, a client of NETLINK_SOCK_DIAG. */
export function readConnections(client: Client): Result<Connection[]> {
  const sockets = dumpAll(client, diag.mptcpSockets, SOCKET_STATES);
  if (!sockets.ok) return sockets;
  const flows = dumpAll(client, diag.tcpSockets, SUBFLOW_STATES);
  return flows.ok ? { ok: true, value: joinDumps(sockets.value, flows.value) } : flows;
}

/** The same without what tells how connections and subflows get on: all of them may be many. */
export function readConnectionsInBrief(client: Client): Result<Connection[]> {
  const sockets = dumpAll(client, diag.mptcpSocketsInBrief, SOCKET_STATES);
  if (!sockets.ok) return sockets;
  const flows = dumpAll(client, diag.subflowsInBrief, SUBFLOW_STATES);
  return flows.ok ? { ok: true, value: joinDumps(sockets.value, flows.value) } : flows;
}

/** The connection of a token; ENOENT where there is none. */
export function findByToken(client: Client, token: Token): Result<Connection> {
  const found = client.request(diag.mptcpSocket, diag.BY_FAMILY, { family: 'ipv4', token });
  if (!found.ok) return found;
  const flows = dumpAll(client, diag.tcpSockets, SUBFLOW_STATES);
  if (!flows.ok) return flows;
  const [connection] = joinDumps(found.value ? [found.value] : [], flows.value);
  if (!connection) throw new Error(`${diag.mptcpSocket.name}: an answer without a socket`);
  return { ok: true, value: connection };
}

/** Whether there is a connection of that token. */
export function isThere(client: Client, token: Token): Result<boolean> {
  const found = client.request(diag.mptcpSocket, diag.BY_FAMILY, { family: 'ipv4', token });
  if (found.ok) return { ok: true, value: true };
  return found.error.errno === 'ENOENT' ? { ok: true, value: false } : found;
}

/** Where the subflows of some connections stand, as far as their TCP tells. */
export function readCounters(client: Client, wanted: (token: Token) => boolean): Result<diag.SubflowCounters[]> {
  const all: diag.SubflowCounters[] = [];
  const op = diag.subflowCounters(wanted);
  for (const family of FAMILIES) {
    const dump = client.dump(op, diag.BY_FAMILY, { family, states: SENDING_STATES });
    if (!dump.ok) return dump;
    for (const counters of dump.value) if (counters) all.push(counters);
  }
  return { ok: true, value: all };
}

function dumpAll<T extends { readonly cookie: bigint }>(
  client: Client,
  op: diag.DiagOperation<T>,
  states: readonly diag.State[],
): Result<T[]> {
  // A table that changes while it is read can give a socket twice; its cookie tells.
  const all = new Map<bigint, T>();
  for (const family of FAMILIES) {
    const dump = client.dump(op, diag.BY_FAMILY, { family, states });
    if (!dump.ok) return dump;
    for (const socket of dump.value) all.set(socket.cookie, socket);
  }
  return { ok: true, value: [...all.values()] };
}

/** Puts subflows to their connections. Those of a connection that is not there (it began just now) are left out. */
export function joinDumps(sockets: readonly diag.MptcpSocket[], flows: readonly diag.TcpSocket[]): Connection[] {
  const byToken = new Map<Token, Subflow[]>();
  for (const flow of flows) {
    const token = flow.ulp?.mptcp?.token;
    if (token === undefined) continue;
    const there = byToken.get(token);
    if (there) there.push(toSubflow(flow));
    else byToken.set(token, [toSubflow(flow)]);
  }
  return sockets.map((socket) => toConnection(socket, byToken));
}

function toConnection(socket: diag.MptcpSocket, byToken: ReadonlyMap<Token, readonly Subflow[]>): Connection {
  const info = socket.info ?? {};
  const token = info.token ?? (0 as Token);
  const listening = socket.state === 'listen';
  // The token of every listener is 0; so is that of a subflow whose connection has ended.
  const subflows = token === 0 ? [] : (byToken.get(token) ?? []);
  const initial = subflows.find((subflow) => subflow.initial);
  return {
    token,
    side: initial && (initial.madeHere ? 'client' : 'server'),
    ...ends(socket),
    state: socket.state,
    listening,
    fallback: info.flags?.includes('fallback') ?? false,
    subflowCount: info.subflowsTotal ?? subflows.length,
    subflows,
    ...counters(info),
    retransmits: info.retransmits,
    lastDataSent: info.lastDataSent,
    lastDataReceived: info.lastDataReceived,
    lastAckReceived: info.lastAckReceived,
    mark: socket.mark,
    uid: socket.uid,
    inode: socket.inode,
  };
}

function toSubflow(socket: diag.TcpSocket): Subflow {
  const { info = {}, ulp } = socket;
  const mptcp = ulp?.mptcp ?? {};
  return {
    ...ends(socket),
    locId: mptcp.locId ?? (0 as AddrId),
    remId: mptcp.remId ?? (0 as AddrId),
    ifIndex: socket.ifIndex === 0 ? undefined : socket.ifIndex,
    state: socket.state,
    initial: !mptcp.joinLocal && !mptcp.joinRemote,
    madeHere: (mptcp.mpCapableLocal || mptcp.joinLocal) ?? false,
    fullyEstablished: mptcp.fullyEstablished ?? false,
    backup: mptcp.backupLocal ?? false,
    backupRemote: mptcp.backupRemote ?? false,
    rtt: info.rtt,
    rttVariance: info.rttVariance,
    cwnd: info.cwnd,
    ...counters(info),
    retransmits: info.totalRetransmits,
  };
}

const ends = (socket: diag.MptcpSocket | diag.TcpSocket): { readonly local: Endpoint; readonly remote: Endpoint } => ({
  local: { ip: socket.local, port: socket.localPort },
  remote: { ip: socket.remote, port: socket.remotePort },
});

/** Numbers, which JSON has: exact up to 9 PB. */
const number = (value: bigint | undefined): number | undefined => (value === undefined ? undefined : Number(value));

type Bytes = 'bytesSent' | 'bytesReceived' | 'bytesAcked' | 'bytesRetransmitted';
const counters = (
  info: Readonly<Partial<Record<Bytes, bigint | undefined>>>,
): Readonly<Record<Bytes, number | undefined>> => ({
  bytesSent: number(info.bytesSent),
  bytesReceived: number(info.bytesReceived),
  bytesAcked: number(info.bytesAcked),
  bytesRetransmitted: number(info.bytesRetransmitted),
});
