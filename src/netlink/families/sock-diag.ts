/**
 * NETLINK_SOCK_DIAG: the sockets of Multipath TCP connections and of their subflows (include/uapi/linux/sock_diag.h,
 * inet_diag.h, mptcp.h, tcp.h). A request and its answer have shapes of their own under one message type.
 */
import type { Ip, Token } from '../../core/model/ids.ts';
import { type AttrSet, attrSet, bit, type Definitions, nest, sparseAttrSet, type Values } from '../attr-set.ts';
import { CodecError } from '../errors.ts';
import { missingName, type Operation } from '../operation.ts';
import { growing, pad, struct } from '../struct.ts';
import * as t from '../types.ts';
import type { Writer } from '../writer.ts';

/** NETLINK_SOCK_DIAG */
export const PROTOCOL = 4;
/** SOCK_DIAG_BY_FAMILY */
export const BY_FAMILY = 20;

export const TCP = 6;
const MPTCP = 262;

/** The kernel lists one family at a time; IPv4 clients of an AF_INET6 listener are listed under IPv6. */
const family = t.names(t.u8, { 2: 'ipv4', 10: 'ipv6' });
export type DiagFamily = 'ipv4' | 'ipv6';

/** TCP_* of include/net/tcp_states.h; 12 is a request that has no socket yet, 13 a socket that is bound only. */
const states = {
  1: 'established',
  2: 'syn-sent',
  3: 'syn-received',
  4: 'fin-wait-1',
  5: 'fin-wait-2',
  6: 'time-wait',
  7: 'closed',
  8: 'close-wait',
  9: 'last-ack',
  10: 'listen',
  11: 'closing',
  12: 'new-syn-received',
  13: 'bound',
} as const;
export type State = (typeof states)[keyof typeof states];
const state = t.names<State>(t.u8, states);
const stateBits = Object.fromEntries(Object.entries(states).map(([n, word]) => [word, 1 << Number(n)])) as Readonly<
  Record<State, number>
>;

const inetDiagReqV2 = struct('inet_diag_req_v2', 56, {
  family,
  /** Eight bits: IPPROTO_MPTCP does not fit and stands in an attribute. */
  transport: t.u8,
  /** 1 << (INET_DIAG_* - 1) */
  extensions: t.flagList(t.u8, { info: 0x2 }),
  reserved: pad(1),
  states: t.flagList(t.u32, stateBits),
  localPort: t.be16,
  remotePort: t.be16,
  addresses: pad(32),
  ifIndex: t.ifIndex,
  /** idiag_cookie[0]: mptcp_diag_dump_one() takes it for the token (net/mptcp/mptcp_diag.c). */
  token: t.token,
  cookieRest: pad(4),
});

/** INET_DIAG_REQ_* */
const requestAttr = attrSet('diagRequest', { protocol: [3, t.u32] });

/** An address has room for IPv6: an IPv4 one stands in the first four bytes. */
const inetDiagMsg = (address: t.Type<Ip>) => {
  const rest = pad(16 - (address.size ?? 0));
  return struct('inet_diag_msg', 72, {
    family,
    state,
    timer: t.u8,
    retrans: t.u8,
    localPort: t.be16,
    remotePort: t.be16,
    local: address,
    localRest: rest,
    remote: address,
    remoteRest: rest,
    /** The interface that the socket is bound to, or 0. */
    ifIndex: t.ifIndex,
    /** No number: it tells sockets apart, for as long as the kernel runs. */
    cookie: t.u64,
    expires: t.u32,
    receiveQueue: t.u32,
    sendQueue: t.u32,
    uid: t.u32,
    inode: t.u32,
  });
};
const ipv4Msg = inetDiagMsg(t.ipv4);
const ipv6Msg = inetDiagMsg(t.ipv6);

/** MPTCP_INFO_FLAG_* */
const mptcpInfoFlags = t.flagList(t.u32, { fallback: 0x1, remoteKeyReceived: 0x2 });

/** As of Linux 6.18, newer than most headers. Times are in milliseconds. */
const mptcpInfo = struct('mptcp_info', 96, {
  /** The subflows besides the initial one. */
  extraSubflows: t.u8,
  addAddrSignal: t.u8,
  addAddrAccepted: t.u8,
  subflowsMax: t.u8,
  addAddrSignalMax: t.u8,
  addAddrAcceptedMax: t.u8,
  hole1: pad(2),
  flags: mptcpInfoFlags,
  token: t.token,
  writeSeq: t.u64,
  sndUna: t.u64,
  rcvNxt: t.u64,
  localAddrUsed: t.u8,
  localAddrMax: t.u8,
  checksums: t.bool,
  hole2: pad(1),
  retransmits: t.u32,
  bytesRetransmitted: t.u64,
  bytesSent: t.u64,
  bytesReceived: t.u64,
  bytesAcked: t.u64,
  /** All subflows, the initial one among them while it lives. */
  subflowsTotal: t.u8,
  laminarMax: t.u8,
  fullmeshMax: t.u8,
  reserved: pad(1),
  lastDataSent: t.u32,
  lastDataReceived: t.u32,
  lastAckReceived: t.u32,
});

