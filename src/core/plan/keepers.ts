import type { Effect } from '../core-types.ts';
import type { Network } from '../network.ts';
import { MOST_WANTED, readEndpointsPlan } from './check.ts';
import { EndpointsKeeper } from './endpoints-keeper.ts';
import { MOST_FAULTS, type Order } from './planner.ts';

/** The plugins that say what endpoints the kernel's path manager is to have. */
export class Keepers {
  readonly #keepers = new Map<string, EndpointsKeeper>();
  readonly #network: Network;
  readonly #order: Order;
  readonly #faults = new Set<string>();
  #out: Effect[] = [];

  constructor(network: Network, order: Order) {
    this.#network = network;
    this.#order = order;
  }

  /** How many are to be asked again. */
  get waiting(): number {
    let count = 0;
    for (const { stale } of this.#keepers.values()) if (stale) count++;
    return count;
  }

  /** What a plugin says may have changed. */
  touch(plugin: string): void {
    const keeper = this.#keepers.get(plugin) ?? this.#make(plugin);
    keeper.stale = true;
  }

  /** Asks the next one of those that are to be asked again; undefined where none is. */
  more(): Effect | undefined {
    for (const [plugin, keeper] of this.#keepers) {
      if (!keeper.stale) continue;
      keeper.stale = false;
      const { interfaces, addresses } = this.#network;
      return { type: 'endpoints', plugin, view: { interfaces, addresses } };
    }
    return undefined;
  }

  /** A plugin has answered; undefined where it failed: what it wanted before still counts. */
  planned(plugin: string, plan: unknown): void {
    if (plan === undefined) return;
    const read = readEndpointsPlan(plan);
    if (read.fault !== undefined) {
      this.#say(plugin, read.fault, 'the endpoints that a plugin wants are wrong: what it wanted before still counts');
      return;
    }
    if (read.cut) {
      this.#say(
        plugin,
        `the list is longer than ${MOST_WANTED}`,
        'of endpoints that are too many the first ones count',
      );
    }
    this.#keepers.get(plugin)?.follow(read.plan);
  }

  /** A plugin ends: because the daemon does, or to be set up anew. */
  end(plugin: string, stopping: boolean): void {
    this.#keepers.get(plugin)?.end(stopping);
    this.#keepers.delete(plugin);
  }

  /** What is to be done, since this was asked last. */
  take(): readonly Effect[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  /** Once each. */
  #say(plugin: string, fault: string, message: string): void {
    if (this.#faults.has(`${plugin} ${fault}`) || this.#faults.size >= MOST_FAULTS) return;
    this.#faults.add(`${plugin} ${fault}`);
    this.#out.push({ type: 'log', level: 'error', message, fields: { plugin, error: fault } });
  }

  #make(plugin: string): EndpointsKeeper {
    const keeper = new EndpointsKeeper({
      send: (command, answered) => {
        const effect = this.#order(command, answered);
        if (effect) this.#out.push(effect);
      },
      say: (level, message, fields) =>
        void this.#out.push({ type: 'log', level, message, fields: { plugin, ...fields } }),
    });
    this.#keepers.set(plugin, keeper);
    return keeper;
  }
}
