import type { Command, EndpointFlag, HeldAddress, Limits, Outcome } from '../model/commands.ts';
import type { EndpointsPlan, WantedEndpoint } from '../model/plan.ts';
import { type EndpointStep, endpointKey, endpointSteps, endpointsToRemove, MOST_ENDPOINTS } from './endpoints-diff.ts';
import { SharedLimits } from './shared-limits.ts';

/** How a keeper acts: it asks the kernel, and says what people may want to know. */
export interface KeeperActions {
  send(command: Command, answered: (outcome: Outcome<unknown>) => void): void;
  say(level: 'debug' | 'warn', message: string, fields: Readonly<Record<string, unknown>>): void;
}

/** Holds the kernel's endpoints and limits against what one plugin wants. What others made is left alone. */
export class EndpointsKeeper {
  /** The plan is to be asked for. */
  stale = true;
  readonly #actions: KeeperActions;
  readonly #limits = new SharedLimits();
  /** The endpoints that were made or taken up here, by key, with the flags that they were to have. */
  readonly #own = new Map<string, readonly EndpointFlag[]>();
  /** The endpoints of which the log has said why they are not there. */
  readonly #explained = new Set<string>();
  #plan: EndpointsPlan = { endpoints: [] };
  #toldOfMax = false;

  constructor(actions: KeeperActions) {
    this.#actions = actions;
  }

  /** Holds the kernel against a plan. */
  follow(plan: EndpointsPlan): void {
    this.#plan = plan;
    this.#mend(plan.endpoints, plan.limits);
  }

  /** The plugin ends: all is left as others want it, unless the plan said otherwise. */
  end(stopping: boolean): void {
    if (stopping && this.#plan.keepAtExit) return;
    this.#mend([], undefined);
  }

  #mend(wanted: readonly WantedEndpoint[], limits: Partial<Limits> | undefined): void {
    const keys = new Set(wanted.map(endpointKey));
    for (const key of this.#explained) if (!keys.has(key)) this.#explained.delete(key);
    this.#actions.send({ name: 'listEndpoints', args: undefined }, (listed) => {
      if (listed.ok) this.#remove(listed.value as readonly HeldAddress[], wanted);
    });
    this.#actions.send({ name: 'getLimits', args: undefined }, (read) => {
      if (read.ok) this.#setLimits(read.value as Limits, limits);
    });
  }

  #remove(held: readonly HeldAddress[], wanted: readonly WantedEndpoint[]): void {
    const left = [...held];
    const going = endpointsToRemove(held, wanted, this.#own);
    let waiting = going.length;
    const done = (): void => {
      if (waiting === 0) this.#add(left, wanted);
    };
    for (const endpoint of going) {
      this.#actions.send({ name: 'removeEndpoint', args: { id: endpoint.id } }, ({ ok }) => {
        if (ok) left.splice(left.indexOf(endpoint), 1);
        waiting--;
        done();
      });
    }
    const keys = new Set(wanted.map(endpointKey));
    for (const key of this.#own.keys()) if (!keys.has(key)) this.#own.delete(key);
    if (going.length === 0) done();
  }

  #add(held: readonly HeldAddress[], wanted: readonly WantedEndpoint[]): void {
    const steps = endpointSteps(held, wanted, this.#own);
    for (const step of steps) this.#do(step);
    const waiting = steps.filter(({ type }) => type === 'wait').map((step) => step.wanted.ip);
    if (waiting.length === 0 || this.#toldOfMax) return;
    this.#toldOfMax = true;
    const most = `the kernel takes ${MOST_ENDPOINTS} endpoints: further addresses wait until one of them goes`;
    this.#actions.say('warn', most, { waiting });
  }

  #do(step: EndpointStep): void {
    const { wanted } = step;
    const { ip, ifIndex, port, flags } = wanted;
    const key = endpointKey(wanted);
    switch (step.type) {
      case 'keep':
        this.#own.set(key, flags);
        break;
      case 'leave': {
        this.#own.delete(key);
        const whose = this.#own.has(endpointKey(step.held))
          ? 'another interface has it too'
          : 'it has an endpoint of somebody else';
        this.#explain('debug', wanted, { id: step.held.id }, `no endpoint for this address: ${whose}`);
        break;
      }
      case 'add': {
        const { id } = step;
        const args = {
          ip,
          flags,
          ...(port === undefined ? {} : { port }),
          ...(ifIndex === undefined ? {} : { ifIndex }),
          ...(id === undefined ? {} : { id }),
        };
        // Counted as made before the answer: another that wants the same address finds it taken.
        this.#own.set(key, flags);
        this.#actions.send({ name: 'addEndpoint', args }, (added) => {
          if (added.ok) return;
          this.#own.delete(key);
          this.#explain('warn', wanted, { error: added.error.message }, 'no endpoint for this address');
        });
        break;
      }
      case 'change': {
        const changeable = flags.filter((flag) => flag === 'backup' || flag === 'fullmesh');
        this.#own.set(key, flags);
        this.#actions.send({ name: 'setEndpointFlags', args: { id: step.id, flags: changeable } }, (changed) => {
          if (changed.ok) return;
          this.#explain('warn', wanted, { error: changed.error.message }, 'flags of an endpoint cannot be changed');
        });
        break;
      }
      case 'wait':
        break;
      default:
        step satisfies never;
    }
  }

  #setLimits(now: Limits, least: Partial<Limits> | undefined): void {
    const wanted = this.#limits.wanted(now, least);
    if (!wanted) return;
    this.#actions.send({ name: 'setLimits', args: wanted }, ({ ok }) => {
      if (ok) this.#limits.set(wanted);
    });
  }

  /** Says once why an address has no endpoint. */
  #explain(
    level: 'debug' | 'warn',
    wanted: WantedEndpoint,
    fields: Readonly<Record<string, unknown>>,
    message: string,
  ): void {
    const key = endpointKey(wanted);
    if (this.#explained.has(key)) return;
    this.#explained.add(key);
    this.#actions.say(level, message, { address: wanted.ip, ...fields });
  }
}
