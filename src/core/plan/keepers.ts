import type { Effect } from '../core-types.ts';
import type { EndpointsPlan } from '../model/plan.ts';
import type { Network } from '../network.ts';
import { faultOfEndpoints } from './check.ts';
import { EndpointsKeeper } from './endpoints-keeper.ts';
import type { Order } from './planner.ts';

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
    const fault = faultOfEndpoints(plan);
    if (fault === undefined) this.#keepers.get(plugin)?.follow(plan as EndpointsPlan);
    else if (!this.#faults.has(`${plugin} ${fault}`)) {
      this.#faults.add(`${plugin} ${fault}`);
      const message = 'the endpoints that a plugin wants are wrong: what it wanted before still counts';
      this.#out.push({ type: 'log', level: 'error', message, fields: { plugin, error: fault } });
    }
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
