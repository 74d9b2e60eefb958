/**
 * Whatever decides, lives in this room. No clock, no socket, no await, no plugin's code: it is given inputs, one at a
 * time, and answers with the effects that the daemon performs.
 */
import { complete, prepare, undo } from './commands.ts';
import { type ConnectionRecord, ConnectionTable } from './connection-table.ts';
import type { CoreOptions, Effect, Input, PluginFacts } from './core-types.ts';
import type { Command, Outcome } from './model/commands.ts';
import type { Connection } from './model/connection.ts';
import type { ConnectionEvent, PmEvent } from './model/events.ts';
import type { HookName } from './model/hooks.ts';
import type { Token } from './model/ids.ts';
import type { Interface, LocalAddress, NetworkInput } from './model/network.ts';
import { Network } from './network.ts';

const NOTHING: readonly Effect[] = [];

export class Core {
  readonly #plugins: readonly PluginFacts[];
  readonly #byName = new Map<string, PluginFacts>();
  readonly #owner: PluginFacts | undefined;
  readonly #connections = new ConnectionTable();
  readonly #network: Network;
  /** Commands that the kernel has not answered yet. */
  readonly #sent = new Map<number, Command>();
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
    return closed.length > 0 ? [...closed, ...created] : created;
  }

  /** For a short connection ESTABLISHED may come after CLOSED: a token that is not known stays so. */
  #established(event: ConnectionEvent): readonly Effect[] {
    const connection = this.#connections.get(event.token);
    if (connection?.state !== 'created') return NOTHING;
    connection.state = 'established';
    connection.denyJoinId0 = event.denyJoinId0;
    return this.#callOwner(connection, 'connectionEstablished', connection);
  }

  #closed(connection: ConnectionRecord): readonly Effect[] {
    this.#connections.close(connection);
    return this.#callOwner(connection, 'connectionClosed', connection);
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
        return this.#callOwner(connection, event.type, subflow);
      }
    }
  }

  #remoteAddress(
    connection: ConnectionRecord,
    hook: 'addressAnnounced' | 'addressRemoved',
    address: Connection['remote'],
  ): readonly Effect[] {
    return this.#callOwner(connection, hook, { token: connection.token, connection, address });
  }

  #networkChanged(input: NetworkInput, now: number): readonly Effect[] {
    const effects: Effect[] = [];
    for (const { hook, payload } of this.#network.apply(input, now)) {
      const message = hook.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
      const level = hook.startsWith('localAddress') ? 'info' : 'debug';
      effects.push({ type: 'log', level, message, fields: this.#describe(payload) });
      effects.push(...this.#callAll(hook, payload));
    }
    if (input.type === 'address') {
      const hidden = this.#network.hidden(input.address);
      const fields = { ...this.#describe(input.address), because: hidden };
      if (hidden) effects.push({ type: 'log', level: 'debug', message: 'local address hidden from plugins', fields });
    }
    const { waitedInVain } = this.#network;
    if (waitedInVain) {
      const message = 'no default route came for this address: it is used once one does';
      effects.push({ type: 'log', level: 'info', message, fields: this.#describe(waitedInVain) });
    }
    effects.push(...this.#checkRoutes(now));
    return effects;
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
    this.#sent.set(id, prepared.command);
    return [{ type: 'send', id, command: prepared.command }];
  }

  #reply(id: number, outcome: Outcome<unknown>): readonly Effect[] {
    const command = this.#sent.get(id);
    if (!command) return NOTHING;
    this.#sent.delete(id);
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
