import type { ConnectionRecord, ConnectionTable, SubflowRecord } from '../connection-table.ts';
import type { Effect, SubflowProgress } from '../core-types.ts';
import type { Command, HeldAddress, Outcome } from '../model/commands.ts';
import type { Token } from '../model/ids.ts';
import type { Plan } from '../model/plan.ts';
import type { Network } from '../network.ts';
import type { Actions } from './actions.ts';
import { Agenda } from './agenda.ts';
import { Announcer } from './announcer.ts';
import { MOST_WANTED, type ReadPlan, readPlan } from './check.ts';
import { type Explanation, explain } from './explain.ts';
import { mergeAnnouncements, mergePairs } from './pairs.ts';
import { newPlanned, type Place, type Planned, Reads } from './planned.ts';
import { Rests } from './rests.ts';
import type { PlanSettings } from './settings.ts';
import type { Surroundings } from './standing.ts';
import { SubflowKeeper } from './subflow-keeper.ts';
import { carryOver, takeOver } from './take-over.ts';
import { noteProgress } from './trouble.ts';
import { View } from './view.ts';
import { Watches } from './watches.ts';

/** What nearly every plan reads. */
const READ_BY_MOST = Reads.addresses | Reads.remotes | Reads.subflows;
/** The counters are read this often in the shortest time that a plan calls trouble. */
const SAMPLES = 4;

