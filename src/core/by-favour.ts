import type { PluginFacts } from './core-types.ts';

/** The lower the number the more favoured; the name breaks a tie. */
export function byFavour(plugins: readonly PluginFacts[]): readonly PluginFacts[] {
  return [...plugins].sort((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1));
}
