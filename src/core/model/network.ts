import type { IfIndex, Ip } from './ids.ts';

/** A network interface. */
export interface Interface {
  readonly index: IfIndex;
  readonly name: string;
  /** Switched on by the administrator (IFF_UP). */
  readonly up: boolean;
  /** Ready to carry packets: the carrier is there (IFF_LOWER_UP), and nothing is waited for (IFF_DORMANT, as in 802.1X). */
  readonly running: boolean;
  readonly loopback: boolean;
  /** Largest packet in bytes; undefined where the kernel did not say. */
  readonly mtu: number | undefined;
  /** What kind of virtual device it is (`veth`, `bridge`, `wireguard`, …); undefined for hardware. */
  readonly kind: string | undefined;
}

/** How far an address is valid (rtnetlink's rtm_scope); a number where the administrator made up one. */
export type Scope = 'global' | 'site' | 'link' | 'host' | 'nowhere' | number;

/** An address of this host. On a point-to-point link it is this end's, never the peer's. */
export interface LocalAddress {
  readonly ip: Ip;
  readonly prefixLength: number;
  readonly ifIndex: IfIndex;
  readonly scope: Scope;
  /** Not to be used yet: duplicate address detection runs (RFC 4862 section 5.4), or has failed. */
  readonly tentative: boolean;
  /** Not to be used for new connections (RFC 4862 section 5.5.4). */
  readonly deprecated: boolean;
  /** An IPv6 privacy address, short-lived (RFC 8981). */
  readonly temporary: boolean;
}

/** A change of the network, as rtnetlink reports it: before any filter. */
export type NetworkInput =
  | { readonly type: 'link'; readonly link: Interface }
  | { readonly type: 'linkGone'; readonly ifIndex: IfIndex }
  | { readonly type: 'address'; readonly address: LocalAddress }
  | { readonly type: 'addressGone'; readonly address: LocalAddress }
  /** Default routes or rules changed. */
  | { readonly type: 'routes' }
  /** Whether a default route leads from an address over its interface: the answer to a check. */
  | { readonly type: 'routeChecked'; readonly address: LocalAddress; readonly found: boolean }
  /** All there is now; what is known and not in it is gone. */
  | { readonly type: 'network'; readonly links: readonly Interface[]; readonly addresses: readonly LocalAddress[] };

/** Which addresses plugins hear of (mptcpd.conf's notify-flags). */
export interface NotifyFlags {
  /** Those that existed when the daemon started. */
  readonly existing: boolean;
  /** Not those of link scope. */
  readonly skipLinkLocal: boolean;
  /** Not those of host scope. */
  readonly skipLoopback: boolean;
  /** Only those from which a default route leads over their interface; it is waited for so many milliseconds. */
  readonly checkRoute?: number;
}
