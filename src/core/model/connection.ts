import type { ResetReason } from './events.ts';
import type { AddrId, IfIndex, Ip, Token } from './ids.ts';

/** One end of a subflow: an address, its port and its id in this connection. */
export interface End {
  readonly ip: Ip;
  readonly port: number;
  readonly id: AddrId;
}

/** One subflow, tried, live or just closed. */
export interface Subflow {
  readonly token: Token;
  /** The port is 0 while the subflow is being tried: the kernel has not told it yet. */
  readonly local: End;
  readonly remote: End;
  readonly state: 'trying' | 'established' | 'closed';
  /** Whether it is the one that the connection began with. */
  readonly initial: boolean;
  /** Whether the peer asked for it to be a backup. */
  readonly backup: boolean;
  /** The device that it is bound to, if it is. */
  readonly ifIndex: IfIndex | undefined;
  /** Once closed: the errno's name (`ECONNREFUSED`, …), undefined on a clean close. */
  readonly error: string | undefined;
  /** Once closed: the reason that the peer gave, if it reset the subflow. */
  readonly resetReason: ResetReason | undefined;
  /** Once closed: whether the peer called that reason transient. */
  readonly resetTransient: boolean;
}

/** A connection as it is known now. The object lives as long as the connection and changes with it. */
export interface Connection {
  readonly token: Token;
  /** Whether this host accepted it. */
  readonly serverSide: boolean;
  /** Whether the peer forbids subflows to its initial address and port. */
  readonly denyJoinId0: boolean;
  /** The ends that it began with, in the form that the kernel uses (IPv4-mapped on AF_INET6 sockets). */
  readonly local: End;
  readonly remote: End;
  /** Subflows can be created once it is established. */
  readonly state: 'created' | 'established' | 'closed';
  /** Those that live and those being tried. */
  readonly subflows: readonly Subflow[];
  /** What the peer has announced (ADD_ADDR) and not removed. */
  readonly remoteAddresses: readonly End[];
  /** What this daemon has announced to the peer and not removed. */
  readonly announced: readonly End[];
  /** The plugin that hears of it. */
  readonly owner: string | undefined;
}
