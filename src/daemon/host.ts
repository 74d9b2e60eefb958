import { Core } from '../core/core.ts';
import type { Call, CoreOptions, Effect, Input, PluginFacts, Source } from '../core/core-types.ts';
import type { Command, Outcome, Refusal } from '../core/model/commands.ts';
import { type HookName, hookNames } from '../core/model/hooks.ts';
import { formatToken, type Token } from '../core/model/ids.ts';
import type { LocalAddress } from '../core/model/network.ts';
import type { EndpointsView, PlanView } from '../core/model/plan.ts';
import type { PlanSettings } from '../core/plan/settings.ts';
import { stackOf, wordsOf } from '../core/words-of.ts';
import type { Logger } from '../log/index.ts';
import type { PluginHooks } from '../plugin-api/plugin.ts';
import type { Clock } from './clock.ts';
import { CommandQueue } from './command-queue.ts';
import { isPromise, Lanes } from './lanes.ts';
import type { Perform } from './path-manager.ts';
import { Throttle } from './throttle.ts';
import { Unsettled } from './unsettled.ts';

/** Milliseconds between two log lines about the same kind of refusal. */
const REFUSAL_INTERVAL = 60_000;
/** A synchronous hook that takes longer is named in the log: it holds up every connection. */
const SLOW_HOOK_MS = 50;
/** How long plans are worked off before other events have their turn. */
const TURN_MS = 5;
/** Calls of one plugin's hooks that may wait for others to settle; further ones are left out. */
const MOST_CALLS = 10_000;

export interface HostOptions {
  readonly perform: Perform;
  readonly clock: Clock;
  readonly log: Logger;
  /** Read everything of a source and feed it back. */
  readonly reread: (source: Source) => void;
  /** A connection on which the daemon listened for joins is closed. */
  readonly unlisten: (token: Token) => void;
  /** Whether a default route leads from an address over its interface. */
  readonly hasRoute: (address: LocalAddress) => boolean;
  /** Read the counters of subflows every so many milliseconds and feed them back; undefined: no longer. */
  readonly watchProgress: (every: number | undefined) => void;
  /** How many announcements the kernel has dropped; undefined where it does not count them. */
  readonly droppedAnnouncements: () => number | undefined;
  readonly notifyFlags: CoreOptions['notifyFlags'];
  readonly planSettings?: PlanSettings;
  readonly pathManager: string | undefined;
}

type AnyHook = (event: unknown) => void | Promise<void>;

/** What a plugin says of what is to be there. */
export interface Plans {
  plan?: (view: PlanView) => unknown;
  endpoints?: (view: Pick<EndpointsView, 'interfaces' | 'addresses'>) => unknown;
}

interface Installed {
  readonly facts: {
    readonly name: string;
    readonly priority: number;
    readonly hooks: Set<HookName>;
    plans: boolean;
    endpoints: boolean;
  };
  readonly log: Logger;
  readonly queue: CommandQueue;
  lanes: Lanes;
  hooks: PluginHooks;
  plans: Plans;
}

/** The only place where the core's effects happen: it calls plugins, asks the kernel, and feeds answers back. */
export class Host {
  readonly core: Core;
  readonly #options: HostOptions;
  readonly #plugins = new Map<string, Installed>();
  readonly #settle = new Map<number, (outcome: Outcome<unknown>) => void>();
  readonly #refusals = new Throttle(REFUSAL_INTERVAL);
  #lastCommand = 0;
  #cancelWake = (): void => undefined;
  #wakeAt = Number.POSITIVE_INFINITY;
  readonly #unsettled: Unsettled;
  #turning = false;
  #ended = false;

