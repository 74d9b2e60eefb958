/** What a plugin imports as `mptcpd/plugin`. */
export { familyOf, inFormOf, sameIp, unmapped } from '../core/ip.ts';
export type {
  CommandName,
  Commands,
  EndpointFlag,
  HeldAddress,
  Limits,
  Outcome,
  Refusal,
  RefusalCode,
} from '../core/model/commands.ts';
export type { Connection, End, Subflow } from '../core/model/connection.ts';
export type { ResetReason } from '../core/model/events.ts';
export type {
  ConnectionHooks,
  HookName,
  Hooks,
  ListeningSocket,
  NetworkHooks,
  RemoteAddress,
} from '../core/model/hooks.ts';
export {
  type AddrId,
  asAddrId,
  asIfIndex,
  asToken,
  formatToken,
  type IfIndex,
  type Ip,
  type Token,
} from '../core/model/ids.ts';
export type { Interface, LocalAddress, Scope } from '../core/model/network.ts';
export type {
  EndpointsPlan,
  EndpointsView,
  Plan,
  PlannedConnection,
  PlanView,
  WantedAnnouncement,
  WantedEndpoint,
  WantedSubflow,
} from '../core/model/plan.ts';
export { bool, choice, int, type Option, OptionError, type Options, type OptionValues, text } from './options.ts';
export {
  API_VERSION,
  type CloseReason,
  type Context,
  definePlugin,
  type Log,
  type Plugin,
  type PluginHooks,
  type Pm,
  type State,
} from './plugin.ts';
