import type { AddrId, IfIndex, Ip, Token } from './ids.ts';

/** The two ends of a subflow. Ports are numbers, whatever their byte order on the wire. */
interface Ends {
  readonly localIp: Ip;
  readonly localPort: number;
  readonly locId: AddrId;
  readonly remoteIp: Ip;
  readonly remotePort: number;
  readonly remId: AddrId;
}

/** MPTCP_EVENT_CREATED and _ESTABLISHED: a connection came to be; its initial subflow is fully established. */
export interface ConnectionEvent extends Ends {
  readonly type: 'connectionCreated' | 'connectionEstablished';
  readonly token: Token;
  /** Whether this host accepted the connection. */
  readonly serverSide: boolean;
  /** Whether the peer forbids subflows to its initial address and port (RFC 8684 section 3.1, flag C). */
  readonly denyJoinId0: boolean;
}

/** MPTCP_EVENT_CLOSED. The kernel sends no event for the subflows that go with it. */
export interface ConnectionClosedEvent {
  readonly type: 'connectionClosed';
  readonly token: Token;
}

/** MPTCP_EVENT_ANNOUNCED: the peer sent ADD_ADDR. It repeats when an echo is lost. */
export interface AddressAnnouncedEvent {
  readonly type: 'addressAnnounced';
  readonly token: Token;
  readonly remId: AddrId;
  readonly remoteIp: Ip;
  /** The announced port; the port of the subflow that carried the announcement where the peer gave none. */
  readonly remotePort: number;
}

/** MPTCP_EVENT_REMOVED: the peer sent RM_ADDR. */
export interface AddressRemovedEvent {
  readonly type: 'addressRemoved';
  readonly token: Token;
  readonly remId: AddrId;
}

/** MPTCP_EVENT_SUB_ESTABLISHED, _SUB_CLOSED and _SUB_PRIORITY. */
export interface SubflowEvent extends Ends {
  readonly type: 'subflowEstablished' | 'subflowClosed' | 'subflowPriority';
  readonly token: Token;
  /** Whether the *peer* asked for this subflow to be a backup; what this host asked for is not reported. */
  readonly backup: boolean;
  /** The device that the subflow is bound to, if it is. */
  readonly ifIndex: IfIndex | undefined;
  /** Why it closed, as the errno's name (`ECONNREFUSED`, `ETIMEDOUT`, …); undefined on a clean close. */
  readonly error: string | undefined;
  /** The reason that the peer gave with its reset (RFC 8684 section 3.6). */
  readonly resetReason: ResetReason | undefined;
  /** Whether the peer called that reason transient. */
  readonly resetTransient: boolean;
}

/** MPTCP_EVENT_LISTENER_CREATED and _CLOSED: any MPTCP socket of the namespace that starts or stops to listen. */
export interface ListenerEvent {
  readonly type: 'listenerCreated' | 'listenerClosed';
  readonly localIp: Ip;
  readonly localPort: number;
}

/** The reasons of MP_TCPRST (RFC 8684 section 3.6, table 1); a number where the reason is newer. */
export type ResetReason =
  | 'unspecified'
  | 'mptcp'
  | 'resource'
  | 'prohibited'
  | 'too-much-data'
  | 'bad-performance'
  | 'middlebox'
  | number;

/** An event of the kernel's path manager, as the netlink family `mptcp_pm` reports it. */
export type PmEvent =
  | ConnectionEvent
  | ConnectionClosedEvent
  | AddressAnnouncedEvent
  | AddressRemovedEvent
  | SubflowEvent
  | ListenerEvent;
