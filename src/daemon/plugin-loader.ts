import { readdirSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stackOf } from '../core/words-of.ts';
import { API_VERSION, type Plugin } from '../plugin-api/plugin.ts';
import { PluginError } from './plugin-error.ts';
import { letPluginsImportTheirApi } from './plugin-imports.ts';
import { checkParents, checkSafe, checkWithin } from './safe-path.ts';

/** A plugin that was found, and where. */
export interface Found {
  readonly plugin: Plugin;
  readonly origin: string;
}

export interface Wanted {
  readonly pluginDir: string | undefined;
  readonly loadPlugins: readonly string[] | undefined;
  readonly pathManager: string | undefined;
  /** Those that come with the daemon. */
  readonly builtIn: readonly Plugin[];
  /** The one to load where nothing else is named. */
  readonly fallback: string;
  /** Told of what is passed over and may surprise. */
  readonly warn?: (message: string) => void;
}

/** What a plugin directory holds. */
interface Directory {
  /** The files to load by name. */
  readonly files: ReadonlyMap<string, string>;
  /** Plugins of the C mptcpd, `*.so`: its configuration names the directory they are in. */
  readonly foreign: readonly string[];
}

/** What the files of plugins end with. */
export const EXTENSIONS: readonly string[] = ['.js', '.mjs'];
const FOREIGN = '.so';
const SHIPPED = 'shipped';
/** How long a file may take to load. */
const LOAD_DEADLINE_MS = 10_000;

/**
 * Finds the plugins: those that are named, of the directory or shipped; where none is named, all of the directory and
 * the path manager.
 * @throws PluginError
 */
export async function findPlugins(wanted: Wanted): Promise<readonly Found[]> {
  const { pluginDir, loadPlugins, pathManager } = wanted;
  const directory = pluginDir === undefined ? { files: new Map<string, string>(), foreign: [] } : list(pluginDir);
  const { files, foreign } = directory;
  const shipped = new Map(wanted.builtIn.map((plugin) => [plugin.name, plugin]));
  const found: Found[] = [];
  for (const name of loadPlugins ?? files.keys()) {
    const file = files.get(name);
    const plugin = shipped.get(name);
    if (file !== undefined) found.push({ plugin: await load(file), origin: file });
    else if (plugin) found.push({ plugin, origin: SHIPPED });
    else throw notFound(name, wanted, directory, [...files.keys(), ...shipped.keys()]);
  }
  checkNames(found);
  const manager = pathManager ?? (loadPlugins || files.size > 0 ? undefined : wanted.fallback);
  if (manager !== undefined && !found.some(({ plugin }) => plugin.name === manager)) {
    const plugin = loadPlugins ? undefined : shipped.get(manager);
    const there = found.map((each) => each.plugin.name);
    if (!plugin && loadPlugins && (shipped.has(manager) || files.has(manager))) {
      throw new PluginError(
        'PLUGIN_NOT_FOUND',
        manager,
        `is not in load-plugins (${loadPlugins.join(', ')}); add it there`,
      );
    }
    if (!plugin) throw notFound(manager, wanted, directory, loadPlugins ? there : [...there, ...shipped.keys()]);
    found.push({ plugin, origin: SHIPPED });
  }
  if (pluginDir !== undefined && files.size === 0 && foreign.length === 0) {
    wanted.warn?.(`there are no plugins (${EXTENSIONS.map((each) => `*${each}`).join(', ')}) in ${pluginDir}`);
  }
  for (const { plugin, origin } of found) {
    if (origin !== SHIPPED && shipped.has(plugin.name)) {
      wanted.warn?.(`the plugin ${plugin.name} of ${origin} takes the place of the one that comes with mptcpd`);
    }
  }
  if (foreign.length > 0) {
    const which = `the plugins of the C mptcpd in ${pluginDir} (${foreign.join(', ')}) cannot be loaded`;
    wanted.warn?.(`${which}; shipped are ${[...shipped.keys()].join(', ')}`);
  }
  return found;
}

function notFound(name: string, { pluginDir }: Wanted, { foreign }: Directory, there: readonly string[]): PluginError {
  const where = pluginDir === undefined ? '' : ` in ${pluginDir} or`;
  const file = `${name}${FOREIGN}`;
  const why = foreign.includes(file) ? `; ${file} is a plugin of the C mptcpd, which cannot be loaded` : '';
  return new PluginError('PLUGIN_NOT_FOUND', name, `not found${where} among ${there.join(', ') || 'none'}${why}`);
}

function list(dir: string): Directory {
  let entries: string[];
  try {
    checkSafe(dir);
    checkParents(dir);
    entries = readdirSync(dir).sort();
  } catch (error) {
    if (error instanceof PluginError) throw error;
    throw new PluginError('PLUGIN_NOT_FOUND', dir, `cannot read the directory: ${(error as Error).message}`, error);
  }
  const files = new Map<string, string>();
  for (const entry of entries.filter((each) => EXTENSIONS.includes(extname(each)))) {
    const name = basename(entry, extname(entry));
    const other = files.get(name);
    if (other !== undefined) throw duplicate(name, other, join(dir, entry));
    files.set(name, join(dir, entry));
  }
  return { files, foreign: entries.filter((each) => extname(each) === FOREIGN) };
}

