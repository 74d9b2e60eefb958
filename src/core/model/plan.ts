import type { EndpointFlag, Limits } from './commands.ts';
import type { Connection, End, Subflow } from './connection.ts';
import type { IfIndex, Ip } from './ids.ts';
import type { Interface, LocalAddress } from './network.ts';

/** What does not change about an established connection. */
export type PlannedConnection = Pick<Connection, 'token' | 'serverSide' | 'denyJoinId0' | 'local' | 'remote'>;

/**
 * What a plan is made from. The core notes which of these a plan reads, and asks for the plan again when one of them has
 * changed: a plan that reads nothing but `addresses` is asked again when an address comes or goes, and not before.
 */
export interface PlanView {
  readonly connection: PlannedConnection;
  readonly interfaces: readonly Interface[];
  /** The addresses of this host that can be used: they pass the filters, and their interfaces run. */
  readonly addresses: readonly LocalAddress[];
  /**
   * Where the peer takes subflows: its initial address, unless it forbids that or has removed it, then what it has
   * announced.
   */
  readonly remotes: readonly End[];
  /** Those that live and those being tried, whoever made them. */
  readonly subflows: readonly Subflow[];
  /**
   * Whether an address has been usable for so many milliseconds without a break; the plan is asked for again when the
   * answer changes. What was there when mptcpd started has always been.
   */
  usableFor(address: Pick<LocalAddress, 'ip' | 'ifIndex'>, ms: number): boolean;
  /**
   * Whether a subflow is in trouble: data that the peer has not acknowledged is outstanding on it, and for `after`
   * milliseconds none was. It stays in trouble until it has been well for `hold` milliseconds. The plan is asked for
   * again when the answer changes. While a plan asks this, mptcpd reads the subflows' counters several times in `after`.
   */
  inTrouble(subflow: Subflow, after: number, hold: number): boolean;
}

interface RemotePlace {
  readonly ip: Ip;
  readonly port: number;
}

/**
 * A subflow that is to be there. The same pair may be wanted several times. The initial subflow counts as one of its
 * pair.
 */
export interface WantedSubflow {
  /** With an interface the subflow is bound to it: packets leave there whatever the routes to other interfaces say. */
  readonly local: { readonly ip: Ip; readonly ifIndex?: IfIndex | undefined };
  /** Of several, the first that can be reached: the next one is tried when one fails. */
  readonly remote: RemotePlace | readonly RemotePlace[];
  /** The peer is to use it only when there is no other, and so does this host. */
  readonly backup?: boolean | undefined;
}

/** An address that the peer is to know of. */
export interface WantedAnnouncement {
  readonly ip: Ip;
  /** Without one the peer takes the port of the connection. */
  readonly port?: number | undefined;
  readonly backup?: boolean | undefined;
  /**
   * `true`: mptcpd listens at exactly this address and port for as long as it is announced. An address: it listens there
   * instead, where a translator (NAT) leads what comes to the announced one. Otherwise somebody else must listen.
   */
  readonly listen?: boolean | Ip | undefined;
}

/** What a plan says of one connection. The first ones count most where not all can be had. */
export interface Plan {
  readonly subflows?: readonly WantedSubflow[] | undefined;
  readonly announce?: readonly WantedAnnouncement[] | undefined;
}

/** What a plan for the kernel's path manager is made from. */
export interface EndpointsView {
  readonly interfaces: readonly Interface[];
  readonly addresses: readonly LocalAddress[];
  /** mptcpd.conf's addr-flags. */
  readonly addressFlags: readonly EndpointFlag[];
}

/** An endpoint that is to be there. */
export interface WantedEndpoint {
  readonly ip: Ip;
  readonly ifIndex?: IfIndex | undefined;
  readonly port?: number | undefined;
  readonly flags: readonly EndpointFlag[];
}

/** What a plan says of the kernel's path manager. The first ones count most: the kernel takes eight. */
export interface EndpointsPlan {
  readonly endpoints: readonly WantedEndpoint[];
  /** The least that the limits are to be. They are never set lower than others want them. */
  readonly limits?: Partial<Limits> | undefined;
  /** Whether all stays when mptcpd stops; otherwise its endpoints go, and limits are as others set them. */
  readonly keepAtExit?: boolean | undefined;
}
