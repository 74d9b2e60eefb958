import type { CommandName, Commands, EndpointFlag, Outcome } from '../core/model/commands.ts';
import type { Connection } from '../core/model/connection.ts';
import type { Hooks } from '../core/model/hooks.ts';
import type { Token } from '../core/model/ids.ts';
import type { Interface, LocalAddress } from '../core/model/network.ts';
import type { EndpointsPlan, EndpointsView, Plan, PlanView } from '../core/model/plan.ts';
import type { Options, OptionValues } from './options.ts';

/** The version of this interface. A plugin names the one that it was written for. */
export const API_VERSION = 1;

type Arguments<K extends CommandName> = Commands[K]['args'] extends undefined ? [] : [args: Commands[K]['args']];

/** The commands. They settle and never reject: `{ ok: true, value }` or `{ ok: false, error }`. */
export type Pm = {
  readonly [K in CommandName]: (...args: Arguments<K>) => Promise<Outcome<Commands[K]['answer']>>;
};

/** What the daemon knows. The values are live: they change between two hooks, never during a synchronous one. */
export interface State {
  /** The connections that this plugin owns. */
  connections(): Iterable<Connection>;
  /** A connection by its token; undefined once it is closed. */
  connection(token: Token): Connection | undefined;
  /** The addresses of this host that can be used: those that localAddressAdded told of. */
  readonly addresses: readonly LocalAddress[];
  readonly interfaces: readonly Interface[];
}

type LogMethod = {
  (message: string): void;
  (fields: Readonly<Record<string, unknown>>, message: string): void;
};

/** The daemon's log; lines carry the plugin's name. */
export interface Log {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}

/** What a plugin is given when it is set up. */
export interface Context<O extends Options> {
  readonly pm: Pm;
  readonly state: State;
  readonly log: Log;
  /** From the section `[plugin NAME]` of mptcpd.conf. */
  readonly options: OptionValues<O>;
  /** mptcpd.conf's addr-flags: what endpoints of the kernel's path manager are to be used for. */
  readonly addressFlags: readonly EndpointFlag[];
  /**
   * Calls `task` once, `ms` milliseconds from now, unless the answer is called before. An error that it throws is
   * logged as a hook's is.
   */
  after(ms: number, task: () => void | Promise<void>): () => void;
}

/** Why a plugin is closed: the daemon stops, or the plugin is set up anew with other options. */
export type CloseReason = 'stop' | 'reload';

/** What setup returns: the hooks, and what to do at the end. */
export type PluginHooks = Hooks & {
  /** The last call. Plugins are closed in the reverse order of their set-up, within a second all together. */
  close?(reason: CloseReason): void | Promise<void>;
};

/** A plugin: the default export of its file. */
export interface Plugin<O extends Options = Options> {
  /** What the configuration calls it: letters, digits, `_` and `-`. */
  readonly name: string;
  /** The version of the interface that it was written for: 1. */
  readonly api: number;
  /** −20 (most favoured) … 19; 0 where absent. */
  readonly priority?: number;
  readonly description?: string;
  /**
   * The path manager of the kernel that it drives: new connections must be under it (net.mptcp.path_manager), and the
   * daemon warns if they are not. Absent: it bears both.
   */
  readonly drives?: 'kernel' | 'userspace';
  readonly options?: O;
  /**
   * What a connection is to have: a pure function of the view, which also has the plugin's options. The core asks again
   * whenever what it read has changed, makes what is missing, and tries again what fails. It is asked for established
   * connections that the plugin owns, under the userspace path manager.
   */
  plan?(view: PlanView & { readonly options: OptionValues<O> }): Plan;
  /** What endpoints and limits the kernel's path manager is to have: a pure function, asked again when the view changes. */
  endpoints?(view: EndpointsView & { readonly options: OptionValues<O> }): EndpointsPlan;
  /** Called once at the start; state lives in its closure. Absent where a plan says everything. */
  setup?(context: Context<O>): PluginHooks | Promise<PluginHooks>;
}

/** Returns its argument: it is there for its types. A plain object is as good a plugin. */
export function definePlugin<const O extends Options = Record<never, never>>(plugin: Plugin<O>): Plugin<O> {
  return plugin;
}
