import { unmapped } from '../core/ip.ts';
import type { HeldAddress } from '../core/model/commands.ts';
import type { ConnectionEvent, SubflowEvent } from '../core/model/events.ts';
import { type AddrId, asAddrId, asToken, type IfIndex, type Ip, type Token } from '../core/model/ids.ts';
import type { Clock } from '../daemon/clock.ts';
import { FakeFlow } from './fake-flow.ts';
import type { FakeKernel, FakeUserspacePathManager } from './fake-kernel.ts';
import { FakeRefusal } from './fake-netlink.ts';
import type { FakeSocket } from './fake-sockets.ts';

/** How long a SYN is repeated before the kernel gives up (net.ipv4.tcp_syn_retries). */
const SYN_TIMEOUT_MS = 127_000;

interface Place {
  readonly ip: Ip;
  readonly port: number;
}

/** One end of a subflow. */
interface WireEnd extends Place {
  readonly id: AddrId;
  /** This end asks to use it only when there is no other. */
  backup: boolean;
}

/** A subflow, as its two ends see it. */
interface Wire {
  readonly a: WireEnd;
  readonly b: WireEnd;
  /** What the client has sent over it. */
  readonly flow: FakeFlow;
}

/** One end of a connection: a kernel and what it holds for the connection. */
interface Side {
  readonly kernel: FakeKernel;
  readonly token: Token;
  readonly held: HeldAddress[];
}

/** A connection between two fake kernels; `a` is the client. */
interface Link {
  readonly a: Side;
  readonly b: Side;
  readonly wires: Wire[];
  /** The client sends without end. */
  sending: boolean;
  /** Bytes that the server has got over subflows that are gone. */
  received: number;
}

