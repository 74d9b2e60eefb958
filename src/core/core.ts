/**
 * Whatever decides, lives in this room. No clock, no socket, no await, no plugin's code: it is given inputs, one at a
 * time, and answers with the effects that the daemon performs.
 */
import { complete, prepare, undo, withHeldId } from './commands.ts';
import { type ConnectionRecord, ConnectionTable } from './connection-table.ts';
import type { CoreOptions, Effect, Input, PluginFacts } from './core-types.ts';
import type { Command, HeldAddress, Outcome } from './model/commands.ts';
import type { Connection } from './model/connection.ts';
import type { ConnectionEvent, PmEvent } from './model/events.ts';
import type { HookName } from './model/hooks.ts';
import { formatToken, type Token } from './model/ids.ts';
import type { Interface, LocalAddress, NetworkInput } from './model/network.ts';
import { Network, type NetworkChange } from './network.ts';
import { showEnd, showEnds, whyClosed } from './trail.ts';

const NOTHING: readonly Effect[] = [];

/** A command that the kernel has not answered yet. */
interface Sent {
  readonly command: Command;
  /** Its address id was chosen here. */
  readonly chosen: boolean;
  /** It asks under which id the kernel knows an address, for a command that was refused. */
  readonly onBehalf?: { readonly id: number; readonly command: Command; readonly refusal: Outcome<unknown> };
}

export class Core {
  readonly #plugins: readonly PluginFacts[];
  readonly #byName = new Map<string, PluginFacts>();
  readonly #owner: PluginFacts | undefined;
  readonly #connections = new ConnectionTable();
  readonly #network: Network;
  readonly #sent = new Map<number, Sent>();
  /** Ids of the core's own requests count down; those of plugins' commands count up. */
  #ownRequests = 0;
  /** Whether a line is logged for each thing that happens to a connection: it costs nothing where nobody reads it. */
  trail = false;
  #wakeAt: number | undefined;

  constructor(options: CoreOptions) {
    this.#plugins = byFavour(options.plugins);
    for (const plugin of this.#plugins) this.#byName.set(plugin.name, plugin);
    this.#owner = options.pathManager === undefined ? this.#plugins[0] : this.#byName.get(options.pathManager);
    this.#network = new Network(options.notifyFlags);
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

  /** Takes in one input; the effects are to be performed in order. */
  handle(input: Input, now: number): readonly Effect[] {
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
        return this.#checkRoutes(now);
      case 'listenerCreated':
      case 'listenerClosed':
        return this.#callAll(input.type, { ip: input.localIp, port: input.localPort });
      case 'command':
        return this.#command(input.id, input.command);
      case 'reply':
        return this.#reply(input.id, input.outcome);
      case 'notifyFlags':
        return [...this.#tellNetwork(this.#network.setFlags(input.flags, now)), ...this.#checkRoutes(now)];
      case 'introduce':
        return this.#introduce(input.plugin);
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
    const closed = stale ? this.#closed(stale) : NOTHING;
    const connection = this.#connections.create(event, this.#owner?.name);
    const created = this.#callOwner(connection, 'connectionCreated', connection);
    const logged = this.trail ? this.#log(connection, 'connection created', this.#ends(connection), created) : created;
    return closed.length > 0 ? [...closed, ...logged] : logged;
  }

  /** For a short connection ESTABLISHED may come after CLOSED: a token that is not known stays so. */
  #established(event: ConnectionEvent): readonly Effect[] {
    const connection = this.#connections.get(event.token);
    if (connection?.state !== 'created') return NOTHING;
    connection.state = 'established';
    connection.denyJoinId0 = event.denyJoinId0;
    const calls = this.#callOwner(connection, 'connectionEstablished', connection);
    return this.trail ? this.#log(connection, 'connection established', this.#ends(connection), calls) : calls;
  }

  #closed(connection: ConnectionRecord): readonly Effect[] {
    this.#connections.close(connection);
    const calls = this.#callOwner(connection, 'connectionClosed', connection);
    const effects = this.trail ? this.#log(connection, 'connection closed', {}, calls) : calls;
    return connection.listens ? [{ type: 'unlisten', token: connection.token }, ...effects] : effects;
  }

  #ends(connection: ConnectionRecord): Readonly<Record<string, unknown>> {
    return { side: connection.serverSide ? 'server' : 'client', ...showEnds(connection) };
  }