/** As many mistakes of plans are told of: a plugin may make another one each time. */
export const MOST_FAULTS = 100;

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
  readonly #subflows: SubflowKeeper;
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
    const actions: Actions = {
      send: (command, answered) => this.#send(command, answered),
      again: (token, at) => this.#again(token, at),
      checkForeign: (planned) => this.#checkForeign(planned),
      readDrops: () => void this.#out.push({ type: 'readDrops' }),
      trail: (message, fields) => {
        if (this.trail) this.#out.push({ type: 'log', level: 'debug', message, fields });
      },
    };
    this.#announcer = new Announcer(network, actions);
    this.#subflows = new SubflowKeeper(this.#announcer, actions);
  }

  /** How many connections wait for their turn. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** When something is to be done because of the time. */
  get next(): number | undefined {
    const { at } = this.#announcer.drops;
    const next = Math.min(at, this.#agenda.next ?? at);
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  /** A connection is established: it takes subflows from now on. */
  begin(connection: ConnectionRecord, plugin: string, now: number): readonly Effect[] {
    connection.planned = newPlanned(connection.token, plugin);
    return this.look(connection, now);
  }

  /** A connection was there before it was known: what the kernel holds for it is read first. */
  recover(connection: ConnectionRecord, plugin: string): void {
    connection.planned = unread(connection.token, plugin);
    this.#queue.add(connection.token);
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

  /** The peer announced an address that is known: what led there may be dead, and can be had again. */
  announcedAgain(connection: ConnectionRecord, place: Place, now: number): readonly Effect[] {
    this.#subflows.forgive(connection, place, this.#around(now));
    return this.look(connection, now);
  }

  /**
   * What is known of the peer's addresses has changed.
   * @param place the one that it announced or removed, where that is the change
   */
  remotesChanged(connection: ConnectionRecord, place: Place | undefined, now: number): readonly Effect[] {
    if (place) this.#subflows.forgive(connection, place, this.#around(now));
    return this.#changed(connection, Reads.remotes, now);
  }

  /** An event told of a subflow. */
  subflowChanged(connection: ConnectionRecord, subflow: SubflowRecord, was: string, now: number): readonly Effect[] {
    const { planned } = connection;
    if (!planned) return [];
    const pair = planned.pairs.find((each) => each.subflow === subflow);
    if (pair && subflow.state === 'established' && was === 'trying') pair.since = now;
    if (pair && subflow.state === 'closed') {
      this.#subflows.closed(connection, pair, subflow, was, this.#around(now));
    }
    const joined = subflow.state === 'established' && was !== 'established' && !subflow.own && !subflow.initial;
    if (joined) this.#announcer.joined(connection, planned, now);
    return this.#changed(connection, Reads.subflows, now);
  }

  /** What the kernel's counters say of subflows. */
  progress(samples: readonly SubflowProgress[], now: number): void {
    for (const sample of samples) {
      const connection = this.#connections.get(sample.token);
      const subflow = connection && this.#connections.find(connection, sample);
      const { planned } = connection ?? {};
      if (!subflow || planned?.troubleAfter === undefined) continue;
      if (!noteProgress(subflow, sample, planned.troubleAfter, now)) continue;
      planned.ask = true;
      this.#queue.add(planned.token);
    }
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
      connection.planned ??= unread(connection.token, plugin);
      connection.planned.ask = true;
      this.#agenda.set(connection.token, now);
    }
    this.due(now);
  }

  /** The kernel's count of dropped announcements. */
  drops(count: number | undefined, now: number): void {
    for (const token of this.#announcer.drops.read(count, now)) this.#queue.add(token);
  }

  /** Queues what is due because of the time. */
  due(now: number): void {
    if (this.#announcer.drops.at <= now) this.#out.push({ type: 'readDrops' });
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
    if (planned.unread) {
      this.#readHeld(connection, planned);
      return this.take();
    }
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
    // One that failed may not have come to what it would have read.
    planned.reads = plan === undefined ? planned.reads | view.reads | READ_BY_MOST : view.reads;
    planned.askAt = view.askAt;
    this.#watch(planned.troubleAfter, view.troubleAfter);
    planned.troubleAfter = view.troubleAfter;
    // What was read last says nothing of the time in which nobody reads.
    if (view.troubleAfter === undefined) for (const each of connection.subflows) each.progress = undefined;
    const read: ReadPlan<Plan> | undefined = plan === undefined ? undefined : readPlan(plan);
    if (read?.fault !== undefined) this.#say(planned.plugin, read.fault);
    else if (read) {
      const { subflows = [], announce = [] } = read.plan;
      if (read.cut)
        this.#say(
          planned.plugin,
          `a list is longer than ${MOST_WANTED}`,
          'of a plan that is too long the first ones count',
        );
      planned.pairs = mergePairs(planned.pairs, subflows, now);
      planned.announcements = mergeAnnouncements(planned.announcements, announce, now);
      carryOver(planned);
      planned.said = true;
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

  #readHeld(connection: ConnectionRecord, planned: Planned): void {
    this.#send({ name: 'listAddresses', args: { token: planned.token } }, (listed, now) => {
      planned.unread = false;
      if (listed.ok) takeOver(connection, planned, listed.value as readonly HeldAddress[], now);
      planned.foreign ||= saysForeign(listed);
      this.#queue.add(planned.token);
    });
  }

  /** Holds a connection against its plan, and does what is missing. */
  #reconcile(connection: ConnectionRecord, planned: Planned, now: number): void {
    const around = this.#around(now);
    // What is refused at once sets a time of its own.
    this.#agenda.set(connection.token, Number.POSITIVE_INFINITY);
    const triesAt = this.#subflows.link(connection, planned, around);
    const signalsAt = this.#announcer.withdraw(connection, planned, now, this.settings);
    this.#subflows.drop(connection, planned, around);
    const pairsAt = this.#subflows.create(connection, planned, around);
    this.#subflows.mendBackup(connection, planned, this.settings);
    const announceAt = this.#announcer.announce(connection, planned, now, this.settings);
    this.#again(connection.token, Math.min(planned.askAt, triesAt, signalsAt, pairsAt, announceAt));
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

  #checkForeign(planned: Planned): void {
    this.#send({ name: 'listAddresses', args: { token: planned.token } }, (listed) => {
      planned.foreign ||= saysForeign(listed);
    });
  }

  #send(command: Command, answered: Parameters<Order>[1]): void {
    const effect = this.#order(command, answered);
    if (effect) this.#out.push(effect);
  }

  #say(
    plugin: string,
    fault: string,
    message = 'the plan of a plugin is wrong: what it wanted before still counts',
  ): void {
    if (this.#faults.has(`${plugin} ${fault}`) || this.#faults.size >= MOST_FAULTS) return;
    this.#faults.add(`${plugin} ${fault}`);
    this.#out.push({ type: 'log', level: 'error', message, fields: { plugin, error: fault } });
  }
}

/** The kernel lists what it holds for connections of the userspace path manager alone. */
const saysForeign = (listed: Outcome<unknown>): boolean => !listed.ok && listed.error.errno === 'EINVAL';

/** For a connection that others may have done something for. */
const unread = (token: Token, plugin: string): Planned => ({ ...newPlanned(token, plugin), unread: true });