async function load(file: string): Promise<Plugin> {
  let loaded: { default?: unknown };
  try {
    checkSafe(file);
    checkWithin(dirname(file), basename(file));
    letPluginsImportTheirApi();
    loaded = await importInTime(file);
  } catch (error) {
    if (error instanceof PluginError) throw error;
    throw new PluginError('PLUGIN_LOAD_FAILED', file, whyNot(error), error);
  }
  const plugin = check(loaded.default, file);
  origins.set(pathToFileURL(file).href, plugin.name);
  return plugin;
}

async function importInTime(file: string): Promise<{ default?: unknown }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `has not loaded after ${LOAD_DEADLINE_MS / 1000} s; does it await something that never comes?`;
    timer = setTimeout(() => reject(new Error(message)), LOAD_DEADLINE_MS);
  });
  try {
    return await Promise.race([import(pathToFileURL(file).href) as Promise<{ default?: unknown }>, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A mistake in the file with its line, which Node puts into the first line of the stack alone. */
function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return `it throws ${String(error)}`;
  const line = error instanceof SyntaxError ? /:(\d+)\n/.exec(error.stack ?? '')?.[1] : undefined;
  return line === undefined ? error.message : `${error.message} (line ${line})`;
}

/** The files of plugins, by URL, and whose they are. */
const origins = new Map<string, string>();

/** Where the daemon's own code lies. */
const OWN = new URL('..', import.meta.url).href;

/**
 * The plugin whose code an error comes from, as far as its stack tells. A stack that leads nowhere, as that of an error of
 * a socket or of a rejection with a word does, is some plugin's where there are any of files: the daemon's own errors lead
 * to its own code. undefined where it is nobody's.
 */
export function pluginOf(error: unknown): string | undefined {
  const stack = stackOf(error) ?? '';
  for (const [url, name] of origins) if (stack.includes(url)) return name;
  return origins.size > 0 && !stack.includes(OWN) ? [...origins.values()].join(' or ') : undefined;
}

/** Whether a plugin does anything at all, and what it does is a function. */
function isActive({ setup, plan, endpoints }: Partial<Plugin>): boolean {
  const parts = [setup, plan, endpoints].filter((part) => part !== undefined);
  return parts.length > 0 && parts.every((part) => typeof part === 'function');
}

/** Whether a file's default export is a plugin of this version. */
export function check(value: unknown, origin: string): Plugin {
  const plugin = value as Partial<Plugin> | null | undefined;
  if (typeof plugin !== 'object' || plugin === null || !isActive(plugin)) {
    const shape = 'export default { name, api: 1, setup() { … } }, with plan or endpoints beside setup or in its place';
    throw new PluginError('PLUGIN_NOT_A_PLUGIN', origin, `its default export is no plugin; write ${shape}`);
  }
  if (typeof plugin.name !== 'string' || !/^[\w-]+$/.test(plugin.name)) {
    throw new PluginError('PLUGIN_NO_NAME', origin, 'needs a name of letters, digits, _ and -');
  }
  if (plugin.api !== API_VERSION) {
    throw new PluginError(
      'PLUGIN_API_VERSION',
      plugin.name,
      `is for api ${plugin.api}; this mptcpd has ${API_VERSION}`,
    );
  }
  const { drives } = plugin as { drives?: unknown };
  if (drives !== undefined && drives !== 'kernel' && drives !== 'userspace') {
    const message = `drives is "kernel" or "userspace", not ${JSON.stringify(drives)}`;
    throw new PluginError('PLUGIN_NOT_A_PLUGIN', plugin.name, message);
  }
  for (const [key, option] of Object.entries(plugin.options ?? {})) {
    if (typeof (option as { parse?: unknown } | null)?.parse === 'function') continue;
    throw new PluginError(
      'PLUGIN_NOT_A_PLUGIN',
      plugin.name,
      `the option ${key} has no parse; use int, bool, text or choice`,
    );
  }
  const { priority = 0 } = plugin;
  if (!Number.isInteger(priority) || priority < -20 || priority > 19) {
    throw new PluginError(
      'PLUGIN_NOT_A_PLUGIN',
      plugin.name,
      `priority is a whole number from -20 to 19, not ${priority}`,
    );
  }
  return plugin as Plugin;
}

function checkNames(found: readonly Found[]): void {
  const origins = new Map<string, string>();
  for (const { plugin, origin } of found) {
    const other = origins.get(plugin.name);
    if (other !== undefined) throw duplicate(plugin.name, other, origin);
    origins.set(plugin.name, origin);
  }
}

const duplicate = (name: string, one: string, other: string): PluginError =>
  new PluginError('PLUGIN_DUPLICATE_NAME', name, `the name is taken twice: by ${one} and ${other}`);