/** The part of use. Round-trip times are in microseconds, the times since something last happened in milliseconds. */
const tcpInfo = struct('tcp_info', 232, {
  state,
  caState: t.u8,
  retransmits: t.u8,
  probes: t.u8,
  backoff: t.u8,
  bitFields: pad(3),
  rto: t.u32,
  ato: t.u32,
  sndMss: t.u32,
  rcvMss: t.u32,
  unacked: t.u32,
  sacked: t.u32,
  lost: t.u32,
  retrans: t.u32,
  fackets: pad(4),
  lastDataSent: t.u32,
  lastAckSent: pad(4),
  lastDataReceived: t.u32,
  lastAckReceived: t.u32,
  pathMtu: t.u32,
  rcvSsthresh: t.u32,
  rtt: t.u32,
  rttVariance: t.u32,
  sndSsthresh: t.u32,
  cwnd: t.u32,
  advertisedMss: t.u32,
  reordering: t.u32,
  rcvRtt: t.u32,
  rcvSpace: t.u32,
  totalRetransmits: t.u32,
  pacingRates: pad(16),
  bytesAcked: t.u64,
  bytesReceived: t.u64,
  segments: pad(8),
  notSentBytes: t.u32,
  minRtt: t.u32,
  dataSegments: pad(8),
  deliveryRate: t.u64,
  limited: pad(24),
  delivered: pad(8),
  bytesSent: t.u64,
  bytesRetransmitted: t.u64,
  rest: pad(16),
});

/** MPTCP_SUBFLOW_ATTR_*; those of numbers 3 to 7 come with CAP_NET_ADMIN only. */
const subflowAttr = sparseAttrSet('subflow', {
  /** 0 on initial subflows, and on joins that the peer made. */
  remoteToken: [1, t.token],
  /** The token of the connection. */
  token: [2, t.token],
  mapSeq: [4, t.u64],
  mapSubflowSeq: [5, t.u32],
  ssnOffset: [6, t.u32],
  mapLength: [7, t.u16],
  // MPTCP_SUBFLOW_FLAG_*
  mpCapableRemote: bit(8, t.u32, 0x1),
  mpCapableLocal: bit(8, t.u32, 0x2),
  joinRemote: bit(8, t.u32, 0x4),
  joinLocal: bit(8, t.u32, 0x8),
  backupRemote: bit(8, t.u32, 0x10),
  backupLocal: bit(8, t.u32, 0x20),
  fullyEstablished: bit(8, t.u32, 0x40),
  connected: bit(8, t.u32, 0x80),
  mapValid: bit(8, t.u32, 0x100),
  remId: [9, t.addrId],
  locId: [10, t.addrId],
});

/** INET_ULP_INFO_*. The kernel marks neither this nest nor that in it with NLA_F_NESTED. */
const ulpAttr = sparseAttrSet('ulp', { name: [1, t.text], mptcp: [3, nest(subflowAttr)] });

/** INET_DIAG_SHUTDOWN (RCV_SHUTDOWN and SEND_SHUTDOWN of include/net/sock.h), _MARK (with CAP_NET_ADMIN) and _CGROUP_ID. */
const shared = {
  shutdown: [8, t.flagList(t.u8, { receive: 0x1, send: 0x2 })],
  /** INET_DIAG_SKV6ONLY: of a listener whether it leaves IPv4 to others. */
  v6Only: [11, t.bool],
  mark: [15, t.u32],
  cgroupId: [21, t.u64],
} as const;
/** INET_DIAG_*: the same numbers mean another INFO for another protocol. */
const mptcpAttr = sparseAttrSet('mptcpSocket', { ...shared, info: [2, growing(mptcpInfo)] });
const tcpAttr = sparseAttrSet('tcpSocket', { ...shared, info: [2, growing(tcpInfo)], ulp: [19, nest(ulpAttr)] });

/** Of a connection no more than tells which it is, and of a subflow nothing but what makes it one. */
const mptcpBrief = struct('mptcp_info', 16, { head: pad(8), flags: mptcpInfoFlags, token: t.token });
const mptcpBriefAttr = sparseAttrSet('mptcpSocket', { info: [2, growing(mptcpBrief)] });
const tcpBriefAttr = sparseAttrSet('tcpSocket', {
  ulp: [19, nest(sparseAttrSet('ulp', { mptcp: [3, nest(subflowAttr)] }))],
});

/** Of a subflow no more than tells whose it is, and of tcp_info no more than tells whether it gets on. */
const tokenAttr = sparseAttrSet('subflow', { token: [2, t.token] });
const whoseAttr = sparseAttrSet('tcpSocket', {
  ulp: [19, nest(sparseAttrSet('ulp', { mptcp: [3, nest(tokenAttr)] }))],
});
const tcpCounters = struct('tcp_info', 148, {
  head: pad(3),
  probes: t.u8,
  timing: pad(20),
  unacked: t.u32,
  path: pad(92),
  bytesAcked: t.u64,
  received: pad(16),
  notSentBytes: t.u32,
});
const countersAttr = sparseAttrSet('tcpSocket', { info: [2, growing(tcpCounters)] });

