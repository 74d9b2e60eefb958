import type { Connection, End, Subflow } from './connection.ts';
import type { Ip, Token } from './ids.ts';
import type { Interface, LocalAddress } from './network.ts';

/** What it returns does not matter, but a promise holds back the next hook of its connection until it settles. */
type Hook<T> = (event: T) => unknown;

/** An address that a peer announced or removed. */
export interface RemoteAddress {
  readonly token: Token;
  readonly connection: Connection;
  /** The port is the one of the subflow that carried the announcement where the peer gave none. */
  readonly address: End;
}

/** An MPTCP socket that listens. */
export interface ListeningSocket {
  readonly ip: Ip;
  readonly port: number;
}

/** What happens to a connection: its owner alone hears of it. */
export interface ConnectionHooks {
  /** The handshake is done on this side. A server's connection is established at the same time. */
  connectionCreated?: Hook<Connection>;
  /** The connection takes subflows from now on (RFC 8684 section 3.1: fully established). */
  connectionEstablished?: Hook<Connection>;
  connectionClosed?: Hook<Connection>;
  /** The peer sent ADD_ADDR. Repeated announcements are heard once. */
  addressAnnounced?: Hook<RemoteAddress>;
  /** The peer sent RM_ADDR. */
  addressRemoved?: Hook<RemoteAddress>;
  /** A subflow beside the initial one came to be, by this host or by the peer. */
  subflowEstablished?: Hook<Subflow>;
  /** A subflow, perhaps the initial one, closed or could not be made, while the connection lives on. */
  subflowClosed?: Hook<Subflow>;
  /** The peer sent MP_PRIO. */
  subflowPriority?: Hook<Subflow>;
}

/** What happens to the host: every plugin hears of it, the most favoured first. */
export interface NetworkHooks {
  interfaceAdded?: Hook<Interface>;
  interfaceUpdated?: Hook<Interface>;
  interfaceRemoved?: Hook<Interface>;
  /** An address can be used: it passes the filters and its interface runs. */
  localAddressAdded?: Hook<LocalAddress>;
  /** An address can no longer be used: it is gone, or its interface is. */
  localAddressRemoved?: Hook<LocalAddress>;
  /** An MPTCP socket of this namespace, anyone's, started to listen. */
  listenerCreated?: Hook<ListeningSocket>;
  listenerClosed?: Hook<ListeningSocket>;
}

export interface Hooks extends ConnectionHooks, NetworkHooks {}
export type HookName = keyof Hooks;

/** Every hook, by name. */
export const hookNames: readonly HookName[] = Object.keys({
  connectionCreated: 0,
  connectionEstablished: 0,
  connectionClosed: 0,
  addressAnnounced: 0,
  addressRemoved: 0,
  subflowEstablished: 0,
  subflowClosed: 0,
  subflowPriority: 0,
  interfaceAdded: 0,
  interfaceUpdated: 0,
  interfaceRemoved: 0,
  localAddressAdded: 0,
  localAddressRemoved: 0,
  listenerCreated: 0,
  listenerClosed: 0,
} satisfies Record<HookName, 0>) as HookName[];
