/**
 * Whatever decides, lives in this room. No clock, no socket, no await, no plugin's code: it is given inputs, one at a
 * time, and answers with the effects that the daemon performs.
 */
import { both } from './both.ts';
import { byFavour } from './by-favour.ts';
import { type ConnectionRecord, ConnectionTable, isAt } from './connection-table.ts';
import type { CoreOptions, Effect, Input, PluginFacts } from './core-types.ts';
import type { Connection } from './model/connection.ts';
import type { ConnectionEvent, PmEvent } from './model/events.ts';
import type { HookName } from './model/hooks.ts';
import type { Token } from './model/ids.ts';
import type { Interface, LocalAddress, NetworkInput } from './model/network.ts';
import { Network, type NetworkChange } from './network.ts';
import type { Explanation } from './plan/explain.ts';
import { Keepers } from './plan/keepers.ts';
import { type Order, Planner } from './plan/planner.ts';
import { readsOf } from './plan/reads-of.ts';
import { planDefaults } from './plan/settings.ts';
import { type FoundConnection, missedEvents } from './recovery.ts';
import { Requests } from './requests.ts';
import { ToldEnds } from './told-ends.ts';
import { inWords, showEnd, showEnds, showSides, traced, whyClosed } from './trail.ts';

const NOTHING: readonly Effect[] = [];

export class Core {
  readonly #plugins: readonly PluginFacts[];
  readonly #byName = new Map<string, PluginFacts>();
  readonly #owner: PluginFacts | undefined;
  readonly #connections = new ConnectionTable();
  readonly #network: Network;
  readonly #requests: Requests;
  readonly #planner: Planner;
  readonly #keepers: Keepers;
  #trail = false;
  #now = 0;
  /** Somebody has been asked to come back with `more`. */
  #moreAsked = false;
  readonly #toldEnds = new ToldEnds();
  #wakeAt: number | undefined;

