import type { ConnectionRecord, SubflowRecord } from '../connection-table.ts';
import type { Refusal } from '../model/commands.ts';
import { formatToken } from '../model/ids.ts';
import { showEnd, whyClosed } from '../trail.ts';
import type { Actions } from './actions.ts';
import type { Announcer } from './announcer.ts';
import { choose, chooseNext } from './choices.ts';
import { kindOf, kindOfRefusal, pauseAfter } from './failure.ts';
import { endsOf, type Pair, type Planned, remoteOf } from './planned.ts';
import { QUICK_CLOSE, SLOW_TRY } from './settings.ts';
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

  /**
   * Destroys subflows whose address is gone, and those that the plan no longer wants. Never the last one that is of use,
   * nor the initial one while its address lives, nor what the peer made.
   */
  drop(connection: ConnectionRecord, planned: Planned, { network, now }: Surroundings): void {
    const wanted = new Set(planned.pairs.map(({ subflow }) => subflow));
    const live = connection.subflows.filter((each) => each.state === 'established' && !each.leaving);
    const isGone = ({ local, ifIndex }: SubflowRecord): boolean => network.isGone(local.ip, ifIndex);
    const stays = live.some((each) => !isGone(each) && (wanted.has(each) || each.initial || !each.own));
    for (const subflow of live) {
      const gone = isGone(subflow);
      if (stays && gone) this.#destroy(connection, planned, subflow, true, now);
      else if (stays && subflow.own && !subflow.initial && !wanted.has(subflow)) {
        this.#destroy(connection, planned, subflow, false, now);
      }
    }
  }

  #destroy(connection: ConnectionRecord, planned: Planned, subflow: SubflowRecord, gone: boolean, now: number): void {
    const { token, local, remote } = subflow;
    subflow.leaving = true;
    // The kernel forgets the id of an address with its subflow: the peer is told first, or never.
    if (gone) this.#announcer.withdrawGone(connection, planned, subflow, now);
    this.#trail(connection, 'subflow destroyed', subflow, gone ? 'its address is gone' : 'it is no longer wanted');
    this.#actions.send({ name: 'destroySubflow', args: { token, local, remote } }, (outcome) => {
      if (outcome.ok) return;
      // Its end was missed: what is not there is not counted any more.
      if (outcome.error.errno === 'ESRCH') connection.subflows.splice(connection.subflows.indexOf(subflow) >>> 0, 1);
      else subflow.leaving = false;
    });
  }

  /** Tries what is due. @returns when to look again */
  create(connection: ConnectionRecord, planned: Planned, around: Surroundings): number {
    const { now } = around;
    const { pairs } = planned;
    if (pairs.length === 0) return Number.POSITIVE_INFINITY;
    const judge = new Judge(connection, planned, around);
    let at = Number.POSITIVE_INFINITY;
    for (const pair of pairs) {
      if (!pair.subflow && !pair.asked) choose(connection, pair);
      const standing = judge.judge(pair);
      if (standing.state === 'due') this.#try(connection, planned, pair, around);
      else if (standing.state === 'waiting') at = Math.min(at, standing.until);
      else if (standing.state === 'trying' && pair.since + SLOW_TRY > now) at = Math.min(at, pair.since + SLOW_TRY);
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
        pair.since = then;
      } else this.#refused(connection, planned, pair, outcome.error, { ...around, now: then });
    });
  }

  #refused(connection: ConnectionRecord, planned: Planned, pair: Pair, error: Refusal, around: Surroundings): void {
    if (error.code === 'UNKNOWN_TOKEN') return;
    const kind = kindOfRefusal(error);
    this.#failed(connection, pair, kind, error.message, around);
    this.#actions.again(planned.token, Math.max(pair.until, around.now));
    // EINVAL says many things: that the kernel manages the paths of this connection is one of them.
    if (error.errno !== 'EINVAL') return;
    this.#actions.send({ name: 'listAddresses', args: { token: planned.token } }, (listed) => {
      if (listed.ok || listed.error.errno !== 'EINVAL') return;
      planned.foreign = true;
    });
  }

  /** The subflow of a pair has ended. @param was the state that it was in */
  closed(connection: ConnectionRecord, pair: Pair, subflow: SubflowRecord, was: string, around: Surroundings): void {
    const { rests, settings, now } = around;
    pair.subflow = undefined;
    const lived = was === 'established' ? now - pair.since : 0;
    pair.since = now;
    if (subflow.leaving) return;
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
  mendBackup({ token }: ConnectionRecord, { pairs }: Planned): void {
    for (const { subflow, backup } of pairs) {
      if (subflow?.state !== 'established' || subflow.askedBackup === backup) continue;
      subflow.askedBackup = backup;
      const { local, remote } = subflow;
      this.#actions.send({ name: 'setBackup', args: { token, local, remote, backup } }, () => undefined);
    }
  }

  #trail({ token }: ConnectionRecord, message: string, { local, remote }: SubflowRecord, because: string): void {
    const fields = { token: formatToken(token), local: showEnd(local), remote: showEnd(remote), because };
    this.#actions.trail(message, fields);
  }
}
