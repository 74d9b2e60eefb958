import type { SubflowEvent } from '../core/model/events.ts';
import { asAddrId, asToken, type IfIndex, type Ip, type Token } from '../core/model/ids.ts';
import type { Clock } from '../daemon/clock.ts';
import type { FakeKernel } from './fake-kernel.ts';
import { FakeRefusal } from './fake-netlink.ts';
import { connectionSockets, subflowSockets, wiresOf } from './fake-socket-lists.ts';
import {
  type Address,
  count,
  ends,
  forget,
  hold,
  idOfJoined,
  is,
  isAt,
  type Link,
  listens,
  newWire,
  other,
  type Place,
  passes,
  plain,
  type Side,
  subflowEvent,
  type Wire,
} from './fake-wire.ts';

/** How long it takes to find a neighbour. */
const NEIGHBOUR_MS = 5;
/** When a SYN is sent again, and when the kernel gives up (net.ipv4.tcp_syn_retries), after the first. */
const SYN_AGAIN_MS = [1000, 3000, 7000, 15_000, 31_000, 63_000];
const SYN_TIMEOUT_MS = 127_000;
/** How often what one end has not heard yet, because nothing passed, is sent to it again. */
const SEND_AGAIN_MS = 200;
/** When ADD_ADDR is sent again (net/mptcp/pm.c, mptcp_pm_add_timer: by the round trip, up to net.mptcp.add_addr_timeout). */
const SIGNAL_AGAIN_MS = 400;

/** A connection seen from one of its ends. */
interface View {
  readonly link: Link;
  readonly own: Side;
  readonly end: 'a' | 'b';
  readonly peer: Side;
}

