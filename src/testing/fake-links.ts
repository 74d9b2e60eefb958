import { asIfIndex, type IfIndex, type Ip } from '../core/model/ids.ts';
import * as route from '../netlink/families/route.ts';
import { type FakeMessage, type FakeNetlink, FakeRefusal, type FakeRequest } from './fake-netlink.ts';

type LinkMessage = ReturnType<typeof route.link.decode>;
type AddressMessage = ReturnType<typeof route.address.decode>;
type RouteMessage = ReturnType<typeof route.route.decode>;

interface Link {
  readonly index: IfIndex;
  up: boolean;
  carrier: boolean;
  /** Packets vanish on the way, and nothing tells of it. */
  blackhole: boolean;
}

interface Assigned {
  readonly link: string;
  readonly ip: Ip;
  readonly prefixLength: number;
}

/** The interfaces and addresses of a fake host, told by rtnetlink. */
export class FakeLinks {
  readonly #netlink: FakeNetlink;
  readonly #links = new Map<string, Link>();
  readonly #addresses: Assigned[] = [];
  readonly #defaultRoutes: { family: 'ipv4' | 'ipv6'; link: string }[] = [];
  /** Indexes are not used again. */
  #lastIndex = 0;

  constructor(netlink: FakeNetlink) {
    this.#netlink = netlink;
    netlink.add(route.PROTOCOL, (request) => this.#answer(request));
    this.add('lo', true);
    this.addAddress('lo', '127.0.0.1', 8);
    this.addAddress('lo', '::1', 128);
  }

  add(name: string, carrier = true): void {
    this.#links.set(name, { index: asIfIndex(++this.#lastIndex), up: true, carrier, blackhole: false });
    this.#tellLink(name, 'added');
  }

  remove(name: string): void {
    for (const { ip } of this.#addresses.filter((each) => each.link === name)) this.removeAddress(name, ip);
    this.#tellLink(name, 'removed');
    this.#links.delete(name);
  }

  set(name: string, change: { up?: boolean; carrier?: boolean }): void {
    Object.assign(this.#link(name), change);
    this.#tellLink(name, 'added');
  }

  setBlackhole(name: string, there: boolean): void {
    this.#link(name).blackhole = there;
  }

  addAddress(link: string, ip: Ip, prefixLength: number): void {
    const address = { link, ip, prefixLength };
    this.#addresses.push(address);
    this.#multicast(
      ip.includes(':') ? route.groups.ipv6Address : route.groups.ipv4Address,
      this.#addressMessage(address, 'added'),
    );
  }

  removeAddress(link: string, ip: Ip): void {
    const at = this.#addresses.findIndex((each) => each.link === link && each.ip === ip);
    const [address] = at < 0 ? [] : this.#addresses.splice(at, 1);
    if (!address) throw new Error(`no address ${ip} on ${link}`);
    this.#multicast(
      ip.includes(':') ? route.groups.ipv6Address : route.groups.ipv4Address,
      this.#addressMessage(address, 'removed'),
    );
  }

  /** A default route over an interface comes or goes. */
  setDefaultRoute(family: 'ipv4' | 'ipv6', link: string, there: boolean): void {
    const at = this.#defaultRoutes.findIndex((each) => each.family === family && each.link === link);
    if (there && at < 0) this.#defaultRoutes.push({ family, link });
    if (!there && at >= 0) this.#defaultRoutes.splice(at, 1);
    const group = family === 'ipv4' ? route.groups.ipv4Route : route.groups.ipv6Route;
    this.#multicast(group, this.#defaultRoute(family, link, there ? 'added' : 'removed'));
  }

  has(name: string): boolean {
    return this.#links.has(name);
  }

  indexOf(name: string): IfIndex {
    return this.#link(name).index;
  }

  nameOf(ifIndex: IfIndex): string | undefined {
    return [...this.#links].find(([, { index }]) => index === ifIndex)?.[0];
  }

  /** Whether an address is there, and whether packets pass its interface. */
  stateOf(ip: Ip): 'absent' | 'dead' | 'live' {
    const address = this.#addresses.find((each) => each.ip === ip);
    if (!address) return 'absent';
    return this.carries(address.link) ? 'live' : 'dead';
  }

  /** Whether packets pass an interface. */
  carries(name: string): boolean {
    const { up, carrier, blackhole } = this.#link(name);
    return up && carrier && !blackhole;
  }

  /** The interface that has an address. */
  linkOf(ip: Ip): string | undefined {
    return this.#addresses.find((each) => each.ip === ip)?.link;
  }

  #link(name: string): Link {
    const link = this.#links.get(name);
    if (!link) throw new Error(`no link ${name}`);
    return link;
  }

  #answer({ type, dump, b, body, end }: FakeRequest): readonly FakeMessage[] | undefined {
    if (type === route.route.types.get && !dump) return [this.#lookUp(route.route.decode(b, body, end))];
    if (!dump) return undefined;
    if (type === route.link.types.get) return [...this.#links.keys()].map((name) => this.#linkMessage(name, 'added'));
    if (type !== route.address.types.get) return undefined;
    const { family } = route.address.decode(b, body, end);
    const wanted = this.#addresses.filter(({ ip }) => family === 'any' || ip.includes(':') === (family === 'ipv6'));
    return wanted.map((each) => this.#addressMessage(each, 'added'));
  }

  /** The route that a packet would take, among the default routes: there are no others here. */
  #lookUp({ family, outIndex }: RouteMessage): FakeMessage {
    const found = this.#defaultRoutes.find((each) => each.family === family && this.indexOf(each.link) === outIndex);
    if (!found) throw new FakeRefusal('ENETUNREACH');
    return this.#defaultRoute(found.family, found.link, 'added');
  }

  #defaultRoute(family: 'ipv4' | 'ipv6', link: string, what: 'added' | 'removed'): FakeMessage {
    const values = { family, dstLength: 0, type: 'unicast', outIndex: this.indexOf(link) } as const;
    return { type: route.route.types[what], write: (w) => route.route.encode(w, values) };
  }

  #tellLink(name: string, what: 'added' | 'removed'): void {
    this.#multicast(route.groups.link, this.#linkMessage(name, what));
  }

  #multicast(group: number, message: FakeMessage): void {
    this.#netlink.multicast(route.PROTOCOL, group, message);
  }

  #linkMessage(name: string, what: 'added' | 'removed'): FakeMessage {
    const { index, up, carrier } = this.#link(name);
    const running = up && carrier ? (['running', 'lowerUp'] as const) : [];
    const flags: LinkMessage['flags'] = [
      ...(up ? (['up'] as const) : []),
      ...(name === 'lo' ? (['loopback'] as const) : []),
      ...running,
    ];
    const values = { index, flags, name, mtu: 1500 };
    return { type: route.link.types[what], write: (w) => route.link.encode(w, values) };
  }

  #addressMessage({ link, ip, prefixLength }: Assigned, what: 'added' | 'removed'): FakeMessage {
    const v6 = ip.includes(':');
    const scope = link === 'lo' ? 'host' : ip.startsWith('fe80:') ? 'link' : 'global';
    const values: Partial<AddressMessage> = {
      family: v6 ? 'ipv6' : 'ipv4',
      prefixLength,
      scope,
      ifIndex: this.#link(link).index,
      address: ip,
      ...(v6 ? {} : { local: ip }),
      flags: ['permanent'],
    };
    return { type: route.address.types[what], write: (w) => route.address.encode(w, values) };
  }
}
