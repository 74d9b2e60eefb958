import { GoneAddresses } from './gone-addresses.ts';
import { unmapped } from './ip.ts';
import type { IfIndex, Ip } from './model/ids.ts';
import type { Interface, LocalAddress, NetworkInput, NotifyFlags } from './model/network.ts';
import { RouteChecks } from './route-checks.ts';

/** What plugins are told of the network. */
export type NetworkChange =
  | { readonly hook: 'interfaceAdded' | 'interfaceUpdated' | 'interfaceRemoved'; readonly payload: Interface }
  | {
      readonly hook: 'localAddressAdded' | 'localAddressRemoved';
      readonly payload: LocalAddress;
      /** The name of its interface, which may be gone by now. */
      readonly interface: string | undefined;
      /** Why plugins are to forget it, where it is there still. */
      readonly because: Hidden | undefined;
    };

/** Why an address is kept from plugins. */
export type Hidden =
  | 'link-local'
  | 'loopback'
  | 'existed at start'
  | 'interface not running'
  | 'tentative'
  | 'no default route';

interface Known {
  address: LocalAddress;
  /** Plugins have been told that it is there. */
  told: boolean;
  /** It existed at the start and was not asked for: kept from plugins until it goes and comes back. */
  silent: boolean;
  /** Why it is kept from plugins, as far as that was said. */
  reason: Hidden | undefined;
  /** Packets can leave from it, whether plugins hear of it or not. */
  alive: boolean;
  /** Since when plugins have known of it. */
  since: number;
}

const keyOf = ({ ip, prefixLength, ifIndex }: LocalAddress): string => `${ifIndex} ${ip}/${prefixLength}`;
const usable = (link: Interface | undefined): boolean => link?.up === true && link.running;

/**
 * The interfaces and addresses of this host, and which of them plugins hear of: those that pass the filters, for as long
 * as their interface runs. An interface that loses its carrier takes its addresses with it, and brings them back.
 */
export class Network {
  #flags: NotifyFlags;
  readonly #links = new Map<IfIndex, Interface>();
  readonly #known = new Map<string, Known>();
  /** What plugins see; replaced on each change, so that a reader's copy stays whole. */
  #visible: readonly LocalAddress[] | undefined;
  #started = false;
  /** There where routes are asked for. */
  #routes: RouteChecks | undefined;
  #now = 0;
  #waitedInVain: LocalAddress | undefined;
  #byIp: ReadonlyMap<Ip, readonly Known[]> | undefined;
  readonly #gone = new GoneAddresses();
  #aliveChanged = false;
  #nowHidden: { readonly address: LocalAddress; readonly because: Hidden }[] = [];

  constructor(flags: NotifyFlags) {
    this.#flags = flags;
    if (flags.checkRoute !== undefined) this.#routes = new RouteChecks(flags.checkRoute);
  }

  get interfaces(): readonly Interface[] {
    return [...this.#links.values()];
  }

  /** The addresses that plugins know of, in the order in which they came. */
  get addresses(): readonly LocalAddress[] {
    this.#visible ??= [...this.#known.values()].filter((k) => k.told).map((k) => k.address);
    return this.#visible;
  }

  /** Since when plugins have known an address of an interface, or of any; undefined where they do not. */
  usableSince({ ip, ifIndex }: { readonly ip: Ip; readonly ifIndex?: IfIndex | undefined }): number | undefined {
    let since: number | undefined;
    for (const known of this.#at(ip)) {
      if (!known.told || (ifIndex !== undefined && known.address.ifIndex !== ifIndex)) continue;
      since = Math.min(since ?? Number.POSITIVE_INFINITY, known.since);
    }
    return since;
  }

  /** The interface that has an address at work; undefined where none has. */
  interfaceOf(ip: Ip): IfIndex | undefined {
    return this.#at(ip).find(({ alive }) => alive)?.address.ifIndex;
  }

  /** Whether packets from an address, over an interface if one is given, could leave and no longer can. */
  isGone(ip: Ip, ifIndex?: IfIndex): boolean {
    return this.#gone.has(ip, ifIndex);
  }

  /** Whether an address came or went, be it one that plugins do not hear of, since this was asked last. */
  takeAliveChanged(): boolean {
    const changed = this.#aliveChanged;
    this.#aliveChanged = false;
    return changed;
  }

  #at(ip: Ip): readonly Known[] {
    if (!this.#byIp) {
      const byIp = new Map<Ip, Known[]>();
      for (const known of this.#known.values()) {
        const there = byIp.get(known.address.ip);
        if (there) there.push(known);
        else byIp.set(known.address.ip, [known]);
      }
      this.#byIp = byIp;
    }
    return this.#byIp.get(unmapped(ip)) ?? [];
  }

