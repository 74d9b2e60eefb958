import type { ConnectionRecord, SubflowRecord } from '../connection-table.ts';
import type { End } from '../model/connection.ts';
import type { AddrId, IfIndex, Ip, Token } from '../model/ids.ts';
import { isKnown } from './announcer.ts';
import { type Announcement, type Pair, type Planned, remoteOf } from './planned.ts';
import { Judge, type Standing, type Surroundings } from './standing.ts';

/** A wanted subflow and where it stands. */
export interface ExplainedPair {
  readonly local: { readonly ip: Ip; readonly ifIndex: IfIndex | undefined };
  readonly remote: { readonly ip: Ip; readonly port: number };
  readonly backup: boolean;
  readonly standing: Standing;
  /** The ends of the subflow that it has. */
  readonly subflow: { readonly local: End; readonly remote: End; readonly initial: boolean } | undefined;
  /** In a row. */
  readonly failures: number;
  /** The latest one, in words. */
  readonly failure: { readonly words: string; readonly at: number } | undefined;
}

/** A wanted announcement and where it stands. */
export interface ExplainedAnnouncement {
  readonly ip: Ip;
  readonly port: number | undefined;
  readonly id: AddrId | undefined;
  /** How often it was sent again because the kernel may have dropped it. */
  readonly dropped: number;
  readonly standing:
    | { readonly state: 'announced'; readonly since: number }
    | { readonly state: 'waiting'; readonly until: number; readonly because: string }
    | { readonly state: 'impossible'; readonly because: string };
}

/** Why a connection has the subflows that it has, and no others. */
export interface Explanation {
  readonly token: Token;
  readonly plugin: string | undefined;
  /** Why nothing at all is done for it; undefined where something is. */
  readonly idle: string | undefined;
  readonly pairs: readonly ExplainedPair[];
  /** Subflows that no pair of the plan stands for: the peer's, or such as must stay. */
  readonly others: readonly { readonly local: End; readonly remote: End; readonly why: string }[];
  readonly announcements: readonly ExplainedAnnouncement[];
}

export function explain(connection: ConnectionRecord, around: Surroundings): Explanation {
  const { token, planned, owner, state } = connection;
  const nothing = { token, plugin: owner, pairs: [], others: [], announcements: [] };
  if (owner === undefined) return { ...nothing, idle: 'no plugin is loaded' };
  if (state !== 'established') return { ...nothing, idle: 'it is not established yet' };
  if (!planned) return { ...nothing, idle: 'its plugin decides by hooks, not by a plan' };
  if (planned.foreign) return { ...nothing, idle: 'it is under the kernel’s path manager' };
  if (!planned.said) return { ...nothing, idle: 'its plugin has not said yet what it wants' };
  const judge = new Judge(connection, planned, around);
  return {
    token,
    plugin: owner,
    idle: undefined,
    pairs: planned.pairs.map((pair) => explainPair(pair, judge.judge(pair))),
    others: othersOf(connection, planned, around),
    announcements: announcementsOf(connection, planned, around),
  };
}

function explainPair(pair: Pair, standing: Standing): ExplainedPair {
  const { local, backup, subflow, failures, failure } = pair;
  const remote = remoteOf(pair);
  const ends = subflow && { local: subflow.local, remote: subflow.remote, initial: subflow.initial };
  return { local, remote, backup, standing, subflow: ends, failures, failure };
}

function othersOf({ subflows }: ConnectionRecord, { pairs }: Planned, around: Surroundings): Explanation['others'] {
  const wanted = new Set(pairs.map(({ subflow }) => subflow));
  const others = subflows.filter((each) => !wanted.has(each));
  return others.map((each) => ({ local: each.local, remote: each.remote, why: whyThere(each, around) }));
}

function whyThere(subflow: SubflowRecord, { network }: Surroundings): string {
  if (subflow.leaving) return 'being closed';
  if (subflow.state === 'trying') return 'being tried, though no longer wanted';
  if (network.isGone(subflow.local.ip, subflow.ifIndex)) return 'stays though its address is gone: there is no other';
  if (!subflow.own && !subflow.initial) return 'made by the peer';
  return subflow.initial ? 'the initial subflow' : 'stays though it is not wanted: there is no other';
}

function announcementsOf(connection: ConnectionRecord, planned: Planned, around: Surroundings) {
  const unknown = planned.announcements.filter((each) => !isKnown(connection, planned, each));
  return planned.announcements.map((each) => explainAnnouncement(each, unknown.indexOf(each), around));
}

/** @param index its place among those that are to be announced; -1 where the peer knows it already */
function explainAnnouncement(
  announcement: Announcement,
  index: number,
  { settings, now }: Surroundings,
): ExplainedAnnouncement {
  const { ip, port, id, since, failure, until, dropped } = announcement;
  const standing = (): ExplainedAnnouncement['standing'] => {
    if (id !== undefined) return { state: 'announced', since };
    if (index < 0) return { state: 'impossible', because: 'the connection began with it' };
    if (index >= settings.maxAnnounced) {
      return { state: 'impossible', because: `${settings.maxAnnounced} are announced (max-announced)` };
    }
    return { state: 'waiting', until: Math.max(until, now), because: failure?.words ?? 'one signal is sent at a time' };
  };
  return { ip, port, id, dropped, standing: standing() };
}
