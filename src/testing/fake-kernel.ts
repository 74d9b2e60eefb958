import type { HeldAddress } from '../core/model/commands.ts';
import type { PmEvent } from '../core/model/events.ts';
import * as pm from '../netlink/families/mptcp-pm.ts';
import * as nlctrl from '../netlink/families/nlctrl.ts';
import { commandAt, GENL_HEADER, writeGenlHeader } from '../netlink/generic.ts';
import { FakeEndpoints } from './fake-endpoints.ts';
import { FakeLinks } from './fake-links.ts';
import { type FakeMessage, FakeNetlink, FakeRefusal, type FakeRequest } from './fake-netlink.ts';
import { FakeSockets } from './fake-sockets.ts';

type Attributes = ReturnType<typeof pm.attr.decode>;
type WireAddress = NonNullable<Attributes['addr']>;

/** The numbers that a running kernel would have made up. */
const FAMILY_ID = 28;
const EVENT_GROUP_ID = 9;

/** What the fake kernel asks of whoever plays its connections. */
export interface FakeUserspacePathManager {
  announce(token: number, address: WireAddress): void;
  remove(token: number, id: number): void;
  createSubflow(token: number, local: WireAddress, remote: WireAddress): void;
  destroySubflow(token: number, local: WireAddress, remote: WireAddress): void;
  setFlags(token: number, local: WireAddress, remote: WireAddress): void;
  list(token: number): readonly HeldAddress[];
}

/** Answers a command instead of the fake kernel: by throwing a {@link FakeRefusal}, or by doing nothing. */
export type Behaviour = (command: string, attributes: Attributes) => boolean;

/**
 * A kernel made of the daemon's own tables: it reads the bytes that the daemon sends and answers with bytes. It knows
 * endpoints, limits, interfaces and addresses; connections are played by the world that it stands in.
 */
export class FakeKernel {
  readonly netlink = new FakeNetlink();
  readonly links = new FakeLinks(this.netlink);
  readonly endpoints = new FakeEndpoints();
  readonly sockets = new FakeSockets(this.netlink);
  readonly sysctls = new Map([
    ['enabled', '1'],
    ['path_manager', 'kernel'],
    ['pm_type', '0'],
  ]);
  /** Every command of the path manager that was asked for, by the name of its operation. */
  readonly asked: string[] = [];
  /** Where mptcpd listens for joins, as `10.0.1.2 8000`. */
  readonly listeners = new Set<string>();
  /** What hears every event that subscribers hear. */
  readonly onEvent: ((event: PmEvent) => void)[] = [];
  userspace: FakeUserspacePathManager | undefined;
  #familyId = FAMILY_ID;
  #eventGroup = EVENT_GROUP_ID;
  #isThere = true;
  readonly #behaviours: Behaviour[] = [];
  readonly #byCommand = new Map<number, (attributes: Attributes, dump: boolean) => readonly FakeMessage[]>();

