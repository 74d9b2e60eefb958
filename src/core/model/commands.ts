import type { AddrId, IfIndex, Ip, Token } from './ids.ts';

/** What an endpoint of the kernel's path manager is for. The kernel alone sets `implicit`. */
export type EndpointFlag = 'signal' | 'subflow' | 'backup' | 'fullmesh' | 'implicit' | 'laminar';

/** An endpoint of the kernel's path manager, or an address that it holds for one connection. */
export interface HeldAddress {
  readonly ip: Ip;
  readonly id: AddrId;
  /** 0: none. */
  readonly port: number;
  readonly flags: readonly EndpointFlag[];
  readonly ifIndex: IfIndex | undefined;
}

/** The limits of the kernel's path manager, each 0 … 8. The userspace path manager knows none. */
export interface Limits {
  /** Subflows beside the initial one. */
  readonly subflows: number;
  /** Announced addresses of the peer that are connected to. */
  readonly addAddrAccepted: number;
}

interface Place {
  readonly ip: Ip;
  readonly port: number;
}

/**
 * Every command: what it takes and what it answers. Those with a token act on one connection of the userspace path
 * manager; those on endpoints and limits act on the kernel's.
 */
export interface Commands {
  /**
   * Sends ADD_ADDR. Without an id one is chosen. The answer means queued: the kernel holds one at a time.
   *
   * A peer that joins reaches this host only where an MPTCP socket listens: the application's own, if it listens on the
   * same port of that address or of all. `listen` has mptcpd listen at exactly that address and port until the address is
   * removed or the connection closes: on the port given (0: any, the answer tells), or else on the connection's own. Where
   * somebody listens there already, that serves. With an address in its place it listens at that one instead: where a
   * translator (NAT) leads what comes to the announced one; on `listenPort` if that leads to another port.
   */
  announce: {
    args: {
      readonly token: Token;
      readonly address: { readonly ip: Ip; readonly port?: number; readonly id?: AddrId };
      readonly ifIndex?: IfIndex;
      readonly backup?: boolean;
      readonly listen?: boolean | Ip;
      readonly listenPort?: number;
    };
    /** The port is 0 where none was announced. */
    answer: { readonly id: AddrId; readonly port: number };
  };
  /** Sends RM_ADDR: the peer then closes the subflows that use the address. */
  remove: { args: { readonly token: Token; readonly id: AddrId }; answer: undefined };
  /**
   * Starts a subflow (MP_JOIN). The answer comes before the handshake: subflowEstablished or subflowClosed tells how it
   * ended. An IPv4 address is written IPv4-mapped where the other end is.
   */
  createSubflow: {
    args: {
      readonly token: Token;
      readonly local: { readonly ip: Ip; readonly port?: number; readonly id?: AddrId };
      readonly remote: Place & { readonly id?: AddrId };
      readonly ifIndex?: IfIndex;
      readonly backup?: boolean;
    };
    answer: { readonly id: AddrId };
  };
  /** Closes one subflow; both ends exactly as the connection shows them. */
  destroySubflow: { args: { readonly token: Token; readonly local: Place; readonly remote: Place }; answer: undefined };
  /** Asks the peer to treat a subflow as backup, or no longer (MP_PRIO). */
  setBackup: {
    args: { readonly token: Token; readonly local: Place; readonly remote: Place; readonly backup: boolean };
    answer: undefined;
  };
  /** What the kernel holds for a connection: announced addresses and those of subflows, its own choices included. */
  listAddresses: { args: { readonly token: Token }; answer: readonly HeldAddress[] };

  /** Adds an endpoint. Without an id the kernel chooses one. */
  addEndpoint: {
    args: {
      readonly ip: Ip;
      readonly port?: number;
      readonly id?: AddrId;
      readonly flags?: readonly EndpointFlag[];
      readonly ifIndex?: IfIndex;
    };
    answer: undefined;
  };
  removeEndpoint: { args: { readonly id: AddrId; readonly ip?: Ip }; answer: undefined };
  getEndpoint: { args: { readonly id: AddrId }; answer: HeldAddress };
  listEndpoints: { args: undefined; answer: readonly HeldAddress[] };
  flushEndpoints: { args: undefined; answer: undefined };
  /** Replaces both `backup` and `fullmesh`; other flags are fixed once the endpoint is there. */
  setEndpointFlags: {
    args: { readonly id: AddrId; readonly flags: readonly ('backup' | 'fullmesh')[] };
    answer: undefined;
  };
  getLimits: { args: undefined; answer: Limits };
  /** Changes the limits that are given. */
  setLimits: { args: Partial<Limits>; answer: undefined };
}

export type CommandName = keyof Commands;

/** Every command, by name. */
export const commandNames: readonly CommandName[] = Object.keys({
  announce: 0,
  remove: 0,
  createSubflow: 0,
  destroySubflow: 0,
  setBackup: 0,
  listAddresses: 0,
  addEndpoint: 0,
  removeEndpoint: 0,
  getEndpoint: 0,
  listEndpoints: 0,
  flushEndpoints: 0,
  setEndpointFlags: 0,
  getLimits: 0,
  setLimits: 0,
} satisfies Record<CommandName, 0>) as CommandName[];

/** A command with its arguments. */
export type Command = { [K in CommandName]: { readonly name: K; readonly args: Commands[K]['args'] } }[CommandName];

/** Why a command was not done. */
export type RefusalCode =
  /** The kernel refused; `errno` says how. */
  | 'REFUSED'
  /** No connection has this token, or no longer. */
  | 'UNKNOWN_TOKEN'
  /** The connection is not established yet: it takes no subflows. */
  | 'NOT_ESTABLISHED'
  /** The peer forbids subflows to its initial address (RFC 8684 section 3.1, flag C). */
  | 'DENIED_BY_PEER'
  /** All 255 address ids of the connection are in use. */
  | 'NO_ADDRESS_ID'
  /** An argument is missing or is not what the command takes. */
  | 'BAD_ARGUMENT'
  /** The plugin has given more commands than can be carried out: 10,000 of them wait already. */
  | 'TOO_MANY'
  /** The plugin has been closed: it was set up anew, or the daemon stops. */
  | 'PLUGIN_CLOSED'
  /** The kernel could not be asked. */
  | 'FAILED';

export interface Refusal {
  readonly code: RefusalCode;
  /** For people; do not match on it. */
  readonly message: string;
  /** With REFUSED: the errno's name, such as `EINVAL`. */
  readonly errno?: string;
}

/** How a command ended. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Refusal };
