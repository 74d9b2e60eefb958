import type { ConnectionRecord, ConnectionTable, SubflowRecord } from '../connection-table.ts';
import type { Effect } from '../core-types.ts';
import type { Command, Outcome, Refusal } from '../model/commands.ts';
import { formatToken, type Token } from '../model/ids.ts';
import type { Plan } from '../model/plan.ts';
import type { Network } from '../network.ts';
import { showEnd, whyClosed } from '../trail.ts';
import { Agenda } from './agenda.ts';
import { Announcer } from './announcer.ts';
import { faultOf } from './check.ts';
import { choose, chooseNext } from './choices.ts';
import { type Explanation, explain } from './explain.ts';
import { kindOf, kindOfRefusal, pauseAfter } from './failure.ts';
import { linkSubflows, mergeAnnouncements, mergePairs } from './pairs.ts';
import { endsOf, newPlanned, type Pair, type Planned, Reads, remoteOf } from './planned.ts';
import { Rests } from './rests.ts';
import { type PlanSettings, QUICK_CLOSE, SLOW_TRY } from './settings.ts';
import { Judge, type Surroundings } from './standing.ts';
import { noteProgress, type ProgressSample } from './trouble.ts';
import { View } from './view.ts';
import { Watches } from './watches.ts';

/** How often a peer may close a pair too soon before the pair has to rest. */
const GRACE = 2;
/** The counters are read this often in the shortest time that a plan calls trouble. */
const SAMPLES = 4;

/** Sends a command; `answered` is told how it ended. */
export type Order = (
  command: Command,
  answered: (outcome: Outcome<unknown>, now: number) => void,
) => Effect | undefined;

/**
 * Makes what plans want: it asks for plans when what they read has changed, and holds connections against them. What
 * follows from an event of one connection is done at once; what concerns many is queued, to be done one at a time.
 */
export class Planner {
  settings: PlanSettings;
  /** Whether a line is logged for what is tried and why. */
  trail = false;
  readonly #connections: ConnectionTable;
  readonly #network: Network;
  readonly #order: Order;
  readonly #agenda = new Agenda<Token>();
  readonly #queue = new Set<Token>();
  readonly #rests = new Rests();
  readonly #announcer: Announcer;
  readonly #watches = new Watches();
  /** What plans got wrong, said once each. */
  readonly #faults = new Set<string>();
  #routesAt = Number.NEGATIVE_INFINITY;
  #watching: number | undefined;
  #out: Effect[] = [];