  constructor(options: HostOptions, plugins: readonly { readonly name: string; readonly priority: number }[]) {
    this.#options = options;
    this.#unsettled = new Unsettled(options.clock, () => this.#plugins.values());
    for (const { name, priority } of plugins) {
      const facts = { name, priority, hooks: new Set<HookName>(), plans: false, endpoints: false };
      const log = options.log.child({ plugin: name });
      const queue = new CommandQueue(() =>
        this.#complain(name, 'more commands in a turn than are carried out: some wait'),
      );
      this.#plugins.set(name, { facts, log, queue, lanes: new Lanes(), hooks: {}, plans: {} });
    }
    const facts: PluginFacts[] = [...this.#plugins.values()].map((plugin) => plugin.facts);
    const { notifyFlags, pathManager, planSettings } = options;
    this.core = new Core({
      plugins: facts,
      notifyFlags,
      ...(pathManager === undefined ? {} : { pathManager }),
      ...(planSettings === undefined ? {} : { planSettings }),
    });
  }

  /** Gives a plugin that is set up its hooks and plans; from now on it hears of what happens. */
  install(name: string, hooks: PluginHooks, plans: Plans = {}): void {
    const plugin = this.#plugin(name);
    plugin.hooks = hooks;
    plugin.plans = plans;
    plugin.facts.plans = plans.plan !== undefined;
    plugin.facts.endpoints = plans.endpoints !== undefined;
    for (const hook of hookNames) if (typeof hooks[hook] === 'function') plugin.facts.hooks.add(hook);
  }

  /** Takes a plugin its hooks, to be set up anew. What it is in the middle of goes on. */
  uninstall(name: string): void {
    const plugin = this.#plugin(name);
    plugin.facts.hooks.clear();
    plugin.facts.plans = false;
    plugin.facts.endpoints = false;
    plugin.hooks = {};
    plugin.plans = {};
    // What waits for the old instance is not for the new one.
    plugin.lanes = new Lanes();
    for (const task of plugin.queue.take()) task.refuse(true);
  }

  /** From now on nothing happens any more. */
  end(): void {
    this.#ended = true;
    this.#cancelWake();
    for (const { queue } of this.#plugins.values()) for (const task of queue.take()) task.refuse(true);
  }

  /** Takes in an input and performs what follows from it. */
  feed(input: Input): void {
    if (this.#ended) return;
    const effects = this.core.handle(input, this.#options.clock.now());
    for (let i = 0; i < effects.length; i++) this.#perform(effects[i] as Effect);
  }

  /** A plugin's command; it settles and never rejects. */
  command(plugin: string, command: Command): Promise<Outcome<unknown>> {
    const { queue } = this.#plugin(plugin);
    return new Promise<Outcome<unknown>>((settle) => {
      queue.add({
        run: () => this.#command(plugin, command, settle),
        refuse: (closed) => settle({ ok: false, error: closed ? CLOSED : tooMany(command) }),
      });
    }).then((outcome) => {
      if (!outcome.ok) this.#logRefusal(plugin, command, outcome.error);
      return outcome;
    });
  }

  #command(plugin: string, command: Command, settle: (outcome: Outcome<unknown>) => void): void {
    if (this.#ended) {
      settle({ ok: false, error: CLOSED });
      return;
    }
    const id = ++this.#lastCommand;
    this.#settle.set(id, settle);
    try {
      this.feed({ type: 'command', id, plugin, command });
    } catch (error) {
      this.#settle.delete(id);
      settle({ ok: false, error: { code: 'FAILED', message: `${command.name}: ${wordsOf(error)}` } });
    }
  }

  /** Runs a plugin's code outside of any hook: what it throws is logged. */
  contain(name: string, what: string, task: () => void | Promise<void>): void | Promise<void> {
    const plugin = this.#plugin(name);
    const start = performance.now();
    try {
      return this.#watch(plugin, what, start, task());
    } catch (error) {
      this.#failed(plugin, what, error, start);
      return undefined;
    }
  }

  /** Hooks and timers of all plugins that have not settled. */
  get busy(): number {
    let count = 0;
    for (const { lanes } of this.#plugins.values()) count += lanes.busy;
    return count;
  }

  #plugin(name: string): Installed {
    const plugin = this.#plugins.get(name);
    if (!plugin) throw new Error(`no plugin ${name}`);
    return plugin;
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'call':
        this.#call(effect);
        break;
      case 'send':
        this.#send(effect);
        break;
      case 'settle':
        this.#settle.get(effect.id)?.(effect.outcome);
        this.#settle.delete(effect.id);
        break;
      case 'unlisten':
        this.#options.unlisten(effect.token);
        break;
      case 'reread':
        this.#options.reread(effect.source);
        break;
      case 'checkRoute':
        this.feed({ type: 'routeChecked', address: effect.address, found: this.#options.hasRoute(effect.address) });
        break;
      case 'plan':
        this.feed({ type: 'planned', token: effect.token, view: effect.view, plan: this.#ask(effect) });
        break;
      case 'endpoints':
        this.feed({ type: 'endpointsPlanned', plugin: effect.plugin, plan: this.#ask(effect) });
        break;
      case 'more':
        if (!this.#turning) this.#takeTurns();
        break;
      case 'readDrops':
        this.feed({ type: 'drops', count: this.#options.droppedAnnouncements() });
        break;
      case 'watchProgress':
        this.#options.watchProgress(effect.every);
        break;
      case 'wake':
        this.#wake(effect.at);
        break;
      case 'log':
        this.#options.log[effect.level](effect.fields, effect.message);
        break;
      default:
        effect satisfies never;
    }
  }

  #send({ id, command }: Effect & { type: 'send' }): void {
    if (!this.core.awaits(id)) return;
    const outcome = this.#options.perform(command);
    // Nobody awaits what a plan has led to; that the kernel says no is part of its life, but a fault is not.
    if (id < 0 && !outcome.ok && outcome.error.code === 'FAILED') {
      const { token } = command.args as { token?: Token };
      const owner = token === undefined ? undefined : this.core.connection(token)?.owner;
      if (owner !== undefined) this.#logRefusal(owner, command, outcome.error);
    }
    this.feed({ type: 'reply', id, outcome });
  }

  /**
   * Comes back at that time, unless it does earlier: a command that stands before this effect may have been answered, and
   * the answer have led to an earlier one, by now.
   */
  #wake(at: number): void {
    if (at >= this.#wakeAt) return;
    this.#cancelWake();
    this.#wakeAt = at;
    this.#cancelWake = this.#options.clock.after(at - this.#options.clock.now(), () => {
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.feed({ type: 'timer' });
    });
  }

  /** What a plugin wants; undefined where it fails to say. */
  #ask(effect: Effect & { type: 'plan' | 'endpoints' }): unknown {
    const plugin = this.#plugin(effect.plugin);
    const { plan, endpoints } = plugin.plans;
    const start = performance.now();
    try {
      const wanted = effect.type === 'plan' ? plan?.(effect.view) : endpoints?.(effect.view);
      this.#watch(plugin, effect.type, start, undefined);
      // A plan that is no object is a mistake that the core names.
      return wanted ?? ((effect.type === 'plan' ? plan : endpoints) ? null : undefined);
    } catch (error) {
      this.#failed(plugin, effect.type, error, start);
      return undefined;
    }
  }

  /** Works off what waits in the core, for a bounded time before the loop goes on to what comes from outside. */
  #takeTurns(): void {
    this.#turning = true;
    setImmediate(() => {
      const end = performance.now() + TURN_MS;
      while (this.core.waiting > 0 && performance.now() < end && !this.#ended) this.feed({ type: 'more' });
      this.#turning = false;
      if (this.core.waiting > 0 && !this.#ended) this.#takeTurns();
    });
  }

  #call(call: Call): void {
    const plugin = this.#plugin(call.plugin);
    const { lanes } = plugin;
    if (lanes.isBusy(call.lane)) {
      if (lanes.queued >= MOST_CALLS) {
        this.#complain(call.plugin, 'hooks do not settle and too many calls wait: some are left out');
        return;
      }
      lanes.run(call.lane, () => this.#invoke(plugin, call));
      return;
    }
    const unsettled = this.#invoke(plugin, call);
    if (!unsettled) return;
    void lanes.occupy(call.lane, unsettled);
    this.#unsettled.watch();
  }

  #invoke(plugin: Installed, { hook, payload }: Call): void | Promise<void> {
    const { hooks } = plugin;
    const start = performance.now();
    try {
      return this.#watch(plugin, hook, start, (hooks[hook] as AnyHook | undefined)?.call(hooks, payload));
    } catch (error) {
      this.#failed(plugin, hook, error, start);
      return undefined;
    }
  }

  /** Names code that took long, and hands on a promise that no longer rejects. */
  #watch(plugin: Installed, what: string, start: number, result: unknown): void | Promise<void> {
    this.#nameSlow(plugin, what, start);
    if (!isPromise(result)) return undefined;
    return Promise.resolve(result).catch((error: unknown) => this.#failed(plugin, what, error));
  }

  #nameSlow({ log }: Installed, what: string, start: number): void {
    const took = performance.now() - start;
    if (took > SLOW_HOOK_MS) log.warn({ hook: what, ms: Math.round(took) }, 'slow plugin held up the daemon');
  }

  /** @param start when it was called, where it threw at once */
  #failed(plugin: Installed, what: string, error: unknown, start?: number): void {
    if (start !== undefined) this.#nameSlow(plugin, what, start);
    plugin.log.error({ hook: what, ...errorFields(error) }, 'plugin failed');
  }

  /** Says what a plugin overdoes, once a minute. */
  #complain(name: string, words: string): void {
    const held = this.#refusals.pass(`${name} ${words}`, this.#options.clock.now());
    if (held !== undefined) this.#plugin(name).log.warn(held > 0 ? { 'times before': held } : {}, words);
  }

  #logRefusal(name: string, command: Command, error: Refusal): void {
    const about = tokenOf(command);
    const gone = about !== undefined && this.core.connection(about) === undefined;
    const level = isNews(error) && !gone ? 'warn' : 'debug';
    const { log } = this.#plugin(name);
    if (!log.isLevelEnabled(level)) return;
    const held = this.#refusals.pass(`${name} ${command.name} ${error.message}`, this.#options.clock.now());
    if (held === undefined) return;
    const fields = { command: command.name, ...(about === undefined ? {} : { token: formatToken(about) }) };
    log[level]({ ...fields, ...(held > 0 ? { 'times before': held } : {}), error: error.message }, 'command refused');
  }
}

const CLOSED: Refusal = { code: 'PLUGIN_CLOSED', message: 'the plugin is closed' };
const tooMany = ({ name }: Command): Refusal => ({
  code: 'TOO_MANY',
  message: `${name}: the plugin gives more commands than can be carried out`,
});

/**
 * Between an event and the command that answers it a connection may close, or a subflow: ENOTCONN and ESRCH say that as
 * much as an unknown token does.
 */
const isNews = ({ code, errno }: Refusal): boolean =>
  code === 'BAD_ARGUMENT' ||
  code === 'TOO_MANY' ||
  code === 'FAILED' ||
  (code === 'REFUSED' && errno !== 'ENOTCONN' && errno !== 'ESRCH');

/** The token that a command names, as far as it does: its arguments may be anything. */
function tokenOf({ args }: Command): Token | undefined {
  try {
    const { token } = args as { token: unknown };
    return typeof token === 'number' ? (token as Token) : undefined;
  } catch {
    // No object, or a getter that throws: the refusal has said so.
    return undefined;
  }
}

function errorFields(error: unknown): { error: string; stack?: string } {
  const stack = stackOf(error);
  return { error: wordsOf(error), ...(stack === undefined ? {} : { stack }) };
}