type Address = Parameters<FakeUserspacePathManager['announce']>[1];

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
  readonly #clock: Clock;
  #lastToken = 0x10000000;
  #lastPort = 40_000;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Puts a kernel on the net. */
  join(kernel: FakeKernel): void {
    this.#kernels.push(kernel);
    kernel.sockets.list = () => this.#sockets(kernel);
    kernel.userspace = {
      announce: (token, address) => this.#announce(this.#side(kernel, token), address),
      remove: (token, id) => this.#remove(this.#side(kernel, token), id),
      createSubflow: (token, local, remote) => this.#create(this.#side(kernel, token), local, remote),
      destroySubflow: (token, local, remote) => this.#destroy(this.#side(kernel, token), local, remote),
      setFlags: (token, local, remote) => this.#setFlags(this.#side(kernel, token), local, remote),
      list: (token) => this.#side(kernel, token).own.held,
    };
  }

  /** A client connects and the server accepts. */
  connect(client: FakeKernel, server: FakeKernel, from: Ip, to: Place, options: { denyJoinId0?: boolean } = {}): Token {
    const wire = newWire({ ip: from, port: ++this.#lastPort, id: asAddrId(0) }, { ...to, id: asAddrId(0) });
    const link: Link = {
      a: { kernel: client, token: asToken(++this.#lastToken), held: [] },
      b: { kernel: server, token: asToken(++this.#lastToken), held: [] },
      wires: [wire],
      sending: false,
      received: 0,
    };
    this.#links.push(link);
    for (const type of ['connectionCreated', 'connectionEstablished'] as const) {
      const denyJoinId0 = options.denyJoinId0 ?? false;
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
    for (const wire of link.wires) this.#count(link, wire);
    return link.wires.reduce((sum, { flow }) => sum + flow.acked, link.received);
  }

  /** Ends a connection in order. */
  close(token: Token): void {
    const at = this.#links.findIndex(({ a }) => a.token === token);
    const [link] = this.#links.splice(at, 1);
    if (!link) return;
    for (const side of [link.a, link.b]) side.kernel.emit({ type: 'connectionClosed', token: side.token });
  }

  /** The live subflows that a kernel has, as `local > remote`. */
  subflows(kernel: FakeKernel): string[] {
    return this.#wires(kernel).map(({ wire, end }) => `${wire[end].ip} > ${wire[other(end)].ip}`);
  }

  /** Those of them that the kernel's own side asks to use only when there is no other. */
  backups(kernel: FakeKernel): string[] {
    const backups = this.#wires(kernel).filter(({ wire, end }) => wire[end].backup);
    return backups.map(({ wire, end }) => `${wire[end].ip} > ${wire[other(end)].ip}`);
  }

  #wires(kernel: FakeKernel): { readonly link: Link; readonly wire: Wire; readonly end: 'a' | 'b' }[] {
    return this.#links.flatMap((link) => {
      const end = link.a.kernel === kernel ? 'a' : link.b.kernel === kernel ? 'b' : undefined;
      return end ? link.wires.map((wire) => ({ link, wire, end })) : [];
    });
  }

  #sockets(kernel: FakeKernel): FakeSocket[] {
    return this.#wires(kernel).map(({ link, wire, end }) => {
      this.#count(link, wire);
      const { acked, unacked } = end === 'a' ? wire.flow : { acked: 0, unacked: 0 };
      return { token: link[end].token, local: wire[end], remote: wire[other(end)], bytesAcked: acked, unacked };
    });
  }

  /** Backups carry data where there is nothing else. */
  #count(link: Link, { a, b, flow }: Wire): void {
    const isBackup = (wire: Pick<Wire, 'a' | 'b'>): boolean => wire.a.backup || wire.b.backup;
    const used = link.sending && (!isBackup({ a, b }) || link.wires.every(isBackup));
    flow.count(used, this.#passes(link, a, b), this.#clock.now());
  }

  /** Whether packets get from one end to the other. */
  #passes(link: Link, a: Place, b: Place): boolean {
    return link.a.kernel.links.stateOf(plain(a.ip)) === 'live' && link.b.kernel.links.stateOf(plain(b.ip)) === 'live';
  }

  #side(kernel: FakeKernel, token: number): View {
    for (const link of this.#links) {
      if (link.a.kernel === kernel && link.a.token === token) return { link, own: link.a, end: 'a', peer: link.b };
      if (link.b.kernel === kernel && link.b.token === token) return { link, own: link.b, end: 'b', peer: link.a };
    }
    throw new FakeRefusal('EINVAL', 'invalid token');
  }

  #announce({ link, own, end, peer }: View, address: Address): void {
    const held = hold(own, address);
    const port = held.port || (link.wires[0]?.[end].port ?? 0);
    peer.kernel.emit({
      type: 'addressAnnounced',
      token: peer.token,
      remId: held.id,
      remoteIp: held.ip,
      remotePort: port,
    });
  }

  #remove({ link, own, end, peer }: View, id: number): void {
    const at = own.held.findIndex((each) => each.id === id);
    if (at < 0) throw new FakeRefusal('EINVAL', `address with id ${id} not found`);
    own.held.splice(at, 1);
    peer.kernel.emit({ type: 'addressRemoved', token: peer.token, remId: asAddrId(id) });
    for (const wire of link.wires.filter((each) => each[end].id === id)) this.#cut(link, wire);
  }

  #create({ link, own, end, peer }: View, local: Address, remote: Address): void {
    if (own.kernel.links.stateOf(plain(local.ip)) === 'absent')
      throw new FakeRefusal('EADDRNOTAVAIL', 'connect error: -99');
    const held = hold(own, local, true);
    const here = { ip: held.ip, port: local.port ?? ++this.#lastPort, id: held.id };
    const there = { ip: remote.ip ?? '', port: remote.port ?? 0, id: idAt(peer, remote) };
    const wire = end === 'a' ? newWire(here, there) : newWire(there, here);
    wire[end].backup = local.flags?.includes('backup') ?? false;
    if (this.#passes(link, wire.a, wire.b)) {
      link.wires.push(wire);
      this.#tell(link, wire, 'subflowEstablished');
    } else {
      const failed = subflowEvent(
        'subflowClosed',
        own.token,
        { ...wire, [other(end)]: { ...there, id: asAddrId(0) } },
        end,
        'ETIMEDOUT',
      );
      this.#clock.after(SYN_TIMEOUT_MS, () => own.kernel.emit(failed));
    }
  }

  #destroy({ link, end }: View, local: Address, remote: Address): void {
    const wire = link.wires.find((each) => is(each[end], local) && is(each[other(end)], remote));
    if (!wire) throw new FakeRefusal('ESRCH', 'subflow not found');
    this.#cut(link, wire);
  }

  #setFlags({ link, end, peer }: View, local: Address, remote: Address): void {
    const wire = link.wires.find((each) => isAt(each[end], local) && isAt(each[other(end)], remote));
    if (!wire) throw new FakeRefusal('EINVAL', 'subflow not found');
    wire[end].backup = local.flags?.includes('backup') ?? false;
    peer.kernel.emit(subflowEvent('subflowPriority', peer.token, wire, other(end)));
  }

  #cut(link: Link, wire: Wire): void {
    this.#count(link, wire);
    link.received += wire.flow.acked;
    link.wires.splice(link.wires.indexOf(wire), 1);
    this.#tell(link, wire, 'subflowClosed');
  }

  #tell(link: Link, wire: Wire, type: SubflowEvent['type']): void {
    link.a.kernel.emit(subflowEvent(type, link.a.token, wire, 'a'));
    link.b.kernel.emit(subflowEvent(type, link.b.token, wire, 'b'));
  }
}