  constructor(settings: PlanSettings, connections: ConnectionTable, network: Network, order: Order) {
    this.settings = settings;
    this.#connections = connections;
    this.#network = network;
    this.#order = order;
    this.#announcer = new Announcer(
      network,
      (command, answered) => this.#send(command, answered),
      (token, at) => this.#again(token, at),
    );
  }

  /** How many connections wait for their turn. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** When something is to be done because of the time. */
  get next(): number | undefined {
    return this.#agenda.next;
  }

  /** A connection is established: it takes subflows from now on. */
  begin(connection: ConnectionRecord, plugin: string, now: number): readonly Effect[] {
    connection.planned = newPlanned(connection.token, plugin);
    return this.look(connection, now);
  }

  /** A connection is gone. */
  end(connection: ConnectionRecord): readonly Effect[] {
    const { planned, token } = connection;
    if (!planned) return [];
    this.#agenda.set(token, Number.POSITIVE_INFINITY);
    this.#queue.delete(token);
    connection.planned = undefined;
    this.#watch(planned.troubleAfter, undefined);
    return this.take();
  }

  /** What is known of the peer's addresses has changed. */
  remotesChanged(connection: ConnectionRecord, now: number): readonly Effect[] {
    return this.#changed(connection, Reads.remotes, now);
  }

  /** An event told of a subflow. */
  subflowChanged(connection: ConnectionRecord, subflow: SubflowRecord, was: string, now: number): readonly Effect[] {
    const { planned } = connection;
    if (!planned) return [];
    const pair = planned.pairs.find((each) => each.subflow === subflow);
    if (pair && subflow.state === 'established' && was === 'trying') pair.since = now;
    if (pair && subflow.state === 'closed') this.#closed(connection, pair, subflow, was, now);
    return this.#changed(connection, Reads.subflows, now);
  }

  /** What the kernel's counters say of a subflow. */
  progress(connection: ConnectionRecord, subflow: SubflowRecord, sample: ProgressSample, now: number): void {
    const { planned } = connection;
    if (planned?.troubleAfter === undefined) return;
    if (!noteProgress(subflow, sample, planned.troubleAfter, now)) return;
    planned.ask = true;
    this.#queue.add(connection.token);
  }

  /** The network has changed. @param reads the parts of a view in which it did */
  networkChanged(reads: number): void {
    for (const { planned } of this.#connections.values()) {
      if (!planned) continue;
      if (planned.reads & reads) planned.ask = true;
      this.#queue.add(planned.token);
    }
  }

  routesChanged(now: number): void {
    this.#routesAt = now;
    for (const { planned } of this.#connections.values()) {
      if (planned?.pairs.some(({ failure }) => failure)) this.#queue.add(planned.token);
    }
  }

  /** A plugin's options have changed, or it is set up anew. */
  askAll(plugin: string, now: number): void {
    for (const connection of this.#connections.values()) {
      if (connection.owner !== plugin || connection.state !== 'established') continue;
      connection.planned ??= newPlanned(connection.token, plugin);
      connection.planned.ask = true;
      this.#agenda.set(connection.token, now);
    }
    this.due(now);
  }

  /** Queues what is due because of the time. */
  due(now: number): void {
    for (const token of this.#agenda.due(now)) {
      const planned = this.#connections.get(token)?.planned;
      if (!planned) continue;
      if (planned.askAt <= now) planned.ask = true;
      this.#queue.add(token);
    }
  }

  /** Does the next of what waits. */
  more(now: number): readonly Effect[] {
    for (const token of this.#queue) {
      this.#queue.delete(token);
      const connection = this.#connections.get(token);
      return connection ? this.look(connection, now) : [];
    }
    return [];
  }

  /** Asks for the plan where that is needed, and otherwise holds the connection against it. */
  look(connection: ConnectionRecord, now: number): readonly Effect[] {
    const { planned } = connection;
    if (!planned || connection.state !== 'established' || planned.foreign) return [];
    if (planned.ask) {
      const view = new View(connection, this.#network, now);
      return [{ type: 'plan', plugin: planned.plugin, token: planned.token, view }];
    }
    this.#reconcile(connection, planned, now);
    return this.take();
  }

  /** A plugin has answered; `undefined` where it failed: what it wanted before still counts. */
  planned(token: Token, view: View, plan: unknown, now: number): readonly Effect[] {
    const connection = this.#connections.get(token);
    const planned = connection?.planned;
    if (!connection || !planned) return [];
    planned.ask = false;
    planned.reads = view.reads;
    planned.askAt = view.askAt;
    this.#watch(planned.troubleAfter, view.troubleAfter);
    planned.troubleAfter = view.troubleAfter;
    const fault = plan === undefined ? undefined : faultOf(plan);
    if (fault !== undefined) this.#say(planned.plugin, fault);
    else if (plan !== undefined) {
      const { subflows = [], announce = [] } = plan as Plan;
      planned.pairs = mergePairs(planned.pairs, subflows, now);
      planned.announcements = mergeAnnouncements(planned.announcements, announce, now);
    }
    this.#reconcile(connection, planned, now);
    return this.take();
  }

  /** Why a connection has the subflows that it has. */
  explain(connection: ConnectionRecord, now: number): Explanation {
    return explain(connection, this.#around(now));
  }

  /** What is to be done, since this was asked last. */
  take(): readonly Effect[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  /** Holds a connection against its plan, and does what is missing. */
  #reconcile(connection: ConnectionRecord, planned: Planned, now: number): void {
    linkSubflows(planned.pairs, connection, now);
    const signalsAt = this.#announcer.withdraw(connection, planned, now, this.settings);
    this.#drop(connection, planned, now);
    const pairsAt = this.#create(connection, planned, now);
    this.#mendBackup(connection, planned);
    const announceAt = this.#announcer.announce(connection, planned, now, this.settings);
    this.#agenda.set(connection.token, Math.min(planned.askAt, signalsAt, pairsAt, announceAt));
  }

  /**
   * Destroys subflows whose address is gone, and those that the plan no longer wants. Never the last one that is of use,
   * nor the initial one while its address lives, nor what the peer made.
   */
  #drop(connection: ConnectionRecord, planned: Planned, now: number): void {
    const wanted = new Set(planned.pairs.map(({ subflow }) => subflow));
    const live = connection.subflows.filter((each) => each.state === 'established' && !each.leaving);
    const isGone = ({ local, ifIndex }: SubflowRecord): boolean => this.#network.isGone(local.ip, ifIndex);
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
    this.#send({ name: 'destroySubflow', args: { token, local, remote } }, (outcome) => {
      if (outcome.ok) return;
      // Its end was missed: what is not there is not counted any more.
      if (outcome.error.errno === 'ESRCH') connection.subflows.splice(connection.subflows.indexOf(subflow) >>> 0, 1);
      else subflow.leaving = false;
    });
  }

  /** Tries what is due. @returns when to look again */
  #create(connection: ConnectionRecord, planned: Planned, now: number): number {
    const { pairs } = planned;
    if (pairs.length === 0) return Number.POSITIVE_INFINITY;
    const judge = new Judge(connection, planned, this.#around(now));
    let at = Number.POSITIVE_INFINITY;
    for (const pair of pairs) {
      if (!pair.subflow && !pair.asked) choose(connection, pair);
      const standing = judge.judge(pair);
      if (standing.state === 'due') this.#try(connection, planned, pair, now);
      else if (standing.state === 'waiting') at = Math.min(at, standing.until);
      else if (standing.state === 'trying' && pair.since + SLOW_TRY > now) at = Math.min(at, pair.since + SLOW_TRY);
    }
    return at;
  }

  #try(connection: ConnectionRecord, planned: Planned, pair: Pair, now: number): void {
    const { token } = connection;
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
    this.#send({ name: 'createSubflow', args }, (outcome, then) => {
      pair.asked = false;
      if (outcome.ok) {
        // The command's own record is the newest.
        pair.subflow = connection.subflows.at(-1);
        pair.since = then;
      } else this.#refused(connection, planned, pair, outcome.error, then);
    });
  }

  #refused(connection: ConnectionRecord, planned: Planned, pair: Pair, error: Refusal, now: number): void {
    if (error.code === 'UNKNOWN_TOKEN') return;
    const kind = kindOfRefusal(error);
    this.#failed(connection, pair, kind, error.message, now);
    this.#again(planned.token, Math.max(pair.until, now));
    // EINVAL says many things: that the kernel manages the paths of this connection is one of them.
    if (error.errno !== 'EINVAL') return;
    this.#send({ name: 'listAddresses', args: { token: planned.token } }, (listed) => {
      if (listed.ok || listed.error.errno !== 'EINVAL') return;
      planned.foreign = true;
      this.#agenda.set(planned.token, Number.POSITIVE_INFINITY);
    });
  }

  #closed(connection: ConnectionRecord, pair: Pair, subflow: SubflowRecord, was: string, now: number): void {
    pair.subflow = undefined;
    const lived = was === 'established' ? now - pair.since : 0;
    pair.since = now;
    if (subflow.leaving) return;
    if (lived >= QUICK_CLOSE) {
      pair.failures = 0;
      this.#rests.forget(endsOf(pair));
    }
    const kind = kindOf(subflow);
    const byPeer = subflow.error === undefined || subflow.error === 'ECONNRESET';
    if (kind === 'forbidden') this.#rests.note(endsOf(pair), now, this.settings.rest, 0);
    else if (was === 'established' && lived < QUICK_CLOSE && byPeer) {
      this.#rests.note(endsOf(pair), now, this.settings.rest, GRACE);
    }
    this.#failed(connection, pair, kind, whyClosed(subflow), now);
  }

  #failed(
    connection: ConnectionRecord,
    pair: Pair,
    kind: ReturnType<typeof kindOfRefusal>,
    words: string,
    now: number,
  ): void {
    pair.failure = { kind, words, at: now };
    if (chooseNext(connection, pair)) return;
    pair.failures++;
    const { retryMost } = this.settings;
    pair.until = now + (kind === undefined ? retryMost : pauseAfter(pair.failures, kind, this.settings, pair.key));
  }

  #mendBackup({ token }: ConnectionRecord, { pairs }: Planned): void {
    for (const { subflow, backup } of pairs) {
      if (subflow?.state !== 'established' || subflow.askedBackup === backup) continue;
      subflow.askedBackup = backup;
      const { local, remote } = subflow;
      this.#send({ name: 'setBackup', args: { token, local, remote, backup } }, () => undefined);
    }
  }

  #changed(connection: ConnectionRecord, reads: number, now: number): readonly Effect[] {
    const { planned } = connection;
    if (!planned) return [];
    if (planned.reads & reads) planned.ask = true;
    return this.look(connection, now);
  }

  /** Somebody calls another time trouble than before: the counters may have to be read more or less often. */
  #watch(before: number | undefined, after: number | undefined): void {
    if (before === after) return;
    this.#watches.change(before, after);
    const { shortest } = this.#watches;
    if (shortest === this.#watching) return;
    this.#watching = shortest;
    const every = shortest === undefined ? undefined : Math.max(1, Math.round(shortest / SAMPLES));
    this.#out.push({ type: 'watchProgress', every });
  }

  #around(now: number): Surroundings {
    const { settings } = this;
    return { settings, network: this.#network, rests: this.#rests, routesAt: this.#routesAt, now };
  }

  /** A connection that is still there is looked at again at that time at the latest. */
  #again(token: Token, at: number): void {
    if (this.#connections.get(token)) this.#agenda.advance(token, at);
  }

  #send(command: Command, answered: Parameters<Order>[1]): void {
    const effect = this.#order(command, answered);
    if (effect) this.#out.push(effect);
  }

  #say(plugin: string, fault: string): void {
    if (this.#faults.has(`${plugin} ${fault}`)) return;
    this.#faults.add(`${plugin} ${fault}`);
    const message = 'the plan of a plugin is wrong: what it wanted before still counts';
    this.#out.push({ type: 'log', level: 'error', message, fields: { plugin, error: fault } });
  }

  #trail({ token }: ConnectionRecord, message: string, { local, remote }: SubflowRecord, because: string): void {
    if (!this.trail) return;
    const fields = { token: formatToken(token), local: showEnd(local), remote: showEnd(remote), because };
    this.#out.push({ type: 'log', level: 'debug', message, fields });
  }
}
