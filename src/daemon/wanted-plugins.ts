import { hint, type RawOption, type Settings } from '../config/index.ts';
import type { Plugin } from '../plugin-api/plugin.ts';
import { builtIn } from '../plugins/index.ts';
import type { findPlugins } from './plugin-loader.ts';

/** The plugin for those who name none: the kernel's path manager is the default of every kernel. */
const DEFAULT_PLUGIN = 'addr_adv';

/**
 * What the configuration says of the plugins to load.
 * @param extra others that may be named beside those that come with the daemon
 */
export function wantedBy(
  { core: { pluginDir, loadPlugins, pathManager } }: Settings,
  extra: readonly Plugin[],
  warn: (message: string) => void,
): Parameters<typeof findPlugins>[0] {
  const shipped = [...(builtIn as unknown as readonly Plugin[]), ...extra];
  return { pluginDir, loadPlugins, pathManager, builtIn: shipped, fallback: DEFAULT_PLUGIN, warn };
}

/** A plugin's section of the configuration. */
export const optionsOf = ({ name }: Plugin, { plugins }: Settings): ReadonlyMap<string, RawOption> =>
  plugins.get(name) ?? new Map<string, RawOption>();

/** Options of a plugin that is not loaded, perhaps a misspelt one, have no effect: better to know. */
export function unusedSections({ plugins }: Settings, loaded: readonly string[]): readonly string[] {
  return [...plugins]
    .filter(([name, options]) => options.size > 0 && !loaded.includes(name))
    .map(([name]) => `[plugin ${name}] has no effect: no such plugin is loaded${hint(name, loaded)}`);
}