  /** Filters by other flags from now on; the answer is what plugins are to be told. */
  setFlags(flags: NotifyFlags, now: number): NetworkChange[] {
    const changes: NetworkChange[] = [];
    this.#now = now;
    this.#setChecks(flags.checkRoute);
    this.#flags = flags;
    for (const known of this.#known.values()) {
      if (flags.existing) known.silent = false;
      this.#tell(known, changes);
    }
    return changes;
  }

  /** Addresses that are told of stay so until a check says otherwise: nobody should lose a connection by a new setting. */
  #setChecks(total: number | undefined): void {
    if (total === undefined) {
      this.#routes = undefined;
    } else if (this.#routes) {
      this.#routes.total = total;
    } else {
      this.#routes = new RouteChecks(total);
      for (const { told, address } of this.#known.values()) {
        if (told) this.#routes.found(keyOf(address), address, this.#now, true);
      }
    }
  }

  /** Takes in one change; the answer is what plugins are to be told, in order. */
  apply(input: NetworkInput, now: number): NetworkChange[] {
    const changes: NetworkChange[] = [];
    this.#now = now;
    this.#waitedInVain = undefined;
    switch (input.type) {
      case 'link':
        this.#setLink(input.link, changes);
        break;
      case 'linkGone':
        this.#routes?.routesChanged(now);
        this.#dropLink(input.ifIndex, changes);
        break;
      case 'address':
        this.#setAddress(input.address, changes);
        break;
      case 'addressGone':
        // The kernel drops routes that prefer the address without a word (net/ipv4/fib_semantics.c, fib_sync_down_addr).
        this.#routes?.routesChanged(now);
        this.#dropAddress(keyOf(input.address), changes);
        break;
      case 'network':
        this.#replace(input.links, input.addresses, changes);
        break;
      case 'routes':
        this.#routes?.routesChanged(now);
        break;
      case 'routeChecked':
        this.#routeChecked(input.address, input.found, changes);
        break;
      default:
        input satisfies never;
    }
    return changes;
  }

  /** The addresses that are kept from plugins for a new reason, since this was asked last. */
  takeHidden(): readonly { readonly address: LocalAddress; readonly because: Hidden }[] {
    return this.#nowHidden.splice(0);
  }

  /** The addresses whose routes are to be looked up now; each is answered with a `routeChecked`. */
  routesToCheck(now: number): readonly LocalAddress[] {
    return this.#routes?.due(now) ?? [];
  }

  /** When the next route is to be looked up; undefined where none is. */
  get nextRouteCheck(): number | undefined {
    return this.#routes?.next;
  }

  /** The address of the latest input, where its route has been waited for until the time was over. */
  get waitedInVain(): LocalAddress | undefined {
    return this.#waitedInVain;
  }

  /** Why plugins do not hear of an address that is there; undefined where they do. */
  hidden(address: LocalAddress): Hidden | undefined {
    const filtered = this.#filtered(address);
    if (filtered !== undefined || !this.#routes || !this.#known.has(keyOf(address))) return filtered;
    return this.#routes.found(keyOf(address), address, this.#now) ? undefined : 'no default route';
  }

  #filtered(address: LocalAddress): Hidden | undefined {
    const known = this.#known.get(keyOf(address));
    if (address.scope === 'host' && this.#flags.skipLoopback) return 'loopback';
    if (address.scope === 'link' && this.#flags.skipLinkLocal) return 'link-local';
    if (address.tentative) return 'tentative';
    if (!usable(this.#links.get(address.ifIndex))) return 'interface not running';
    return known?.silent ? 'existed at start' : undefined;
  }

  #replace(links: readonly Interface[], addresses: readonly LocalAddress[], changes: NetworkChange[]): void {
    const first = !this.#started;
    this.#started = true;
    const keys = new Set(addresses.map(keyOf));
    for (const key of [...this.#known.keys()]) if (!keys.has(key)) this.#dropAddress(key, changes);
    const indexes = new Set(links.map((link) => link.index));
    for (const index of [...this.#links.keys()]) if (!indexes.has(index)) this.#dropLink(index, changes);
    for (const link of links) this.#setLink(link, changes);
    for (const address of addresses) this.#setAddress(address, changes, first && !this.#flags.existing);
    if (first) for (const known of this.#known.values()) known.since = Number.NEGATIVE_INFINITY;
  }

  #setLink(link: Interface, changes: NetworkChange[]): void {
    const before = this.#links.get(link.index);
    if (before && sameLink(before, link)) return;
    this.#links.set(link.index, link);
    const hook = before ? 'interfaceUpdated' : 'interfaceAdded';
    // Who hears of a dead interface should find its addresses gone already, and of a live one before they come.
    if (!usable(link)) this.#review(link.index, changes);
    changes.push({ hook, payload: link });
    if (usable(link)) this.#review(link.index, changes);
  }

  #dropLink(ifIndex: IfIndex, changes: NetworkChange[]): void {
    const link = this.#links.get(ifIndex);
    if (!link) return;
    // The index may be given to another interface: what is not forgotten here would come out with that one.
    for (const [key, known] of this.#known) if (known.address.ifIndex === ifIndex) this.#dropAddress(key, changes);
    this.#links.delete(ifIndex);
    changes.push({ hook: 'interfaceRemoved', payload: link });
  }

  #setAddress(address: LocalAddress, changes: NetworkChange[], silent = false): void {
    const key = keyOf(address);
    const known = this.#known.get(key);
    if (known) {
      known.address = address;
      this.#visible = undefined;
      this.#tell(known, changes);
    } else {
      const added: Known = { address, told: false, silent, reason: undefined, alive: false, since: 0 };
      this.#known.set(key, added);
      this.#byIp = undefined;
      this.#tell(added, changes);
    }
  }

  #dropAddress(key: string, changes: NetworkChange[]): void {
    const known = this.#known.get(key);
    if (!known) return;
    this.#known.delete(key);
    this.#byIp = undefined;
    this.#routes?.forget(key);
    this.#setAlive(known, false);
    if (known.told) this.#say('localAddressRemoved', known, changes);
  }

  #review(ifIndex: IfIndex, changes: NetworkChange[]): void {
    for (const known of this.#known.values()) if (known.address.ifIndex === ifIndex) this.#tell(known, changes);
  }

  #tell(known: Known, changes: NetworkChange[]): void {
    const reason = this.hidden(known.address);
    this.#setAlive(known, !known.address.tentative && usable(this.#links.get(known.address.ifIndex)));
    if (reason === 'interface not running' || reason === 'tentative') {
      known.silent = false;
      this.#routes?.forget(keyOf(known.address));
    }
    if (reason === undefined && !known.told) this.#say('localAddressAdded', known, changes);
    else if (reason !== undefined && known.told) this.#say('localAddressRemoved', known, changes, reason);
    else if (reason !== undefined && reason !== known.reason)
      this.#nowHidden.push({ address: known.address, because: reason });
    known.reason = reason;
  }

  #setAlive(known: Known, alive: boolean): void {
    if (known.alive === alive) return;
    known.alive = alive;
    this.#aliveChanged = true;
    const { ip, ifIndex } = known.address;
    if (alive) this.#gone.came(ip, ifIndex);
    else this.#gone.went(ip, ifIndex);
  }

  #routeChecked(address: LocalAddress, found: boolean, changes: NetworkChange[]): void {
    const known = this.#known.get(keyOf(address));
    if (!known) return;
    if (this.#routes?.answer(keyOf(address), found, this.#now)) this.#waitedInVain = known.address;
    this.#tell(known, changes);
  }

  #say(
    hook: 'localAddressAdded' | 'localAddressRemoved',
    known: Known,
    changes: NetworkChange[],
    because?: Hidden,
  ): void {
    known.told = hook === 'localAddressAdded';
    if (known.told) known.since = this.#now;
    this.#visible = undefined;
    const { name } = this.#links.get(known.address.ifIndex) ?? {};
    changes.push({ hook, payload: known.address, interface: name, because });
  }
}

function sameLink(a: Interface, b: Interface): boolean {
  return (
    a.name === b.name &&
    a.up === b.up &&
    a.running === b.running &&
    a.loopback === b.loopback &&
    a.mtu === b.mtu &&
    a.kind === b.kind
  );
}
