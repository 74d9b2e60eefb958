import type { ConnectionRecord, SubflowRecord } from '../connection-table.ts';
import { sameIp, samePlace, unmapped } from '../ip.ts';
import type { IfIndex, Ip } from '../model/ids.ts';
import type { WantedAnnouncement, WantedSubflow } from '../model/plan.ts';
import { type Announcement, type Pair, type Place, remoteOf } from './planned.ts';

/**
 * The pairs of a new plan: those that were wanted before keep what is known of them, and so does one whose alternatives
 * have changed as long as one of them is the same.
 */
export function mergePairs(before: readonly Pair[], wanted: readonly WantedSubflow[], now: number): readonly Pair[] {
  const left = [...before];
  const fresh = wanted.map(({ local, remote, backup = false }) => {
    const remotes = (Array.isArray(remote) ? remote : [remote as Place]).map(({ ip, port }) => ({ ip, port }));
    return newPair(keyOf(local, remotes), local, remotes, backup, now);
  });
  const takeOver = (fits: (known: Pair, pair: Pair) => boolean): void => {
    for (const [i, pair] of fresh.entries()) {
      if (before.includes(pair)) continue;
      const at = left.findIndex((known) => fits(known, pair));
      const [known] = at < 0 ? [] : left.splice(at, 1);
      if (known) fresh[i] = renew(known, pair);
    }
  };
  takeOver((known, pair) => known.key === pair.key);
  takeOver((known, pair) => sameLocal(known, pair) && known.remotes.some((place) => indexOf(pair, place) >= 0));
  return fresh;
}

const sameLocal = ({ local: a }: Pair, { local: b }: Pair): boolean => a.ifIndex === b.ifIndex && sameIp(a.ip, b.ip);

/** Makes of a known pair what is wanted now. */
function renew(known: Pair, { key, remotes, backup }: Pair): Pair {
  known.backup = backup;
  if (known.key === key) return known;
  const before = known.remotes;
  const place = remoteOf(known);
  known.key = key;
  known.remotes = remotes;
  known.choice = Math.max(indexOf(known, place), 0);
  // Waiting is for those that have been tried: a new one may be tried at once.
  const added = remotes.findIndex((each) => !before.some((old) => samePlace(old, each)));
  if (added < 0 || !known.failure || known.subflow) return known;
  known.choice = added;
  known.until = 0;
  return known;
}

/**
 * Gives each pair the subflow that it has: the one that it had, or one of those that nobody else has.
 * @param isStale whether a try is not to be waited for
 */
export function linkSubflows(
  pairs: readonly Pair[],
  { subflows }: ConnectionRecord,
  now: number,
  isStale: (subflow: SubflowRecord) => boolean = () => false,
): void {
  const free = new Set(subflows.filter((each) => each.state === 'established' || !isStale(each)));
  for (const pair of pairs) {
    if (pair.subflow && fits(pair.subflow, pair) && free.delete(pair.subflow)) continue;
    if (pair.subflow) pair.since = now;
    pair.subflow = undefined;
  }
  for (const pair of pairs) {
    if (pair.subflow?.state === 'established' || pair.asked || free.size === 0) continue;
    const found = best(free, pair);
    // Of two tries between the same addresses it is not known which one an event is about.
    if (!found || (pair.subflow && found.state === 'trying')) continue;
    free.delete(found);
    if (pair.subflow) free.add(pair.subflow);
    pair.subflow = found;
    pair.choice = indexOf(pair, found.remote);
    pair.since = now;
  }
}

/** An established one counts more than one that is being tried. */
function best(free: ReadonlySet<SubflowRecord>, pair: Pair): SubflowRecord | undefined {
  let found: SubflowRecord | undefined;
  for (const subflow of free) {
    if (subflow.leaving || !fits(subflow, pair)) continue;
    if (subflow.state === 'established') return subflow;
    found ??= subflow;
  }
  return found;
}

/** A subflow that is bound to another interface does not fit; one that is bound to none may be any's. */
const fits = ({ local, remote, ifIndex }: SubflowRecord, pair: Pair): boolean =>
  sameIp(local.ip, pair.local.ip) &&
  indexOf(pair, remote) >= 0 &&
  (ifIndex === undefined || pair.local.ifIndex === undefined || ifIndex === pair.local.ifIndex);

const indexOf = ({ remotes }: Pair, place: Place): number => remotes.findIndex((each) => samePlace(each, place));

/** The announcements of a new plan, each once: those that were wanted before keep what is known of them. */
export function mergeAnnouncements(
  before: readonly Announcement[],
  wanted: readonly WantedAnnouncement[],
  now: number,
): readonly Announcement[] {
  const once = wanted.filter(({ ip, port }, i) => wanted.findIndex((w) => w.port === port && sameIp(w.ip, ip)) === i);
  return once.map(({ ip, port, backup = false, listen = false }) => {
    const same = before.find(
      (each) => sameIp(each.ip, ip) && each.port === port && each.backup === backup && each.listen === listen,
    );
    return same ?? newAnnouncement({ ip, port, backup, listen }, now);
  });
}

/** An announcement that has not been sent. */
export function newAnnouncement(
  wanted: Pick<Announcement, 'ip' | 'port' | 'backup' | 'listen'>,
  since: number,
): Announcement {
  return {
    ...wanted,
    id: undefined,
    asked: false,
    repeat: false,
    forgotten: false,
    dropped: 0,
    sentAt: Number.NEGATIVE_INFINITY,
    remindAt: Number.POSITIVE_INFINITY,
    found: false,
    since,
    failures: 0,
    failure: undefined,
    until: 0,
  };
}

function newPair(
  key: string,
  { ip, ifIndex }: WantedSubflow['local'],
  remotes: readonly Place[],
  backup: boolean,
  since: number,
): Pair {
  return {
    key,
    local: { ip, ifIndex },
    remotes,
    choice: 0,
    backup,
    subflow: undefined,
    since,
    asked: false,
    failures: 0,
    failure: undefined,
    until: 0,
  };
}

const keyOf = (local: { ip: Ip; ifIndex?: IfIndex | undefined }, remotes: readonly Place[]): string =>
  `${unmapped(local.ip)}%${local.ifIndex ?? ''} > ${remotes.map(({ ip, port }) => `${unmapped(ip)} ${port}`).join(', ')}`;
