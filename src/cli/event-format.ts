import type { PmEvent } from '../core/model/events.ts';
import { formatToken, type IfIndex, type Ip } from '../core/model/ids.ts';
import type { UnknownEvent } from '../netlink/events.ts';
import { resetReasonNumber } from '../netlink/families/mptcp-pm.ts';
import { errnoNumber } from '../os/errno.ts';
import type { Json } from './json.ts';
import { showIp } from './words.ts';

/** What the monitor tells of: an event, or that the kernel had no room left for so many. */
export type Told = PmEvent | UnknownEvent | { readonly type: 'lost'; readonly count: number };

/** iproute2's names of the events. */
export const eventNames = {
  connectionCreated: 'CREATED',
  connectionEstablished: 'ESTABLISHED',
  connectionClosed: 'CLOSED',
  addressAnnounced: 'ANNOUNCED',
  addressRemoved: 'REMOVED',
  subflowEstablished: 'SF_ESTABLISHED',
  subflowClosed: 'SF_CLOSED',
  subflowPriority: 'SF_PRIO',
  listenerCreated: 'LISTENER_CREATED',
  listenerClosed: 'LISTENER_CLOSED',
  unknown: 'UNKNOWN',
  lost: 'LOST',
} as const satisfies Record<Told['type'], string>;

const NAME_WIDTH = 16;

/** An event as JSON has it, its members in the order in which the text has them. */
export function toValue(told: Told, linkName: (index: IfIndex) => string): Record<string, Json> {
  const event = eventNames[told.type];
  if (told.type === 'lost') return { event, count: told.count };
  if (told.type === 'unknown') return { event, command: told.command };
  const { token, remId, locId, localIp, remoteIp, localPort, remotePort, backup, ifIndex, error }: AnyEvent = told;
  const { resetReason, resetTransient, serverSide, denyJoinId0 }: AnyEvent = told;
  return compact({
    event,
    token: token === undefined ? undefined : formatToken(token),
    remid: remId,
    locid: locId,
    ...ends(localIp, remoteIp),
    sport: localPort,
    dport: remotePort,
    backup: backup === undefined ? undefined : Number(backup),
    error: error === undefined ? undefined : errnoNumber(error),
    ifindex: ifIndex,
    dev: ifIndex === undefined ? undefined : linkName(ifIndex),
    reset_reason: resetReason === undefined ? undefined : resetReasonNumber(resetReason),
    // Of the flags of a reset the kernel passes on one: transient. iproute2 shows them in hexadecimal, as text.
    reset_flags: resetReason === undefined ? undefined : Number(resetTransient).toString(16),
    server_side: serverSide || undefined,
    deny_join_id0: denyJoinId0 || undefined,
  });
}

type KeyOf<E> = E extends unknown ? keyof E : never;
type MemberOf<E, K> = K extends keyof E ? E[K] : never;
/** Every member that some event has. */
type AnyEvent = {
  readonly [K in KeyOf<PmEvent>]?: PmEvent extends infer E ? (E extends E ? MemberOf<E, K> : never) : never;
};

/** The addresses under names that tell their family: first this host's. */
function ends(local: Ip | undefined, remote: Ip | undefined): Record<string, Json> {
  const entries = Object.entries({ saddr: local, daddr: remote }).flatMap(([key, ip]) =>
    ip === undefined ? [] : [[`${key}${ip.includes(':') ? 6 : 4}`, showIp(ip)] as const],
  );
  return Object.fromEntries(entries);
}

const compact = (members: Record<string, Json | undefined>): Record<string, Json> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Record<string, Json>;

/** An event as one line of text. */
export function toLine(told: Told, linkName: (index: IfIndex) => string): string {
  if (told.type === 'lost') return `[EVENTS LOST: ${told.count}]`;
  if (told.type === 'unknown') return `[UNKNOWN ${told.command}]`;
  const { event, ...members } = toValue(told, linkName);
  const words = Object.entries(members).map(([key, value]) => {
    if (value === true) return ` ${key}`;
    return ` ${key}=${key === 'token' ? `${value}`.slice(2) : value}`;
  });
  return `[${`${event}`.padStart(NAME_WIDTH)}]${words.join('')}`;
}
