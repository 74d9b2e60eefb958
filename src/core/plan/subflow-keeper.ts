import { type ConnectionRecord, isLive, type SubflowRecord } from '../connection-table.ts';
import { samePlace } from '../ip.ts';
import type { Refusal } from '../model/commands.ts';
import { formatToken } from '../model/ids.ts';
import { showEnd, whyClosed } from '../trail.ts';
import type { Actions } from './actions.ts';
import type { Announcer } from './announcer.ts';
import { choose, chooseNext } from './choices.ts';
import { kindOf, kindOfRefusal, pauseAfter } from './failure.ts';
import { linkSubflows } from './pairs.ts';
import { endsOf, type Pair, type Place, type Planned, remoteOf } from './planned.ts';
import { LONGEST_TRY, type PlanSettings, QUICK_CLOSE, SLOW_TRY } from './settings.ts';
import { Judge, type Surroundings } from './standing.ts';

/** How often a peer may close a pair too soon before the pair has to rest. */
const GRACE = 2;

/** Makes, mends and ends the subflows of connections, and notes how that went. */
export class SubflowKeeper {
  readonly #actions: Actions;
  readonly #announcer: Announcer;

  constructor(announcer: Announcer, actions: Actions) {
    this.#announcer = announcer;
    this.#actions = actions;
  }

  /** Gives each pair the subflow that it has, and forgets tries that have ended unheard. @returns when to look again */
  link(connection: ConnectionRecord, { pairs }: Planned, { network, now }: Surroundings): number {
    const { subflows } = connection;
    let at = Number.POSITIVE_INFINITY;
    for (const each of subflows.filter(({ state, triedAt }) => state === 'trying' && triedAt !== undefined)) {
      const end = (each.triedAt ?? now) + LONGEST_TRY;
      if (end > now) at = Math.min(at, end);
      else subflows.splice(subflows.indexOf(each), 1);
    }
    // The packets of a try that began before the address went come again at long intervals: a new one is faster.
    linkSubflows(
      pairs,
      connection,
      now,
      ({ local, triedAt = now, ifIndex }) => (network.usableSince({ ip: local.ip, ifIndex }) ?? triedAt) > triedAt,
    );
    return at;
  }

  /**
   * Destroys subflows whose address is gone, and those that the plan no longer wants. Never the last one that is of use,
   * nor the initial one while its address lives, nor what the peer made.
   */
  drop(connection: ConnectionRecord, planned: Planned, { network, settings, now }: Surroundings): void {
    const wanted = new Set(planned.pairs.map(({ subflow }) => subflow));
    const live = connection.subflows.filter(isLive);
    const alive = live.filter(({ local, ifIndex }) => !network.isGone(local.ip, ifIndex));
    if (alive.length === 0) return;
    const destroy = (subflow: SubflowRecord, because: string, gone = false): void =>
      this.#destroy(connection, planned, subflow, because, gone, { settings, now });
    if (alive.length < live.length) {
      for (const each of live) if (!alive.includes(each)) destroy(each, 'its address is gone', true);
    }
    // What is there already is not held against a plan that nobody has heard.
    const surplus = planned.said ? alive.filter((each) => each.own && !each.initial && !wanted.has(each)) : [];
    const ending = surplus.length < alive.length ? surplus : surplus.slice(1);
    for (const each of ending) destroy(each, 'it is no longer wanted');
    for (const each of tooMany(alive, planned, settings.maxSubflows)) destroy(each, 'there are more than max-subflows');
  }