/** Plays the connections between fake kernels: what one side's path manager asks for, both sides' events tell. */
export class FakeInternet {
  readonly #kernels: FakeKernel[] = [];
  readonly #links: Link[] = [];
  /** Where programs listen: they do so for longer than connections live. */
  readonly #listening = new Map<FakeKernel, Place[]>();
  readonly #clock: Clock;
  readonly #tries = new Map<FakeKernel, number>();
  #lastToken = 0x10000000;
  #lastPort = 40_000;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Puts a kernel on the net. */
  join(kernel: FakeKernel): void {
    this.#kernels.push(kernel);
    kernel.sockets.list = () => subflowSockets(this.#links, kernel, this.#clock.now());
    kernel.sockets.connections = () => connectionSockets(this.#links, kernel, this.#listening.get(kernel) ?? []);
    kernel.userspace = {
      announce: (token, address) => this.#announce(this.#side(kernel, token), address),
      remove: (token, id) => this.#remove(this.#side(kernel, token), id),
      createSubflow: (token, local, remote) => this.#create(this.#side(kernel, token), local, remote),
      destroySubflow: (token, local, remote) => this.#destroy(this.#side(kernel, token), local, remote),
      setFlags: (token, local, remote) => this.#setFlags(this.#side(kernel, token), local, remote),
      list: (token) => this.#side(kernel, token).own.held,
    };
  }

  /**
   * A client connects and the server accepts.
   * @param options bound: the server listens at this address alone
   */
  connect(
    client: FakeKernel,
    server: FakeKernel,
    from: Ip,
    to: Place,
    options: { denyJoinId0?: boolean; bound?: boolean } = {},
  ): Token {
    const near = { ip: from, port: ++this.#lastPort, id: asAddrId(0) };
    const wire = newWire(near, { ...to, id: asAddrId(0) }, { madeBy: 'a', initial: true });
    const listener = options.bound ? to.ip : '::';
    this.#listen(server, { ip: listener, port: to.port });
    const side = (kernel: FakeKernel, { ip, port }: Place, listener?: Ip): Side => ({
      kernel,
      initial: ip,
      port,
      token: asToken(++this.#lastToken),
      held: [],
      userspace: kernel.sysctls.get('path_manager') !== 'kernel',
      listener,
    });
    const link: Link = {
      a: side(client, wire.a),
      b: side(server, to, listener),
      wires: [wire],
      tries: new Set(),
      sending: false,
      received: 0,
    };
    this.#links.push(link);
    for (const type of ['connectionCreated', 'connectionEstablished'] as const) {
      const denyJoinId0 = options.denyJoinId0 ?? server.sysctls.get('allow_join_initial_addr_port') === '0';
      link.a.kernel.emit({ type, token: link.a.token, serverSide: false, denyJoinId0, ...ends(wire, 'a') });
      link.b.kernel.emit({ type, token: link.b.token, serverSide: true, denyJoinId0: false, ...ends(wire, 'b') });
    }
    return link.a.token;
  }

  /** The client begins, or stops, to send without end. */
  send(token: Token, sending: boolean): void {
    const link = this.#links.find(({ a }) => a.token === token);
    if (link) link.sending = sending;
  }

  /** The bytes that the server has got. */
  received(token: Token): number {
    const link = this.#links.find(({ a }) => a.token === token);
    if (!link) return 0;
    for (const wire of link.wires) count(link, wire, this.#clock.now());
    return link.wires.reduce((sum, { flow }) => sum + flow.acked, link.received);
  }

  /** Ends a connection in order. */
  close(token: Token): void {
    const link = this.#end(token);
    for (const side of link ? [link.a, link.b] : []) {
      side.kernel.emit({ type: 'connectionClosed', token: side.token });
    }
  }

  /** The client, or the server, aborts: the other side's kernel tells nobody (MP_FASTCLOSE, RFC 8684 section 3.5). */
  abort(token: Token, by: 'client' | 'server' = 'client'): void {
    const link = this.#end(token);
    const side = by === 'client' ? link?.a : link?.b;
    side?.kernel.emit({ type: 'connectionClosed', token: side.token });
  }

  #end(token: Token): Link | undefined {
    const at = this.#links.findIndex(({ a }) => a.token === token);
    return at < 0 ? undefined : this.#links.splice(at, 1)[0];
  }

  #listen(kernel: FakeKernel, place: Place): void {
    const all = this.#listening.get(kernel) ?? [];
    if (!all.some(({ ip, port }) => ip === place.ip && port === place.port)) all.push(place);
    this.#listening.set(kernel, all);
  }

  /** The live subflows that a kernel has, as `local > remote`. */
  subflows(kernel: FakeKernel): string[] {
    return wiresOf(this.#links, kernel).map(({ wire, end }) => `${wire[end].ip} > ${wire[other(end)].ip}`);
  }

  /** The same with the ports, as `local:port > remote:port`. */
  sockets(kernel: FakeKernel): string[] {
    const show = ({ ip, port }: Place): string => `${ip}:${port}`;
    return wiresOf(this.#links, kernel).map(({ wire, end }) => `${show(wire[end])} > ${show(wire[other(end)])}`);
  }

  /** Those of them that the kernel's own side asks to use only when there is no other. */
  backups(kernel: FakeKernel): string[] {
    const backups = wiresOf(this.#links, kernel).filter(({ wire, end }) => wire[end].backup);
    return backups.map(({ wire, end }) => `${wire[end].ip} > ${wire[other(end)].ip}`);
  }

  /**
   * Whether data arrives that the client of a connection (a) or its server (b) sends now: `held` where some goes to a
   * subflow that counts as good and swallows it.
   */
  flows(token: Token, from: 'a' | 'b'): 'free' | 'held' | 'none' {
    const link = this.#links.find((each) => each.a.token === token);
    if (!link) return 'none';
    const wires = link.wires.filter(({ open }) => open[from]);
    const good = wires.filter((wire) => wire.open[other(from)] && passes(link, wire));
    return good.length === 0 ? 'none' : good.length < wires.length ? 'held' : 'free';
  }

  /** How many joins a kernel has sent, without those sent again. */
  tries(kernel: FakeKernel): number {
    return this.#tries.get(kernel) ?? 0;
  }

  #side(kernel: FakeKernel, token: number): View {
    for (const link of this.#links) {
      for (const end of ['a', 'b'] as const) {
        const own = link[end];
        if (own.kernel !== kernel || own.token !== token) continue;
        if (!own.userspace) throw new FakeRefusal('EINVAL', 'userspace PM not selected');
        return { link, own, end, peer: link[other(end)] };
      }
    }
    throw new FakeRefusal('EINVAL', 'invalid token');
  }

  #announce(view: View, address: Address): void {
    const { link, own, end, peer } = view;
    const held = hold(own, address);
    const port = held.port || (link.wires[0]?.[end].port ?? own.port);
    const event = { type: 'addressAnnounced', token: peer.token, remId: held.id, remoteIp: held.ip } as const;
    this.#whenPassing(view, 3, () => peer.kernel.emit({ ...event, remotePort: port }));
  }

  #remove(view: View, id: number): void {
    const { link, own, end, peer } = view;
    const at = own.held.findIndex((each) => each.id === id);
    const used = link.wires.filter((each) => each[end].id === id);
    // The id 0 is in no list: it is removed for as long as a subflow has it (mptcp_userspace_pm_remove_id_zero_address).
    const known = id === 0 ? used.some(({ open }) => open[end]) : at >= 0;
    if (!known) throw new FakeRefusal('EINVAL', `address with id ${id} not found`);
    if (id !== 0) own.held.splice(at, 1);
    this.#whenPassing(view, 0, () => {
      peer.kernel.emit({ type: 'addressRemoved', token: peer.token, remId: asAddrId(id) });
      for (const wire of used) this.#close(link, wire, other(end));
    });
  }

  /** Sends an address signal: where nothing passes it is lost, though ADD_ADDR is sent again a few times. */
  #whenPassing({ link, own, end, peer }: View, again: number, deliver: () => void): void {
    if (link.wires.some((wire) => wire.open.a && wire.open.b && passes(link, wire))) {
      deliver();
      return;
    }
    if (again === 0) return;
    this.#clock.after(SIGNAL_AGAIN_MS, () => {
      if (this.#links.includes(link)) this.#whenPassing({ link, own, end, peer }, again - 1, deliver);
    });
  }

  #create({ link, own, end, peer }: View, local: Address, remote: Address): void {
    const held = hold(own, local, true);
    if (own.kernel.links.stateOf(plain(local.ip)) === 'absent') {
      forget(own, local);
      throw new FakeRefusal('EADDRNOTAVAIL', 'connect error: -99');
    }
    this.#tries.set(own.kernel, this.tries(own.kernel) + 1);
    const here = { ip: local.ip ?? '', port: local.port ?? ++this.#lastPort, id: held.id };
    const there = { ip: remote.ip ?? '', port: remote.port ?? 0, id: asAddrId(0) };
    const device = local.ifIndex === undefined ? undefined : own.kernel.links.nameOf(local.ifIndex as IfIndex);
    // IPv4 asks for a neighbour on the link that it is bound to; IPv6 wants a route there (net/ipv6/route.c).
    const beyond = device !== undefined && peer.kernel.links.linkOf(plain(there.ip)) !== device;
    if (beyond && plain(there.ip).includes(':')) {
      forget(own, local);
      throw new FakeRefusal('ENETUNREACH', 'connect error: -101');
    }
    const made = { madeBy: end, device };
    const wire = end === 'a' ? newWire(here, there, made) : newWire(there, here, made);
    wire[end].backup = local.flags?.includes('backup') ?? false;
    const fail = (error: string): void => own.kernel.emit(subflowEvent('subflowClosed', own.token, wire, end, error));
    const attempt = (): boolean => {
      if (!this.#links.includes(link)) return true;
      if (!passes(link, wire)) return false;
      if (!listens(peer, there)) fail('ECONNREFUSED');
      else this.#join(link, wire, end);
      return true;
    };
    if (!beyond && attempt()) return;
    link.tries.add(wire);
    const again = (): void => {
      if (!link.tries.delete(wire)) return;
      if (!attempt()) link.tries.add(wire);
    };
    // On another link than its own the address is nobody's neighbour yet: it is asked for first.
    if (beyond) this.#clock.after(NEIGHBOUR_MS, again);
    for (const ms of SYN_AGAIN_MS) this.#clock.after(ms, again);
    this.#clock.after(SYN_TIMEOUT_MS, () => {
      if (link.tries.delete(wire) && this.#links.includes(link)) fail('ETIMEDOUT');
    });
  }

  /** A join arrives at a listener. */
  #join(link: Link, wire: Wire, end: 'a' | 'b'): void {
    const [own, peer] = [link[end], link[other(end)]];
    const id = idOfJoined(link, other(end), wire[other(end)]);
    const joined = { ...wire, [other(end)]: { ...wire[other(end)], id } };
    const extra = link.wires.filter(({ open }) => open[other(end)]).length - 1;
    // Under the kernel's path manager the last packet of the handshake is refused, when this end is content already.
    if (!peer.userspace && extra >= peer.kernel.endpoints.limits.subflows) {
      own.kernel.emit(subflowEvent('subflowEstablished', own.token, joined, end));
      own.kernel.emit(subflowEvent('subflowClosed', own.token, joined, end));
      return;
    }
    link.wires.push(joined);
    for (const each of ['a', 'b'] as const) this.#tell(link, joined, each, 'subflowEstablished');
  }

  #destroy({ link, own, end }: View, local: Address, remote: Address): void {
    const wire = link.wires.find((each) => each.open[end] && is(each[end], local) && is(each[other(end)], remote));
    if (!wire) throw new FakeRefusal('ESRCH', 'subflow not found');
    forget(own, local);
    this.#close(link, wire, end);
  }

  #setFlags({ link, end, peer }: View, local: Address, remote: Address): void {
    const wire = link.wires.find((each) => isAt(each[end], local) && isAt(each[other(end)], remote));
    if (!wire) throw new FakeRefusal('EINVAL', 'subflow not found');
    wire[end].backup = local.flags?.includes('backup') ?? false;
    peer.kernel.emit(subflowEvent('subflowPriority', peer.token, wire, other(end)));
  }

  /** One end is closed; the other one hears of it once something passes. */
  #close(link: Link, wire: Wire, end: 'a' | 'b'): void {
    if (!wire.open[end]) return;
    wire.open[end] = false;
    this.#tell(link, wire, end, 'subflowClosed');
    const hear = (): void => {
      if (!this.#links.includes(link) || !wire.open[other(end)]) return;
      if (passes(link, wire)) this.#close(link, wire, other(end));
      else this.#clock.after(SEND_AGAIN_MS, hear);
    };
    hear();
    const at = link.wires.indexOf(wire);
    if (at < 0 || wire.open.a || wire.open.b) return;
    count(link, wire, this.#clock.now());
    link.received += wire.flow.acked;
    link.wires.splice(at, 1);
  }

  #tell(link: Link, wire: Wire, end: 'a' | 'b', type: SubflowEvent['type']): void {
    link[end].kernel.emit(subflowEvent(type, link[end].token, wire, end));
  }
}