const plain = (ip: Ip = ''): Ip => unmapped(ip);
const other = (end: 'a' | 'b'): 'a' | 'b' => (end === 'a' ? 'b' : 'a');
const newWire = (a: Omit<WireEnd, 'backup'>, b: Omit<WireEnd, 'backup'>): Wire => ({
  a: { ...a, backup: false },
  b: { ...b, backup: false },
  flow: new FakeFlow(),
});
/** Ports count where they are given (net/mptcp/pm_userspace.c, mptcp_userspace_pm_set_flags). */
const isAt = (place: Place, { ip, port }: Address): boolean =>
  plain(place.ip) === plain(ip) && (!port || place.port === port);
const is = (place: Place, { ip, port }: Address): boolean => place.ip === ip && place.port === port;

/**
 * Stores an address under its id; one id an address and one address an id (net/mptcp/pm_userspace.c). An IPv4 address
 * and its IPv4-mapped form are one address (net/mptcp/pm.c, mptcp_addresses_equal).
 */
function hold(
  side: Side,
  { ip = '', id = asAddrId(0), port = 0, flags = [], ifIndex }: Address,
  forSubflow = false,
): HeldAddress {
  const there = side.held.find(
    (each) => (plain(each.ip) === plain(ip) && (forSubflow || each.port === port)) || (each.id === id && id !== 0),
  );
  if (there && (there.id !== id || plain(there.ip) !== plain(ip)))
    throw new FakeRefusal('EINVAL', 'did not match address and id');
  const held = there ?? { ip, id, port: forSubflow ? 0 : port, flags, ifIndex: ifIndex as IfIndex | undefined };
  if (!there) side.held.push(held);
  return held;
}

const idAt = (side: Side, { ip }: Address): AddrId =>
  side.held.find((each) => plain(each.ip) === plain(ip))?.id ?? asAddrId(0);

function ends(wire: Wire, end: 'a' | 'b'): Omit<ConnectionEvent, 'type' | 'token' | 'serverSide' | 'denyJoinId0'> {
  const local = wire[end];
  const remote = wire[other(end)];
  return {
    localIp: local.ip,
    localPort: local.port,
    locId: local.id,
    remoteIp: remote.ip,
    remotePort: remote.port,
    remId: remote.id,
  };
}

function subflowEvent(
  type: SubflowEvent['type'],
  token: Token,
  wire: Wire,
  end: 'a' | 'b',
  error?: string,
): SubflowEvent {
  return {
    type,
    token,
    ...ends(wire, end),
    // What the other end asks for: a kernel tells nobody what it asks for itself.
    backup: wire[other(end)].backup,
    ifIndex: undefined,
    error,
    resetReason: undefined,
    resetTransient: false,
  };
}