  constructor() {
    this.netlink.add(nlctrl.PROTOCOL, (request) => this.#controller(request));
    this.netlink.add(nlctrl.PROTOCOL, (request) => this.#pathManager(request));
    this.#define();
  }

  get openSocket(): FakeNetlink['openSocket'] {
    return this.netlink.openSocket;
  }

  /** The newest behaviour is asked first; one that returns true has dealt with the command. */
  behave(behaviour: Behaviour): void {
    this.#behaviours.unshift(behaviour);
  }

  /** Tells every subscriber of an event. */
  emit(event: PmEvent): void {
    if (!this.#isThere) return;
    for (const hear of this.onEvent) hear(event);
    const { type, ...values } = event;
    const present = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
    const write = (w: Parameters<FakeMessage['write']>[0]): void => pm.pmEvents.encode(w, type, present);
    this.netlink.multicast(nlctrl.PROTOCOL, this.#eventGroup, { type: this.#familyId, write });
  }

  /** Takes the path manager's family out, as a module would be. */
  unload(): void {
    this.#isThere = false;
    this.#tellOfFamily(nlctrl.commands.delFamily);
    this.netlink.leave(nlctrl.PROTOCOL, this.#eventGroup);
  }

  /** Puts it in again, under other numbers. @param told whether those who listen are told */
  load(told = true): void {
    this.#isThere = true;
    this.#familyId++;
    this.#eventGroup++;
    if (told) this.#tellOfFamily(nlctrl.commands.newFamily);
  }

  #tellOfFamily(command: number): void {
    const write = this.#family(command);
    this.netlink.multicast(nlctrl.PROTOCOL, nlctrl.NOTIFY_GROUP, { type: nlctrl.FAMILY_ID, write });
  }

  #family(command: number): FakeMessage['write'] {
    const groups = new Map([[1, { name: pm.EVENT_GROUP, id: this.#eventGroup }]]);
    return (w) => {
      writeGenlHeader(w, command, 2);
      nlctrl.ctrl.encode(w, { familyId: this.#familyId, familyName: pm.FAMILY, version: 1, groups });
    };
  }

  #controller({ type, b, body, end }: FakeRequest): readonly FakeMessage[] | undefined {
    if (type !== nlctrl.FAMILY_ID) return undefined;
    const { familyName } = nlctrl.ctrl.decode(b, body + GENL_HEADER, end);
    if (familyName !== pm.FAMILY || !this.#isThere) throw new FakeRefusal('ENOENT');
    return [{ type: nlctrl.FAMILY_ID, write: this.#family(commandAt(b, body, end)) }];
  }

  #pathManager({ type, dump, b, body, end }: FakeRequest): readonly FakeMessage[] | undefined {
    if (type !== this.#familyId || !this.#isThere) return undefined;
    const command = commandAt(b, body, end);
    const attributes = pm.attr.decode(b, body + GENL_HEADER, end);
    const op = Object.entries(pm.ops).find(([, each]) => each.command === command)?.[0] ?? '';
    this.asked.push(op);
    if (this.#behaviours.some((behave) => behave(op, attributes))) return [];
    const handler = this.#byCommand.get(command);
    if (!handler) throw new FakeRefusal('EOPNOTSUPP');
    return handler(attributes, dump);
  }

  #define(): void {
    const { ops } = pm;
    const { endpoints } = this;
    const set = (op: { command: number }, handler: (attributes: Attributes) => void): void =>
      void this.#byCommand.set(op.command, (attributes) => {
        handler(attributes);
        return [];
      });
    set(ops.addAddr, ({ addr }) => endpoints.add(addr ?? {}));
    set(ops.delAddr, ({ addr }) => endpoints.delete(addr?.id));
    set(ops.flushAddrs, () => endpoints.flush());
    set(ops.setLimits, ({ subflows, rcvAddAddrs }) =>
      endpoints.setLimits({
        ...(subflows === undefined ? {} : { subflows }),
        ...(rcvAddAddrs === undefined ? {} : { rcvAddAddrs }),
      }),
    );
    set(ops.announce, (a) => this.#user().announce(token(a), address(a)));
    set(ops.remove, (a) => this.#user().remove(token(a), a.locId ?? 0));
    set(ops.createSubflow, (a) => this.#user().createSubflow(token(a), address(a), remote(a)));
    set(ops.destroySubflow, (a) => this.#user().destroySubflow(token(a), address(a), remote(a)));
    set(ops.setFlags, (a) => {
      if (a.token === undefined) endpoints.setFlags(a.addr?.id, a.addr?.flags);
      else this.#user().setFlags(a.token, address(a), remote(a));
    });
    this.#byCommand.set(ops.getLimits.command, () => [answer(ops.getLimits.command, { ...endpoints.limits })]);
    this.#byCommand.set(ops.getAddr.command, (a, dump) => {
      const all = a.token === undefined ? endpoints.list() : this.#user().list(a.token);
      const chosen = dump ? all : [endpoints.get(a.addr?.id)];
      return chosen.map((held) => answer(ops.getAddr.command, { addr: toWire(held) }));
    });
  }

  #user(): FakeUserspacePathManager {
    if (!this.userspace) throw new FakeRefusal('EINVAL', 'invalid token');
    return this.userspace;
  }
}

const token = ({ token: value }: Attributes): number => {
  if (value === undefined) throw new FakeRefusal('EINVAL');
  return value;
};
const address = ({ addr }: Attributes): WireAddress => addr ?? {};
const remote = ({ addrRemote }: Attributes): WireAddress => addrRemote ?? {};

const toWire = ({ ip, id, port, flags, ifIndex }: HeldAddress): WireAddress => ({
  family: ip.includes(':') ? 'ipv6' : 'ipv4',
  port,
  id,
  flags,
  ip,
  ...(ifIndex === undefined ? {} : { ifIndex }),
});

function answer(command: number, attributes: Attributes): FakeMessage {
  return {
    type: FAMILY_ID,
    write(w) {
      writeGenlHeader(w, command, 1);
      pm.attr.encode(w, attributes);
    },
  };
}
