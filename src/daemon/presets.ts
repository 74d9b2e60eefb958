import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RawOption, Settings } from '../config/index.ts';
import { EXTENSIONS } from './plugin-loader.ts';

/** The words of Apple's multipath service types, and the plugins that do what they say. */
const presets: ReadonlyMap<string, string> = new Map([
  ['aggregate', 'fullmesh'],
  ['interactive', 'backup'],
  ['handover', 'handover'],
]);

/**
 * The same settings with plugins' own names in place of such words. Where a plugin has options under both, those under its
 * own name count.
 */
export function withoutPresets({ core, plugins }: Settings): Settings {
  const { pluginDir, pathManager, loadPlugins } = core;
  const nameOf = (word: string): string => {
    const taken = pluginDir !== undefined && EXTENSIONS.some((ending) => existsSync(join(pluginDir, word + ending)));
    return taken ? word : (presets.get(word) ?? word);
  };
  const named: Settings['core'] = {
    ...core,
    ...(pathManager === undefined ? {} : { pathManager: nameOf(pathManager) }),
    ...(loadPlugins === undefined ? {} : { loadPlugins: loadPlugins.map(nameOf) }),
  };
  const sections = new Map<string, ReadonlyMap<string, RawOption>>();
  for (const [word, options] of plugins) {
    const name = nameOf(word);
    sections.set(name, new Map([...(sections.get(name) ?? []), ...options, ...(plugins.get(name) ?? [])]));
  }
  return { core: named, plugins: sections };
}
