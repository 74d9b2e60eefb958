import type { Command, CommandName, Commands, Outcome, Refusal } from './model/commands.ts';
import type { PmEvent } from './model/events.ts';
import type { HookName, Hooks } from './model/hooks.ts';
import type { Ip, Token } from './model/ids.ts';
import type { LocalAddress, NetworkInput, NotifyFlags } from './model/network.ts';
import type { EndpointsView } from './model/plan.ts';
import type { PlanSettings } from './plan/settings.ts';
import type { ProgressSample } from './plan/trouble.ts';
import type { View } from './plan/view.ts';
import type { FoundConnection } from './recovery.ts';

/** What the core needs to know of a plugin. */
export interface PluginFacts {
  readonly name: string;
  /** −20 … 19, the lower the more favoured. */
  readonly priority: number;
  /** The hooks that it has: no effect is made for others. */
  readonly hooks: ReadonlySet<HookName>;
  /** It says by a plan what its connections are to have. */
  readonly plans?: boolean;
  /** It says what endpoints the kernel's path manager is to have. */
  readonly endpoints?: boolean;
}

export interface CoreOptions {
  readonly plugins: readonly PluginFacts[];
  /** The plugin that owns new connections; otherwise the most favoured one does. */
  readonly pathManager?: string;
  readonly notifyFlags: NotifyFlags;
  readonly planSettings?: PlanSettings;
}

/** Everything that the core hears. */
export type Input =
  | PmEvent
  | NetworkInput
  | { readonly type: 'command'; readonly id: number; readonly plugin: string; readonly command: Command }
  | { readonly type: 'reply'; readonly id: number; readonly outcome: Outcome<unknown> }
  /** Messages were lost: what is known of the source may no longer be true. */
  | { readonly type: 'lost'; readonly source: Source; readonly count: number }
  /** All connections that there are now; what is known and not among them is gone. */
  | { readonly type: 'connections'; readonly found: readonly FoundConnection[] }
  /** A connection is not there any more, though no event said so. */
  | { readonly type: 'vanished'; readonly token: Token }
  /** The moment that a `wake` asked for has come. */
  | { readonly type: 'timer' }
  /** From now on other addresses are told of. */
  | { readonly type: 'notifyFlags'; readonly flags: NotifyFlags }
  /** From now on plans are followed so eagerly. */
  | { readonly type: 'planSettings'; readonly settings: PlanSettings }
  /** What a plugin wants for a connection; `plan` is undefined where it failed to say. */
  | { readonly type: 'planned'; readonly token: Token; readonly view: View; readonly plan: unknown }
  /** What endpoints a plugin wants; `plan` is undefined where it failed to say. */
  | { readonly type: 'endpointsPlanned'; readonly plugin: string; readonly plan: unknown }
  /** A plugin ends: the daemon stops, or the plugin is set up anew. */
  | { readonly type: 'end'; readonly plugin: string; readonly stopping: boolean }
  /** There is time for the next of what waits. */
  | { readonly type: 'more' }
  /** How many announcements the kernel has dropped since it started; undefined where it does not count them. */
  | { readonly type: 'drops'; readonly count: number | undefined }
  /** What the kernel's counters say of subflows. */
  | { readonly type: 'progress'; readonly samples: readonly SubflowProgress[] }
  /** A plugin was set up anew: tell it of all there is. */
  | { readonly type: 'introduce'; readonly plugin: string };

/** The counters of one subflow, with its ends as the kernel has them. */
export interface SubflowProgress extends ProgressSample {
  readonly token: Token;
  readonly localIp: Ip;
  readonly localPort: number;
  readonly remoteIp: Ip;
  readonly remotePort: number;
}

export type Source = 'network' | 'connections';

/** A hook to be called. Hooks of one lane of a plugin never overlap. */
export interface Call<K extends HookName = HookName> {
  readonly type: 'call';
  readonly plugin: string;
  readonly hook: K;
  readonly payload: Parameters<NonNullable<Hooks[K]>>[0];
  /** The connection; 0 for the network. */
  readonly lane: Token | 0;
}

/** Everything that the core wants done. */
export type Effect =
  | Call
  /** Ask the kernel; answer with a reply of the same id. */
  | { readonly type: 'send'; readonly id: number; readonly command: Command }
  /** Stop to listen for joins to what was announced on a connection. */
  | { readonly type: 'unlisten'; readonly token: Token }
  /** Tell a plugin how its command ended. */
  | { readonly type: 'settle'; readonly id: number; readonly outcome: Outcome<unknown> }
  /** Read everything there is of a source and give it back. */
  | { readonly type: 'reread'; readonly source: Source }
  /** Look up whether a default route leads from an address over its interface; answer with a `routeChecked`. */
  | { readonly type: 'checkRoute'; readonly address: LocalAddress }
  /** Ask a plugin what it wants for a connection; answer with a `planned`. */
  | { readonly type: 'plan'; readonly plugin: string; readonly token: Token; readonly view: View }
  /** Ask a plugin what endpoints it wants; answer with an `endpointsPlanned`. */
  | {
      readonly type: 'endpoints';
      readonly plugin: string;
      readonly view: Pick<EndpointsView, 'interfaces' | 'addresses'>;
    }
  /** Something waits: come back with a `more` for each of them, whenever there is time. */
  | { readonly type: 'more' }
  /** Read how many announcements the kernel has dropped; answer with a `drops`. */
  | { readonly type: 'readDrops' }
  /** Read the counters of subflows every so many milliseconds and give them back; undefined: no longer. */
  | { readonly type: 'watchProgress'; readonly every: number | undefined }
  /** Come back with a `timer` at that time. */
  | { readonly type: 'wake'; readonly at: number }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    };

export type { Command, CommandName, Commands, Outcome, Refusal };
