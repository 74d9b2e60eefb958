import type { RawOption } from '../config/index.ts';
import { hint } from '../config/index.ts';
import type { Command, EndpointFlag } from '../core/model/commands.ts';
import { commandNames } from '../core/model/commands.ts';
import { type HookName, hookNames } from '../core/model/hooks.ts';
import { wordsOf } from '../core/words-of.ts';
import type { Logger } from '../log/index.ts';
import type { Options } from '../plugin-api/options.ts';
import type { CloseReason, Context, Plugin, PluginHooks, Pm, State } from '../plugin-api/plugin.ts';
import type { Clock } from './clock.ts';
import type { Host, Plans } from './host.ts';
import { PluginError } from './plugin-error.ts';

/** How long a plugin may take to set itself up. */
const SETUP_DEADLINE_MS = 10_000;

export interface SetupOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Logger;
  readonly addressFlags: readonly EndpointFlag[];
  /** The plugin's section of the configuration. */
  readonly options: ReadonlyMap<string, RawOption>;
}

/** A plugin that is set up. */
export interface Running {
  readonly name: string;
  /** Calls its close hook, and ends its timers. A hook that has not finished after so many milliseconds is left. */
  close(deadline: number, reason: CloseReason): Promise<void>;
}

/** Sets one plugin up and gives the host its hooks. @throws PluginError */
export async function setUp(plugin: Plugin, options: SetupOptions): Promise<Running> {
  const { host, clock } = options;
  const { name } = plugin;
  const timers = new Set<() => void>();
  let closing = false;
  let closed = false;
  const context: Context<Options> = {
    pm: commandsOf(name, host, () => closed),
    state: stateOf(name, host),
    log: options.log.child({ plugin: name }),
    options: parseOptions(plugin, options.options),
    addressFlags: options.addressFlags,
    after(ms, task) {
      // What an instance that is closed has still under way begins nothing new.
      if (closing) return () => undefined;
      const cancel = clock.after(ms, () => {
        timers.delete(cancel);
        void host.contain(name, 'timer', task);
      });
      timers.add(cancel);
      return () => {
        timers.delete(cancel);
        cancel();
      };
    },
  };
  const hooks = plugin.setup ? await withDeadline(plugin, clock, context) : {};
  for (const key of Object.keys(hooks).filter((each) => each !== 'close' && !hookNames.includes(each as HookName))) {
    context.log.warn({ hook: key }, `there is no such hook: it is never called${hint(key, hookNames)}`);
  }
  install(host, plugin, hooks, context);
  return {
    name,
    async close(deadline, reason) {
      closing = true;
      for (const cancel of timers) cancel();
      timers.clear();
      const done = host.contain(name, 'close', () => hooks.close?.(reason));
      if (done) {
        let cancel = (): void => undefined;
        const late = new Promise<void>((resolve) => {
          cancel = clock.after(deadline, () => {
            context.log.warn('close has not finished in time: not waiting for it');
            resolve();
          });
        });
        await Promise.race([done, late]);
        cancel();
      }
      host.feed({ type: 'end', plugin: name, stopping: reason === 'stop' });
      host.uninstall(name);
      closed = true;
    },
  };
}

/** @throws PluginError where a hook is a getter that throws */
function install(host: Host, plugin: Plugin, hooks: PluginHooks, context: Context<Options>): void {
  try {
    host.install(plugin.name, hooks, plansOf(plugin, context));
  } catch (error) {
    throw new PluginError('PLUGIN_SETUP_FAILED', plugin.name, `its hooks cannot be read: ${wordsOf(error)}`, error);
  }
}

/** The plans of a plugin, with what the core does not know at hand. */
function plansOf(plugin: Plugin, { options, addressFlags }: Context<Options>): Plans {
  const plans: Plans = {};
  if (plugin.plan) plans.plan = (view) => plugin.plan?.(Object.assign(view, { options }) as never);
  if (plugin.endpoints) plans.endpoints = (view) => plugin.endpoints?.({ ...view, options, addressFlags } as never);
  return plans;
}

async function withDeadline(plugin: Plugin, clock: Clock, context: Context<Options>): Promise<PluginHooks> {
  let cancel = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(SETUP_DEADLINE_MS, () => {
      const message = `setup has not finished after ${SETUP_DEADLINE_MS / 1000} s; does it await something that never comes?`;
      reject(new PluginError('PLUGIN_SETUP_TIMEOUT', plugin.name, message));
    });
  });
  try {
    const hooks = await Promise.race([(async () => plugin.setup?.(context))(), late]);
    if (typeof hooks !== 'object' || hooks === null) throw new TypeError('it returned no hooks; return an object');
    return hooks;
  } catch (error) {
    if (error instanceof PluginError) throw error;
    throw new PluginError('PLUGIN_SETUP_FAILED', plugin.name, `setup failed: ${wordsOf(error)}`, error);
  } finally {
    cancel();
  }
}

/** A plugin's options: the configuration's over their defaults. @throws PluginError PLUGIN_BAD_OPTION */
export function parseOptions(plugin: Plugin, given: ReadonlyMap<string, RawOption>): Readonly<Record<string, unknown>> {
  const declared = plugin.options ?? {};
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(declared)) values[key] = option.default;
  for (const [key, { value, place }] of given) {
    const option = Object.hasOwn(declared, key) ? declared[key] : undefined;
    if (!option) {
      const message = `${place}: it has no option "${key}"${hint(key, Object.keys(declared))}`;
      throw new PluginError('PLUGIN_BAD_OPTION', plugin.name, message);
    }
    try {
      values[key] = option.parse(value);
    } catch (error) {
      // Whatever parse throws: a plugin without imports has no OptionError at hand.
      const message = `${place}: ${key} ${(error as Error)?.message ?? error}`;
      throw new PluginError('PLUGIN_BAD_OPTION', plugin.name, message, error);
    }
  }
  return values;
}

function commandsOf(plugin: string, host: Host, isClosed: () => boolean): Pm {
  const pm: Record<string, unknown> = {};
  const late = { ok: false, error: { code: 'PLUGIN_CLOSED', message: 'the plugin is closed' } } as const;
  for (const name of commandNames) {
    pm[name] = async (args: unknown) => (isClosed() ? late : host.command(plugin, { name, args } as Command));
  }
  return pm as Pm;
}

function stateOf(plugin: string, { core }: Host): State {
  return {
    *connections() {
      for (const connection of core.connections) if (connection.owner === plugin) yield connection;
    },
    connection: (token) => core.connection(token),
    get addresses() {
      return core.addresses;
    },
    get interfaces() {
      return core.interfaces;
    },
  };
}
