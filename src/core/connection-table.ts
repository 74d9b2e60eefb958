import { AddressIds } from './address-ids.ts';
import { sameIp, samePlace } from './ip.ts';
import type { Commands } from './model/commands.ts';
import type { Connection, End, Subflow } from './model/connection.ts';
import type { AddressAnnouncedEvent, AddressRemovedEvent, ConnectionEvent, SubflowEvent } from './model/events.ts';
import { type AddrId, asAddrId, type Ip, type Token } from './model/ids.ts';
import type { Planned } from './plan/planned.ts';
import type { Progress } from './plan/trouble.ts';
import type { FoundConnection } from './recovery.ts';

type Ends = Pick<SubflowEvent, 'localIp' | 'localPort' | 'remoteIp' | 'remotePort'>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The core's own view of a connection; plugins see the same object as {@link Connection}. */
export interface ConnectionRecord extends Mutable<Omit<Connection, 'subflows' | 'remoteAddresses' | 'announced'>> {
  readonly subflows: SubflowRecord[];
  readonly remoteAddresses: End[];
  readonly announced: End[];
  /** Local address ids; made when the first is needed. */
  ids: AddressIds | undefined;
  /** The daemon listens for joins to an address that was announced. */
  listens: boolean;
  /** The peer has removed its initial address. */
  remoteGone: boolean;
  /** What its plan wants, where its owner has one. */
  planned: Planned | undefined;
}

/** The core's own view of a subflow. */
export interface SubflowRecord extends Mutable<Subflow> {
  /** This host asked for it. */
  own: boolean;
  /** Whether this host asked the peer to treat it as a backup. */
  askedBackup: boolean;
  /** When a plan had it tried. */
  triedAt: number | undefined;
  /** It is being destroyed: its end is not a failure. */
  leaving: boolean;
  /** The peer's address went, or went and came back: its end is not a failure either. */
  excused: boolean;
  progress: Progress | undefined;
}

/**
 * The connections of the namespace and their subflows, as events and commands tell of them. It bears what the kernel
 * does: events of unknown tokens, CLOSED before ESTABLISHED, repeated ANNOUNCED, no CLOSED for subflows.
 */
export class ConnectionTable {
  readonly #connections = new Map<Token, ConnectionRecord>();

  get size(): number {
    return this.#connections.size;
  }

  get(token: Token): ConnectionRecord | undefined {
    return this.#connections.get(token);
  }

  values(): IterableIterator<ConnectionRecord> {
    return this.#connections.values();
  }

  /** A new connection. The caller has closed one of the same token first, if there was one. */
  create(event: ConnectionEvent, owner: string | undefined): ConnectionRecord {
    const local = { ip: event.localIp, port: event.localPort, id: event.locId };
    const remote = { ip: event.remoteIp, port: event.remotePort, id: event.remId };
    const connection: ConnectionRecord = {
      token: event.token,
      serverSide: event.serverSide,
      denyJoinId0: event.denyJoinId0,
      local,
      remote,
      state: 'created',
      subflows: [subflow(event.token, local, remote, 'established', true)],
      remoteAddresses: [],
      announced: [],
      owner,
      ids: undefined,
      listens: false,
      remoteGone: false,
      planned: undefined,
    };
    this.#connections.set(event.token, connection);
    return connection;
  }

  /** A connection that was there before it was known, with its subflows. */
  adopt(found: FoundConnection, owner: string | undefined): ConnectionRecord {
    const { token, serverSide, established, local, remote } = found;
    const ends = { localIp: local.ip, localPort: local.port, locId: asAddrId(0) };
    const far = { remoteIp: remote.ip, remotePort: remote.port, remId: asAddrId(0) };
    const event = { type: 'connectionCreated', token, serverSide, denyJoinId0: false, ...ends, ...far } as const;
    const connection = this.create(event, owner);
    if (established) connection.state = 'established';
    connection.subflows.length = 0;
    for (const each of found.subflows) {
      const record = subflow(token, each.local, each.remote, each.state, each.initial);
      const { own, askedBackup, backup, ifIndex } = each;
      connection.subflows.push(Object.assign(record, { own, askedBackup, backup, ifIndex }));
      if (each.local.id !== 0) idsOf(connection).learn(each.local.ip, each.local.id);
      // Where this host joined under another id than 0, the peer has announced it.
      const { id } = each.remote;
      const isNew = id !== 0 && !connection.remoteAddresses.some((known) => known.id === id);
      if (own && each.state === 'established' && isNew) connection.remoteAddresses.push(each.remote);
    }
    return connection;
  }

