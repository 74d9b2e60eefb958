import type { ConnectionRecord, ConnectionTable, SubflowRecord } from './connection-table.ts';
import { sameIp } from './ip.ts';
import type { End } from './model/connection.ts';
import type { PmEvent, SubflowEvent } from './model/events.ts';
import type { IfIndex, Ip, Token } from './model/ids.ts';

/** A subflow as the kernel has it now. */
export interface FoundSubflow {
  readonly local: End;
  readonly remote: End;
  readonly state: 'trying' | 'established';
  readonly initial: boolean;
  /** This host asked for it. */
  readonly own: boolean;
  /** Whether the peer, and whether this host, asked for it to be a backup. */
  readonly backup: boolean;
  readonly askedBackup: boolean;
  readonly ifIndex: IfIndex | undefined;
}

/** A connection as the kernel has it now. */
export interface FoundConnection {
  readonly token: Token;
  readonly serverSide: boolean;
  readonly established: boolean;
  /** The ends that it began with. */
  readonly local: { readonly ip: Ip; readonly port: number };
  readonly remote: { readonly ip: Ip; readonly port: number };
  readonly subflows: readonly FoundSubflow[];
}

/**
 * The events that were missed, as far as what there is now tells: what is known and not found has closed, and what is
 * found and not known of a known connection has come to be. Connections that are not known at all are for the caller.
 */
export function missedEvents(table: ConnectionTable, found: readonly FoundConnection[]): PmEvent[] {
  const there = new Map(found.map((each) => [each.token, each]));
  const events: PmEvent[] = [];
  for (const connection of table.values()) {
    const now = there.get(connection.token);
    // A token that stands for other ends now belongs to another connection.
    if (now && isAt(connection, now)) events.push(...missedOf(connection, now));
    else events.push({ type: 'connectionClosed', token: connection.token });
  }
  return events;
}

function missedOf(connection: ConnectionRecord, found: FoundConnection): PmEvent[] {
  const { token, serverSide, denyJoinId0, local, remote } = connection;
  const events: PmEvent[] = [];
  if (connection.state === 'created' && found.established) {
    const ends = { localIp: local.ip, localPort: local.port, locId: local.id };
    const far = { remoteIp: remote.ip, remotePort: remote.port, remId: remote.id };
    events.push({ type: 'connectionEstablished', token, serverSide, denyJoinId0, ...ends, ...far });
  }
  const left = [...found.subflows];
  const take = (at: number): FoundSubflow | undefined => (at < 0 ? undefined : left.splice(at, 1)[0]);
  const there = new Map<SubflowRecord, FoundSubflow | undefined>();
  for (const known of connection.subflows) {
    if (known.local.port !== 0) there.set(known, take(left.findIndex((each) => isAt(known, each))));
  }
  // Only now those that are being tried, which are not known by their port: any other between the same ends may be one.
  for (const known of connection.subflows) {
    if (known.local.port === 0) there.set(known, take(left.findIndex((each) => mayBe(known, each))));
  }
  const closed: PmEvent[] = [];
  for (const known of connection.subflows) {
    const now = there.get(known);
    if (!now) closed.push(eventOf('subflowClosed', token, known));
    else if (known.state === 'trying' && now.state === 'established') {
      events.push(eventOf('subflowEstablished', token, now));
    } else if (known.state === 'established' && known.backup !== now.backup) {
      events.push(eventOf('subflowPriority', token, now));
    }
  }
  for (const each of left) if (each.state === 'established') events.push(eventOf('subflowEstablished', token, each));
  // Last of all: whoever replaces what is gone is to know first what is there.
  return [...events, ...closed];
}

type Ends = Record<'local' | 'remote', { readonly ip: Ip; readonly port: number }>;

const isAt = (known: Ends, found: Ends): boolean => mayBe(known, found) && known.local.port === found.local.port;

const mayBe = (known: Ends, found: Ends): boolean =>
  known.remote.port === found.remote.port &&
  sameIp(known.local.ip, found.local.ip) &&
  sameIp(known.remote.ip, found.remote.ip);

function eventOf(
  type: SubflowEvent['type'],
  token: Token,
  { local, remote, backup, ifIndex }: Pick<FoundSubflow, 'local' | 'remote' | 'backup' | 'ifIndex'>,
): SubflowEvent {
  return {
    type,
    token,
    localIp: local.ip,
    localPort: local.port,
    locId: local.id,
    remoteIp: remote.ip,
    remotePort: remote.port,
    remId: remote.id,
    backup,
    ifIndex,
    error: undefined,
    resetReason: undefined,
    resetTransient: false,
  };
}
