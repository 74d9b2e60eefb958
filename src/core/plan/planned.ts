import type { SubflowRecord } from '../connection-table.ts';
import { unmapped } from '../ip.ts';
import type { AddrId, IfIndex, Ip, Token } from '../model/ids.ts';
import type { FailureKind } from './failure.ts';

export interface Place {
  readonly ip: Ip;
  readonly port: number;
}

/** Why a pair, or an announcement, could not be had the last time. */
export interface Failure {
  readonly kind: FailureKind | undefined;
  /** In words: `refused by the peer`. */
  readonly words: string;
  readonly at: number;
}

/** One wanted subflow, and how far it has got. */
export interface Pair {
  /** Its ends in text: what tells it apart from others. */
  key: string;
  readonly local: { readonly ip: Ip; readonly ifIndex: IfIndex | undefined };
  /** Where it may lead, the first choice first. */
  remotes: readonly Place[];
  /** Where it leads now, or is tried to: an index of them. */
  choice: number;
  backup: boolean;
  /** The one that it has, tried or established. */
  subflow: SubflowRecord | undefined;
  /** Since when it has that one, or has none. */
  since: number;
  /** The kernel is being asked for one. */
  asked: boolean;
  /** In a row. */
  failures: number;
  failure: Failure | undefined;
  /** When it may be tried again. */
  until: number;
}

/** One address that the peer is to know of, and how far that has got. */
export interface Announcement {
  readonly ip: Ip;
  readonly port: number | undefined;
  readonly backup: boolean;
  readonly listen: boolean | Ip;
  /** Once the kernel has taken it. */
  id: AddrId | undefined;
  /** The kernel is being asked to. */
  asked: boolean;
  /** It is to be sent once more: the kernel may have dropped it. */
  repeat: boolean;
  /** How often that was so. */
  dropped: number;
  /** When it was sent last; −Infinity where an earlier run did that. */
  sentAt: number;
  /** When the peer is told once more, if it makes no use of it until then; Infinity: never. */
  remindAt: number;
  /** It was announced before this connection was known: nobody has said yet whether it is wanted. */
  found: boolean;
  /** The kernel has forgotten it, though the peer has not. */
  forgotten: boolean;
  since: number;
  failures: number;
  failure: Failure | undefined;
  until: number;
}

/** What the core keeps of a connection that follows a plan. */
export interface Planned {
  readonly token: Token;
  readonly plugin: string;
  /** The plan is to be asked for again. */
  ask: boolean;
  /** What it read the last time: a sum of {@link Reads}. */
  reads: number;
  /** When it is to be asked again because of the time; Infinity: never. */
  askAt: number;
  /** The shortest time without progress that it calls trouble; undefined where it does not ask. */
  troubleAfter: number | undefined;
  pairs: readonly Pair[];
  announcements: readonly Announcement[];
  /** Those that the peer was told of, wanted or not. */
  readonly signalled: Set<Announcement>;
  /** The peer was told to forget the address that the connection began with: it is announced when it is back. */
  initialRemoved: boolean;
  /** When the latest address signal was sent. */
  signalAt: number;
  /** The second of the latest tries, and their number. */
  triesFrom: number;
  tries: number;
  /** Its plugin has said what it wants, at least once. */
  said: boolean;
  /** It was there before it was known: what the kernel holds for it is to be read. */
  unread: boolean;
  /** It is not under the userspace path manager: nothing can be done for it. */
  foreign: boolean;
}

/** Where a pair leads now, or is tried to. */
export const remoteOf = ({ remotes, choice }: Pair): Place => remotes[choice] as Place;

/** The ends of a pair, now or with another place, in text: what is remembered across connections. */
export function endsOf(pair: Pair, { ip, port } = remoteOf(pair)): string {
  return `${unmapped(pair.local.ip)}%${pair.local.ifIndex ?? ''} > ${unmapped(ip)} ${port}`;
}

/** The parts of a view. */
export const Reads = { interfaces: 1, addresses: 2, remotes: 4, subflows: 8 } as const;

export function newPlanned(token: Token, plugin: string): Planned {
  return {
    token,
    plugin,
    ask: true,
    reads: 0,
    askAt: Number.POSITIVE_INFINITY,
    troubleAfter: undefined,
    pairs: [],
    announcements: [],
    signalled: new Set(),
    initialRemoved: false,
    signalAt: Number.NEGATIVE_INFINITY,
    triesFrom: Number.NEGATIVE_INFINITY,
    tries: 0,
    said: false,
    unread: false,
    foreign: false,
  };
}