  /** The connection is gone, and its subflows with it. */
  close(connection: ConnectionRecord): void {
    connection.state = 'closed';
    for (const each of connection.subflows) each.state = 'closed';
    connection.subflows.length = 0;
    this.#connections.delete(connection.token);
  }

  /** Notes an announcement of the peer; undefined where it is known already. */
  announced(connection: ConnectionRecord, event: AddressAnnouncedEvent): End | undefined {
    const { remoteAddresses } = connection;
    const at = remoteAddresses.findIndex((known) => known.id === event.remId);
    const known = remoteAddresses[at];
    // Who announces an address again has had it taken away: what led there is dead, whether that is known here or not.
    excuse(connection, event.remId, { ip: event.remoteIp, port: event.remotePort });
    if (known && known.ip === event.remoteIp && known.port === event.remotePort) return undefined;
    const address = { ip: event.remoteIp, port: event.remotePort, id: event.remId };
    if (known) remoteAddresses[at] = address;
    else remoteAddresses.push(address);
    // An address has one id at a time: the removal of the one that it had before was lost.
    const isOld = ({ id, ip, port }: End): boolean =>
      id !== address.id && port === address.port && sameIp(ip, address.ip);
    const old = remoteAddresses.findIndex(isOld);
    if (old >= 0) remoteAddresses.splice(old, 1);
    return address;
  }

  /** Forgets an announcement of the peer; undefined where it was not known. */
  withdrawn(connection: ConnectionRecord, event: AddressRemovedEvent): End | undefined {
    const address = this.#forget(connection, event);
    excuse(connection, event.remId, address);
    return address;
  }

  #forget(connection: ConnectionRecord, event: AddressRemovedEvent): End | undefined {
    const at = connection.remoteAddresses.findIndex((known) => known.id === event.remId);
    if (at < 0 && event.remId === 0 && !connection.remoteGone) {
      connection.remoteGone = true;
      return connection.remote;
    }
    return at < 0 ? undefined : connection.remoteAddresses.splice(at, 1)[0];
  }

  /** A subflow was asked for; the kernel tells its port with the outcome. */
  trying(connection: ConnectionRecord, locId: AddrId, args: Commands['createSubflow']['args']): void {
    const { remote, backup = false, ifIndex } = args;
    const local = { ip: args.local.ip, port: 0, id: locId };
    const to = { ip: remote.ip, port: remote.port, id: remote.id ?? asAddrId(0) };
    const record = subflow(connection.token, local, to, 'trying', false);
    record.own = true;
    record.askedBackup = backup;
    record.ifIndex = ifIndex;
    connection.subflows.push(record);
  }

  /** The subflow of exactly these ends. */
  find({ subflows }: ConnectionRecord, ends: Ends): SubflowRecord | undefined {
    return find(subflows, is, ends);
  }

  /** Whether an event is about a subflow that is known. */
  knows({ subflows }: ConnectionRecord, ends: Ends): boolean {
    return (find(subflows, is, ends) ?? find(subflows, mayBe, ends)) !== undefined;
  }

  /** Applies an event about a subflow and answers with the subflow, and the state that it was in. */
  apply(
    connection: ConnectionRecord,
    event: SubflowEvent,
  ): { readonly subflow: SubflowRecord; readonly was: Subflow['state'] } {
    const { subflows } = connection;
    let record = find(subflows, is, event) ?? find(subflows, mayBe, event);
    if (!record) {
      record = subflow(event.token, end(event, 'local'), end(event, 'remote'), 'trying', false);
      record.own = leavesFromHere(connection, event);
      subflows.push(record);
    }
    const was = record.state;
    if (!isEnd(record.local, event.localIp, event.localPort, event.locId)) record.local = end(event, 'local');
    if (!isEnd(record.remote, event.remoteIp, event.remotePort, event.remId)) {
      const { port } = record.remote;
      record.remote = event.remotePort === 0 ? { ...end(event, 'remote'), port } : end(event, 'remote');
    }
    record.backup = event.backup;
    record.ifIndex = event.ifIndex;
    if (event.type === 'subflowClosed') {
      record.state = 'closed';
      record.error = event.error;
      record.resetReason = event.resetReason;
      record.resetTransient = event.resetTransient;
      subflows.splice(subflows.indexOf(record), 1);
    } else {
      record.state = 'established';
      if (event.locId !== 0) idsOf(connection).learn(event.localIp, event.locId);
    }
    return { subflow: record, was };
  }
}