  /** Puts a line of the trail before other effects. */
  #log(
    { token }: ConnectionRecord,
    message: string,
    fields: Readonly<Record<string, unknown>>,
    effects: readonly Effect[],
  ): readonly Effect[] {
    return [{ type: 'log', level: 'debug', message, fields: { token: formatToken(token), ...fields } }, ...effects];
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
        return address ? this.#remoteAddress(connection, event.type, address) : NOTHING;
      }
      case 'addressRemoved': {
        const address = this.#connections.withdrawn(connection, event);
        return address ? this.#remoteAddress(connection, event.type, address) : NOTHING;
      }
      default: {
        const subflow = this.#connections.apply(connection, event);
        const calls = this.#callOwner(connection, event.type, subflow);
        if (!this.trail) return calls;
        const because = event.type === 'subflowClosed' ? { because: whyClosed(subflow) } : {};
        const fields = { ...showEnds(subflow), backup: subflow.backup || undefined, ...because };
        return this.#log(connection, inWords(event.type), fields, calls);
      }
    }
  }

  #remoteAddress(
    connection: ConnectionRecord,
    hook: 'addressAnnounced' | 'addressRemoved',
    address: Connection['remote'],
  ): readonly Effect[] {
    const calls = this.#callOwner(connection, hook, { token: connection.token, connection, address });
    if (!this.trail) return calls;
    const message = hook === 'addressAnnounced' ? 'the peer announced an address' : 'the peer removed an address';
    return this.#log(connection, message, { id: address.id, address: showEnd(address) }, calls);
  }

  #networkChanged(input: NetworkInput, now: number): readonly Effect[] {
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
    const hooks = this.#byName.get(plugin)?.hooks;
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
    return calls;
  }

  /** The lookups that are due, and when to come back for the next. */
  #checkRoutes(now: number): readonly Effect[] {
    const effects: Effect[] = this.#network.routesToCheck(now).map((address) => ({ type: 'checkRoute', address }));
    const next = this.#network.nextRouteCheck;
    if (next !== undefined && (this.#wakeAt === undefined || next < this.#wakeAt)) {
      this.#wakeAt = next;
      effects.push({ type: 'wake', at: next });
    }
    return effects;
  }

  #describe(thing: Interface | LocalAddress): Readonly<Record<string, unknown>> {
    if ('index' in thing) return { interface: thing.name, up: thing.up, running: thing.running };
    const link = this.#network.interfaces.find((each) => each.index === thing.ifIndex);
    return { address: `${thing.ip}/${thing.prefixLength}`, interface: link?.name ?? thing.ifIndex };
  }

  #command(id: number, command: Command): readonly Effect[] {
    const prepared = prepare(this.#connections, command);
    if (!prepared.ok) return [{ type: 'settle', id, outcome: prepared }];
    this.#sent.set(id, { command: prepared.command, chosen: prepared.chosen === true });
    return [{ type: 'send', id, command: prepared.command }];
  }

  #reply(id: number, outcome: Outcome<unknown>): readonly Effect[] {
    const sent = this.#sent.get(id);
    if (!sent) return NOTHING;
    this.#sent.delete(id);
    const { command, chosen, onBehalf } = sent;
    if (onBehalf) return this.#tryHeldId(onBehalf, outcome);
    if (outcome.ok || !chosen || outcome.error.errno !== 'EINVAL') return this.#settle(id, command, outcome);
    // The kernel may have given the address an id of its own, for a join that failed or before mptcpd was there
    // (net/mptcp/pm_userspace.c): it refuses any other. Ask it, and try once more.
    const own = --this.#ownRequests;
    const { token } = command.args as { token: Token };
    const list: Command = { name: 'listAddresses', args: { token } };
    this.#sent.set(own, { command: list, chosen: false, onBehalf: { id, command, refusal: outcome } });
    return [{ type: 'send', id: own, command: list }];
  }

  #tryHeldId({ id, command, refusal }: NonNullable<Sent['onBehalf']>, listed: Outcome<unknown>): readonly Effect[] {
    const held = listed.ok ? (listed.value as readonly HeldAddress[]) : [];
    const again = withHeldId(this.#connections, command, held);
    if (!again) return this.#settle(id, command, refusal);
    this.#sent.set(id, { command: again, chosen: false });
    return [{ type: 'send', id, command: again }];
  }

  #settle(id: number, command: Command, outcome: Outcome<unknown>): readonly Effect[] {
    if (!outcome.ok) undo(this.#connections, command);
    return [{ type: 'settle', id, outcome: complete(this.#connections, command, outcome) }];
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

/** The lower the number the more favoured; the name breaks a tie. */
function byFavour(plugins: readonly PluginFacts[]): readonly PluginFacts[] {
  return [...plugins].sort((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1));
}

/** The name of a hook as people would say it: `local address added`. */
const inWords = (hook: string): string => hook.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
