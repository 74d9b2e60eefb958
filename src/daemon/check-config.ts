import type { Settings } from '../config/index.ts';
import { findPlugins } from './plugin-loader.ts';
import { parseOptions } from './plugin-setup.ts';
import { withoutPresets } from './presets.ts';
import { optionsOf, unusedSections, wantedBy } from './wanted-plugins.ts';

/**
 * Whether mptcpd would start with these settings, as far as they go: plugins are loaded and their options read, and nothing
 * is set up.
 * @param warn told of what has no effect and may surprise
 * @throws PluginError
 */
export async function checkConfig(given: Settings, warn: (message: string) => void): Promise<void> {
  const settings = withoutPresets(given);
  const found = await findPlugins(wantedBy(settings, [], warn));
  for (const { plugin } of found) parseOptions(plugin, optionsOf(plugin, settings));
  const loaded = found.map(({ plugin }) => plugin.name);
  for (const message of unusedSections(settings, loaded)) warn(message);
}