function excuse(
  { subflows }: ConnectionRecord,
  id: AddrId,
  address: { readonly ip: Ip; readonly port: number } | undefined,
): void {
  for (const each of subflows) {
    const there = address && samePlace(each.remote, address);
    if (there || (each.state === 'established' && each.remote.id === id)) each.excused = true;
  }
}

/**
 * Whether this host made a subflow that it does not remember, such as one whose try was given up. The peer joins where it
 * knows of a port, that of the connection or one that was announced; a client of ours joins where it knows of the peer's.
 */
function leavesFromHere(connection: ConnectionRecord, { localPort, remotePort }: SubflowEvent): boolean {
  const { serverSide, local, remote, announced, remoteAddresses } = connection;
  if (serverSide || localPort === local.port || announced.some(({ port }) => port === localPort)) return false;
  return remotePort === remote.port || remoteAddresses.some(({ port }) => port === remotePort);
}

/** Whether a subflow carries data, and is not about to be ended. */
export const isLive = ({ state, leaving }: SubflowRecord): boolean => state === 'established' && !leaving;

/** The local address ids of a connection. */
export function idsOf(connection: ConnectionRecord): AddressIds {
  connection.ids ??= new AddressIds(connection.local.ip);
  return connection.ids;
}

/** Whether a connection began with the ends of an event. */
export const isAt = ({ local, remote }: Connection, event: ConnectionEvent): boolean =>
  local.port === event.localPort &&
  remote.port === event.remotePort &&
  local.ip === event.localIp &&
  remote.ip === event.remoteIp;

const end = (event: SubflowEvent, side: 'local' | 'remote'): End =>
  side === 'local'
    ? { ip: event.localIp, port: event.localPort, id: event.locId }
    : { ip: event.remoteIp, port: event.remotePort, id: event.remId };

const isEnd = (known: End, ip: Ip, port: number, id: AddrId): boolean =>
  known.ip === ip && known.port === port && known.id === id;

/** Array.prototype.find without a closure for each event. */
function find(
  subflows: readonly SubflowRecord[],
  fits: (s: Subflow, event: Ends) => boolean,
  event: Ends,
): SubflowRecord | undefined {
  for (let i = 0; i < subflows.length; i++) {
    const each = subflows[i] as SubflowRecord;
    if (fits(each, event)) return each;
  }
  return undefined;
}

/** A socket that was reset has lost its remote port by the time that the kernel makes the event: it says 0 then. */
const samePort = (port: number, event: Ends): boolean => port === event.remotePort || event.remotePort === 0;

/** The subflow of exactly these four. */
const is = (s: Subflow, event: Ends): boolean =>
  s.local.port === event.localPort &&
  samePort(s.remote.port, event) &&
  s.local.ip === event.localIp &&
  s.remote.ip === event.remoteIp;

/** A subflow that is being tried from here to there, its port not known yet. */
const mayBe = (s: Subflow, event: Ends): boolean =>
  s.state === 'trying' &&
  samePort(s.remote.port, event) &&
  sameIp(s.local.ip, event.localIp) &&
  sameIp(s.remote.ip, event.remoteIp);

function subflow(token: Token, local: End, remote: End, state: Subflow['state'], initial: boolean): SubflowRecord {
  return {
    token,
    local,
    remote,
    state,
    initial,
    backup: false,
    ifIndex: undefined,
    error: undefined,
    resetReason: undefined,
    resetTransient: false,
    own: false,
    askedBackup: false,
    triedAt: undefined,
    leaving: false,
    excused: false,
    progress: undefined,
  };
}