  constructor(options: CoreOptions) {
    this.#plugins = byFavour(options.plugins);
    for (const plugin of this.#plugins) this.#byName.set(plugin.name, plugin);
    this.#owner = options.pathManager === undefined ? this.#plugins[0] : this.#byName.get(options.pathManager);
    this.#network = new Network(options.notifyFlags);
    this.#requests = new Requests(this.#connections);
    const settings = options.planSettings ?? planDefaults;
    const order: Order = (command, answered) => this.#requests.order(command, answered, this.#now);
    this.#planner = new Planner(settings, this.#connections, this.#network, order);
    this.#keepers = new Keepers(this.#network, order);
  }

  /** Whether a line is logged for each thing that happens to a connection: it costs nothing where nobody reads it. */
  get trail(): boolean {
    return this.#trail;
  }
  set trail(on: boolean) {
    this.#trail = on;
    this.#planner.trail = on;
  }

  /** The plugins in the order in which they hear of the network: the most favoured first. */
  get plugins(): readonly PluginFacts[] {
    return this.#plugins;
  }
  get connections(): Iterable<Connection> {
    return this.#connections.values();
  }
  get connectionCount(): number {
    return this.#connections.size;
  }
  connection(token: Token): Connection | undefined {
    return this.#connections.get(token);
  }
  get interfaces(): readonly Interface[] {
    return this.#network.interfaces;
  }
  get addresses(): readonly LocalAddress[] {
    return this.#network.addresses;
  }

  /** How many connections, and sets of endpoints, wait to be held against their plans. */
  get waiting(): number {
    return this.#planner.waiting + this.#keepers.waiting;
  }

  /** Whether a command of an effect is still to be sent: since then it may have become known that it is in vain. */
  awaits(id: number): boolean {
    return this.#requests.awaits(id);
  }

  /** Whether the plan of a connection asks how its subflows get on. */
  watchesProgress(token: Token): boolean {
    return this.#connections.get(token)?.planned?.troubleAfter !== undefined;
  }

  /** Why a connection has the subflows that it has; undefined where there is none of that token. */
  explain(token: Token, now: number): Explanation | undefined {
    const connection = this.#connections.get(token);
    return connection && this.#planner.explain(connection, now);
  }

  /** Takes in one input; the effects are to be performed in order. */
  handle(input: Input, now: number): readonly Effect[] {
    this.#now = now;
    const effects = this.#handle(input, now);
    const wake = this.#wake();
    const more = this.#more();
    if (!wake && !more) return effects;
    return [...effects, ...(wake ? [wake] : []), ...(more ? [more] : [])];
  }

  #handle(input: Input, now: number): readonly Effect[] {
    switch (input.type) {
      case 'connectionCreated':
        return this.#created(input);
      case 'connectionEstablished':
        return this.#established(input);
      case 'link':
      case 'linkGone':
      case 'address':
      case 'addressGone':
      case 'network':
      case 'routes':
      case 'routeChecked':
        return this.#networkChanged(input, now);
      case 'timer':
        this.#wakeAt = undefined;
        this.#planner.due(now);
        return both(this.#checkRoutes(now), this.#planner.take());
      case 'listenerCreated':
      case 'listenerClosed':
        return this.#callAll(input.type, { ip: input.localIp, port: input.localPort });
      case 'command':
        return this.#requests.command(input.id, input.command);
      case 'reply':
        return both(this.#requests.reply(input.id, input.outcome, now), this.#takeOrders());
      case 'notifyFlags':
        return [...this.#tellNetwork(this.#network.setFlags(input.flags, now)), ...this.#checkRoutes(now)];
      case 'planSettings':
        this.#planner.settings = input.settings;
        this.#planner.networkChanged(0);
        return NOTHING;
      case 'planned':
        return this.#planner.planned(input.token, input.view, input.plan, now);
      case 'endpointsPlanned':
        this.#keepers.planned(input.plugin, input.plan);
        return this.#keepers.take();
      case 'end':
        this.#keepers.end(input.plugin, input.stopping);
        return this.#keepers.take();
      case 'more':
        this.#moreAsked = false;
        return this.#nextOfWaiting(now);
      case 'drops':
        this.#planner.drops(input.count, now);
        return NOTHING;
      case 'progress':
        this.#planner.progress(input.samples, now);
        return NOTHING;
      case 'introduce':
        return this.#introduce(input.plugin);
      case 'connections':
        return this.#recover(input.found);
      case 'vanished':
        return this.#connectionEvent({ type: 'connectionClosed', token: input.token });
      case 'lost':
        return [
          {
            type: 'log',
            level: 'warn',
            message: 'events were lost',
            fields: { source: input.source, count: input.count },
          },
          { type: 'reread', source: input.source },
        ];
      default:
        return this.#connectionEvent(input);
    }
  }

  #created(event: ConnectionEvent): readonly Effect[] {
    // A token that comes again belongs to a new connection: the end of the old one was lost.
    const stale = this.#connections.get(event.token);
    // It was found before its event was read.
    if (stale && isAt(stale, event)) return this.#learnDeny(stale, event);
    const closed = stale ? this.#closed(stale) : NOTHING;
    const connection = this.#connections.create(event, this.#owner?.name);
    const created = this.#callOwner(connection, 'connectionCreated', connection);
    const logged = this.trail ? traced(connection, 'connection created', showSides(connection), created) : created;
    return closed.length > 0 ? [...closed, ...logged] : logged;
  }

  /** For a short connection ESTABLISHED may come after CLOSED: a token that is not known stays so. */
  #established(event: ConnectionEvent): readonly Effect[] {
    const connection = this.#connections.get(event.token);
    if (connection?.state !== 'created') return connection ? this.#learnDeny(connection, event) : NOTHING;
    connection.state = 'established';
    connection.denyJoinId0 = event.denyJoinId0;
    const { owner } = connection;
    const plan = owner !== undefined && this.#byName.get(owner)?.plans;
    const begun = plan ? this.#planner.begin(connection, owner, this.#now) : NOTHING;
    const calls = both(this.#callOwner(connection, 'connectionEstablished', connection), begun);
    return this.trail ? traced(connection, 'connection established', showSides(connection), calls) : calls;
  }

  /** Of a connection that was found only its events tell this. */
  #learnDeny(connection: ConnectionRecord, { denyJoinId0 }: ConnectionEvent): readonly Effect[] {
    if (connection.denyJoinId0 === denyJoinId0) return NOTHING;
    connection.denyJoinId0 = denyJoinId0;
    return this.#planner.remotesChanged(connection, undefined, this.#now);
  }

  /** Holds what is known against what there is. Plans are asked one at a time: there may be thousands. */
  #recover(found: readonly FoundConnection[]): readonly Effect[] {
    const effects: Effect[] = [];
    this.#toldEnds.clear();
    for (const event of missedEvents(this.#connections, found)) {
      effects.push(...this.#handle(event, this.#now));
      if (event.type === 'subflowClosed') this.#toldEnds.note(event);
    }
    for (const each of found) {
      if (this.#connections.get(each.token)) continue;
      const connection = this.#connections.adopt(each, this.#owner?.name);
      if (this.trail) effects.push(...traced(connection, 'connection found', showSides(connection), NOTHING));
      effects.push(...this.#callOwner(connection, 'connectionCreated', connection));
      if (connection.state !== 'established') continue;
      effects.push(...this.#callOwner(connection, 'connectionEstablished', connection));
      if (this.#owner?.plans) this.#planner.recover(connection, this.#owner.name);
    }
    return effects;
  }

  #closed(connection: ConnectionRecord): readonly Effect[] {
    this.#connections.close(connection);
    const ended = this.#planner.end(connection);
    const calls = both(ended, this.#callOwner(connection, 'connectionClosed', connection));
    const effects = this.trail ? traced(connection, 'connection closed', {}, calls) : calls;
    return connection.listens ? [{ type: 'unlisten', token: connection.token }, ...effects] : effects;
  }

  #connectionEvent(
    event: Exclude<PmEvent, ConnectionEvent | { type: 'listenerCreated' | 'listenerClosed' }>,
  ): readonly Effect[] {
    const connection = this.#connections.get(event.token);
    if (!connection) return NOTHING;
    switch (event.type) {
      case 'connectionClosed':
        return this.#closed(connection);
      case 'addressAnnounced': {
        const address = this.#connections.announced(connection, event);
        if (address) return this.#remoteAddress(connection, event.type, address);
        const { remoteIp: ip, remotePort: port } = event;
        return this.#planner.announcedAgain(connection, { ip, port }, this.#now);
      }
      case 'addressRemoved': {
        const address = this.#connections.withdrawn(connection, event);
        return address ? this.#remoteAddress(connection, event.type, address) : NOTHING;
      }
      default: {
        const mayBeTold = event.type === 'subflowClosed' && this.#toldEnds.size > 0;
        if (mayBeTold && !this.#connections.knows(connection, event) && this.#toldEnds.take(event)) return NOTHING;
        const { subflow, was } = this.#connections.apply(connection, event);
        if (event.type === 'subflowEstablished' && was === 'established') return NOTHING;
        const planned = this.#planner.subflowChanged(connection, subflow, was, this.#now);
        const calls = both(this.#callOwner(connection, event.type, subflow), planned);
        if (!this.trail) return calls;
        const because = event.type === 'subflowClosed' ? { because: whyClosed(subflow) } : {};
        const fields = { ...showEnds(subflow), backup: subflow.backup || undefined, ...because };
        return traced(connection, inWords(event.type), fields, calls);
      }
    }
  }

  #remoteAddress(
    connection: ConnectionRecord,
    hook: 'addressAnnounced' | 'addressRemoved',
    address: Connection['remote'],
  ): readonly Effect[] {
    const payload = { token: connection.token, connection, address };
    const planned = this.#planner.remotesChanged(connection, address, this.#now);
    const calls = both(this.#callOwner(connection, hook, payload), planned);
    if (!this.trail) return calls;
    const message = hook === 'addressAnnounced' ? 'the peer announced an address' : 'the peer removed an address';
    return traced(connection, message, { id: address.id, address: showEnd(address) }, calls);
  }

  #networkChanged(input: NetworkInput, now: number): readonly Effect[] {
    if (input.type === 'routes' || input.type === 'linkGone') this.#planner.routesChanged(now);
    if (input.type === 'network') this.#touchEndpoints();
    const effects = this.#tellNetwork(this.#network.apply(input, now));
    const { waitedInVain } = this.#network;
    if (waitedInVain) {
      const message = 'no default route came for this address: it is used once one does';
      effects.push({ type: 'log', level: 'info', message, fields: this.#describe(waitedInVain) });
    }
    effects.push(...this.#checkRoutes(now));
    return effects;
  }

  #tellNetwork(changes: readonly NetworkChange[]): Effect[] {
    const effects: Effect[] = [];
    // What plugins do not hear of may have gone: subflows from there can do no more.
    const moved = this.#network.takeAliveChanged();
    if (moved || changes.length > 0) this.#planner.networkChanged(readsOf(changes));
    if (changes.length > 0) this.#touchEndpoints();
    // With an address come routes, also for packets from others.
    if (changes.some(({ hook }) => hook === 'localAddressAdded')) this.#planner.routesChanged(this.#now);
    for (const change of changes) {
      const { hook, payload } = change;
      const level = 'interface' in change ? 'info' : 'debug';
      const more = 'interface' in change ? { interface: change.interface, because: change.because } : {};
      const fields = { ...this.#describe(payload), ...more };
      effects.push({ type: 'log', level, message: inWords(hook), fields });
      effects.push(...this.#callAll(hook, payload));
    }
    for (const { address, because } of this.#network.takeHidden()) {
      const fields = { ...this.#describe(address), because };
      effects.push({ type: 'log', level: 'debug', message: 'local address hidden from plugins', fields });
    }
    return effects;
  }

  /** All there is, for a plugin that has heard of nothing yet. */
  #introduce(plugin: string): readonly Effect[] {
    const { hooks, plans, endpoints } = this.#byName.get(plugin) ?? {};
    const calls: Effect[] = [];
    const call = (hook: HookName, payload: unknown, lane: Token | 0): void => {
      if (hooks?.has(hook)) calls.push({ type: 'call', plugin, hook, payload, lane } as Effect);
    };
    for (const each of this.interfaces) call('interfaceAdded', each, 0);
    for (const each of this.addresses) call('localAddressAdded', each, 0);
    for (const each of this.#connections.values()) {
      if (each.owner !== plugin) continue;
      call('connectionCreated', each, each.token);
      if (each.state === 'established') call('connectionEstablished', each, each.token);
    }
    if (plans) this.#planner.askAll(plugin, this.#now);
    if (endpoints) this.#keepers.touch(plugin);
    return calls;
  }

  /** The lookups that are due. */
  #checkRoutes(now: number): readonly Effect[] {
    return this.#network.routesToCheck(now).map((address) => ({ type: 'checkRoute', address }));
  }

  /** When to come back, if that is earlier than what was asked for. */
  #wake(): Effect | undefined {
    const next = earlier(this.#network.nextRouteCheck, this.#planner.next);
    if (next === undefined || (this.#wakeAt !== undefined && next >= this.#wakeAt)) return undefined;
    this.#wakeAt = next;
    return { type: 'wake', at: next };
  }

  #touchEndpoints(): void {
    for (const { name, endpoints } of this.#plugins) if (endpoints) this.#keepers.touch(name);
  }

  #nextOfWaiting(now: number): readonly Effect[] {
    const asked = this.#keepers.more();
    return asked ? [asked] : this.#planner.more(now);
  }

  /** What plans have ordered meanwhile. */
  #takeOrders(): readonly Effect[] {
    return both(this.#planner.take(), this.#keepers.take());
  }

  #more(): Effect | undefined {
    if (this.#moreAsked || this.waiting === 0) return undefined;
    this.#moreAsked = true;
    return { type: 'more' };
  }

  #describe(thing: Interface | LocalAddress): Readonly<Record<string, unknown>> {
    if ('index' in thing) return { interface: thing.name, up: thing.up, running: thing.running };
    const link = this.#network.interfaces.find((each) => each.index === thing.ifIndex);
    return { address: `${thing.ip}/${thing.prefixLength}`, interface: link?.name ?? thing.ifIndex };
  }

  #callOwner(connection: ConnectionRecord, hook: HookName, payload: unknown): readonly Effect[] {
    const { owner } = connection;
    if (owner === undefined || !this.#byName.get(owner)?.hooks.has(hook)) return NOTHING;
    return [{ type: 'call', plugin: owner, hook, payload, lane: connection.token } as Effect];
  }

  #callAll(hook: HookName, payload: unknown): readonly Effect[] {
    return this.#plugins
      .filter((plugin) => plugin.hooks.has(hook))
      .map((plugin) => ({ type: 'call', plugin: plugin.name, hook, payload, lane: 0 }) as Effect);
  }
}

const earlier = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b);