  #destroy(
    connection: ConnectionRecord,
    planned: Planned,
    subflow: SubflowRecord,
    because: string,
    gone: boolean,
    { settings, now }: Pick<Surroundings, 'settings' | 'now'>,
  ): void {
    const { token, local, remote } = subflow;
    subflow.leaving = true;
    // The kernel forgets the id of an address with its subflow: the peer is told first, or never.
    if (gone) this.#announcer.withdrawGone(connection, planned, subflow, now);
    this.#trail(connection, 'subflow destroyed', subflow, because);
    this.#actions.send({ name: 'destroySubflow', args: { token, local, remote } }, (outcome, then) => {
      if (outcome.ok) {
        this.#announcer.forgotten(planned, local.ip, then);
        return;
      }
      const isThere = outcome.error.errno !== 'ESRCH';
      subflow.leaving = !isThere;
      // Its end was missed: what is not there is not counted any more.
      if (!isThere) connection.subflows.splice(connection.subflows.indexOf(subflow) >>> 0, 1);
      this.#actions.again(token, isThere ? then + settings.retryAfter : then);
      if (outcome.error.errno === 'EINVAL') this.#actions.checkForeign(planned);
    });
  }

  /** Tries what is due. @returns when to look again */
  create(connection: ConnectionRecord, planned: Planned, around: Surroundings): number {
    const { rests, now } = around;
    const { pairs } = planned;
    if (pairs.length === 0) return Number.POSITIVE_INFINITY;
    const judge = new Judge(connection, planned, around);
    let at = Number.POSITIVE_INFINITY;
    for (const pair of pairs) {
      if (!pair.subflow && !pair.asked) choose(connection, pair, (place) => rests.until(endsOf(pair, place), now) > 0);
      const standing = judge.judge(pair);
      if (standing.state === 'due') {
        this.#try(connection, planned, pair, around);
        at = Math.min(at, now + SLOW_TRY);
      } else if (standing.state === 'waiting') at = Math.min(at, standing.until);
      else if (standing.state === 'trying' && now < pair.since + SLOW_TRY) at = Math.min(at, pair.since + SLOW_TRY);
    }
    return at;
  }

  #try(connection: ConnectionRecord, planned: Planned, pair: Pair, around: Surroundings): void {
    const { token } = connection;
    const { now } = around;
    if (now - planned.triesFrom >= 1000) {
      planned.triesFrom = now;
      planned.tries = 0;
    }
    planned.tries++;
    pair.asked = true;
    const { local, backup } = pair;
    const remote = remoteOf(pair);
    const { ifIndex } = local;
    const args = {
      token,
      local: { ip: local.ip },
      remote,
      ...(ifIndex === undefined ? {} : { ifIndex }),
      ...(backup ? { backup } : {}),
    };
    this.#actions.send({ name: 'createSubflow', args }, (outcome, then) => {
      pair.asked = false;
      if (outcome.ok) {
        // The command's own record is the newest.
        pair.subflow = connection.subflows.at(-1);
        if (pair.subflow) pair.subflow.triedAt = then;
        pair.since = then;
      } else this.#refused(connection, planned, pair, outcome.error, { ...around, now: then });
    });
  }

  #refused(connection: ConnectionRecord, planned: Planned, pair: Pair, error: Refusal, around: Surroundings): void {
    if (error.code === 'UNKNOWN_TOKEN') return;
    if (error.code === 'REFUSED') this.#announcer.forgotten(planned, pair.local.ip, around.now);
    const kind = kindOfRefusal(error);
    this.#failed(connection, pair, kind, error.message, around);
    this.#actions.again(planned.token, Math.max(pair.until, around.now));
    if (error.errno === 'EINVAL') this.#actions.checkForeign(planned);
  }

  /** The subflow of a pair has ended. @param was the state that it was in */
  closed(connection: ConnectionRecord, pair: Pair, subflow: SubflowRecord, was: string, around: Surroundings): void {
    const { rests, settings, now } = around;
    pair.subflow = undefined;
    const lived = was === 'established' ? now - pair.since : 0;
    pair.since = now;
    if (subflow.leaving || subflow.excused) return;
    if (lived >= QUICK_CLOSE) {
      pair.failures = 0;
      rests.forget(endsOf(pair));
    }
    const kind = kindOf(subflow);
    const byPeer = subflow.error === undefined || subflow.error === 'ECONNRESET';
    if (kind === 'forbidden') rests.note(endsOf(pair), now, settings.rest, 0);
    else if (was === 'established' && lived < QUICK_CLOSE && byPeer) {
      rests.note(endsOf(pair), now, settings.rest, GRACE);
    }
    this.#failed(connection, pair, kind, whyClosed(subflow), around);
  }

  /** An address of the peer came or went: what went wrong with it before is no sign of what comes. */
  forgive({ planned }: ConnectionRecord, address: Place, { rests, now }: Surroundings): void {
    for (const pair of planned?.pairs ?? []) {
      const place = pair.remotes.find((each) => samePlace(each, address));
      if (pair.subflow || !place) continue;
      pair.failures = 0;
      pair.failure = undefined;
      pair.until = now;
      rests.forget(endsOf(pair, place));
    }
  }

  #failed(
    connection: ConnectionRecord,
    pair: Pair,
    kind: ReturnType<typeof kindOfRefusal>,
    words: string,
    { settings, now }: Surroundings,
  ): void {
    pair.failure = { kind, words, at: now };
    if (chooseNext(connection, pair)) return;
    pair.failures++;
    const pause = kind === undefined ? settings.retryMost : pauseAfter(pair.failures, kind, settings, pair.key);
    pair.until = now + pause;
  }

  /** Asks the peer to treat subflows as the plan says. */
  mendBackup({ subflows }: ConnectionRecord, planned: Planned, settings: PlanSettings): void {
    const wanted = new Map(planned.pairs.map(({ subflow, backup }) => [subflow, backup]));
    // In the order of the plan: what is to carry data is told before what is to wait.
    for (const subflow of new Set([...wanted.keys(), ...subflows])) {
      if (!subflow || !isLive(subflow)) continue;
      // What the plan speaks of no longer is no backup any more: the initial subflow stays whatever it says.
      const backup = wanted.get(subflow) ?? (planned.said ? false : subflow.askedBackup);
      if (subflow.askedBackup !== backup) this.#setBackup(planned, subflow, backup, settings);
    }
  }

  #setBackup(planned: Planned, subflow: SubflowRecord, backup: boolean, { retryMost }: PlanSettings): void {
    const { token } = planned;
    const { local, remote } = subflow;
    subflow.askedBackup = backup;
    this.#actions.send({ name: 'setBackup', args: { token, local, remote, backup } }, (outcome, then) => {
      if (outcome.ok) return;
      subflow.askedBackup = !backup;
      this.#actions.again(token, then + retryMost);
      if (outcome.error.errno === 'EINVAL') this.#actions.checkForeign(planned);
    });
  }

  #trail({ token }: ConnectionRecord, message: string, { local, remote }: SubflowRecord, because: string): void {
    const fields = { token: formatToken(token), local: showEnd(local), remote: showEnd(remote), because };
    this.#actions.trail(message, fields);
  }
}

/** Slow tries that give way to others may come up in the end: then there are too many, of which the last ones go. */
function tooMany(alive: readonly SubflowRecord[], { pairs }: Planned, most: number): readonly SubflowRecord[] {
  const over = alive.filter(({ leaving }) => !leaving).length - most;
  if (over <= 0) return [];
  const own = pairs.flatMap(({ subflow }) => (subflow && alive.includes(subflow) ? [subflow] : []));
  return own.filter((each) => each.own && !each.initial && !each.leaving).slice(-over);
}