type Header = ReturnType<typeof ipv4Msg.read>;
/** One socket as the kernel lists it. */
export type MptcpSocket = Header & Values<typeof mptcpAttr.definitions>;
export type TcpSocket = Header & Values<typeof tcpAttr.definitions>;

/** What is asked for. */
export interface DiagRequest {
  readonly family: DiagFamily;
  /** Of a dump: the states that are listed. */
  readonly states?: readonly State[];
  /** Of one connection: the kernel then looks at nothing else. */
  readonly token?: Token;
}

/** An operation whose answers can be written too. */
export interface DiagOperation<Answer> extends Operation<DiagRequest, Answer> {
  encode(w: Writer, answer: Answer): void;
}

function operation<D extends Definitions>(
  name: string,
  protocol: number,
  answers: boolean,
  set: AttrSet<D>,
): DiagOperation<Header & Values<D>> {
  const { size } = inetDiagReqV2;
  return {
    name,
    answers,
    write: (w, request) => {
      inetDiagReqV2.write(w, { transport: TCP, extensions: ['info'], ...request });
      if (protocol !== TCP) requestAttr.encode(w, { protocol });
    },
    locate: (b, body, end, target) => requestAttr.locate(b, body + size, end, target),
    nameOf: (b, body, end, id, inside) => missingName(requestAttr, b, body + size, end, id, inside),
    read: (b, body, end) => {
      const values = readHeader(b, body, end);
      set.fill(values as Record<string, unknown>, b, body + ipv6Msg.size, end);
      return values as Header & Values<D>;
    },
    encode: (w, answer) => {
      const entries = Object.entries(answer);
      const fields = Object.fromEntries(entries.filter(([key]) => !set.has(key)));
      (answer.family === 'ipv6' ? ipv6Msg : ipv4Msg).write(w, fields);
      set.encode(w, Object.fromEntries(entries.filter(([key]) => set.has(key))));
    },
  };
}

/** A request as the kernel reads it. */
export function readRequest(b: Buffer, body: number, end: number): DiagRequest & { readonly protocol: number } {
  const { family: asked, states: listed, transport, token } = inetDiagReqV2.read(b, body, end);
  const { protocol = transport } = requestAttr.decode(b, body + inetDiagReqV2.size, end);
  return { family: asked as DiagFamily, states: listed as readonly State[], protocol, token };
}

function readHeader(b: Buffer, body: number, end: number): Header {
  const isIpv6 = end > body && family.read(b, body, 1) === 'ipv6';
  const values = (isIpv6 ? ipv6Msg : ipv4Msg).read(b, body, end);
  if (typeof values.family === 'number') {
    throw new CodecError('NL_OUT_OF_RANGE', `${values.family} is no address family`, ['inet_diag_msg', 'family']);
  }
  return values;
}

/** Dumps the MPTCP sockets of a family, listeners among them; each under the addresses of its initial subflow. */
export const mptcpSockets = operation('list MPTCP sockets', MPTCP, false, mptcpAttr);
/** Asks for the MPTCP socket with a token, whatever its family; ENOENT where there is none. */
export const mptcpSocket = operation('find MPTCP socket', MPTCP, true, mptcpAttr);
/** Dumps the TCP sockets of a family; those that are subflows say so in `ulp.mptcp`. */
export const tcpSockets = operation('list TCP sockets', TCP, false, tcpAttr);

/** The same two dumps for those who want to know what there is, and not how it gets on: quicker to read. Without
 * the extension the kernel does not say either whose a subflow is (seen on Linux 6.18). */
export const mptcpSocketsInBrief = operation('list MPTCP sockets', MPTCP, false, mptcpBriefAttr);
export const subflowsInBrief = operation('list TCP sockets', TCP, false, tcpBriefAttr);

/** How a subflow gets on. */
export interface SubflowCounters {
  readonly token: Token;
  readonly local: Ip;
  readonly localPort: number;
  readonly remote: Ip;
  readonly remotePort: number;
  readonly bytesAcked: bigint;
  /** Segments that are sent and not acknowledged. */
  readonly unacked: number;
  /** Bytes that wait to be sent. */
  readonly notSent: number;
  /** Probes of a closed window that the peer has not answered. */
  readonly probes: number;
}

/**
 * The same dump for the counters of subflows of some connections alone: of what is not one of them no more is read than
 * tells so.
 */
export const subflowCounters = (
  wanted: (token: Token) => boolean,
): Operation<DiagRequest, SubflowCounters | undefined> => ({
  ...tcpSockets,
  name: 'read counters of subflows',
  read: (b, body, end) => {
    const attributes = body + ipv6Msg.size;
    const token = whoseAttr.decode(b, attributes, end).ulp?.mptcp?.token;
    if (token === undefined || !wanted(token)) return undefined;
    const { local, localPort, remote, remotePort } = readHeader(b, body, end);
    const {
      bytesAcked = 0n,
      unacked = 0,
      notSentBytes = 0,
      probes = 0,
    } = countersAttr.decode(b, attributes, end).info ?? {};
    return { token, local, localPort, remote, remotePort, bytesAcked, unacked, notSent: notSentBytes, probes };
  },
});
