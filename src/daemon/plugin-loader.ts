import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { API_VERSION, type Plugin } from '../plugin-api/plugin.ts';
import { PluginError } from './plugin-error.ts';

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
}

const EXTENSIONS = ['.js', '.mjs'];

/**
 * Finds the plugins: those that are named, of the directory or shipped; where none is named, all of the directory and
 * the path manager.
 * @throws PluginError
 */
export async function findPlugins(wanted: Wanted): Promise<readonly Found[]> {
  const files = wanted.pluginDir === undefined ? new Map<string, string>() : list(wanted.pluginDir);
  const shipped = new Map(wanted.builtIn.map((plugin) => [plugin.name, plugin]));
  const found: Found[] = [];
  for (const name of names(wanted, [...files.keys()])) {
    const file = files.get(name);
    const plugin = shipped.get(name);
    if (file !== undefined) found.push({ plugin: await load(file), origin: file });
    else if (plugin) found.push({ plugin, origin: 'shipped' });
    else throw notFound(name, wanted, [...files.keys(), ...shipped.keys()]);
  }
  checkNames(found);
  if (wanted.pathManager !== undefined && !found.some(({ plugin }) => plugin.name === wanted.pathManager)) {
    throw notFound(
      wanted.pathManager,
      wanted,
      found.map(({ plugin }) => plugin.name),
    );
  }
  return found;
}

function names(wanted: Wanted, files: readonly string[]): readonly string[] {
  if (wanted.loadPlugins) return wanted.loadPlugins;
  const manager = wanted.pathManager ?? (files.length === 0 ? wanted.fallback : undefined);
  return manager !== undefined && !files.includes(manager) ? [...files, manager] : files;
}

function notFound(name: string, { pluginDir }: Wanted, there: readonly string[]): PluginError {
  const where = pluginDir === undefined ? '' : ` in ${pluginDir} or`;
  return new PluginError('PLUGIN_NOT_FOUND', name, `not found${where} among ${there.join(', ') || 'none'}`);
}

/** The plugin files of a directory by name. */
function list(dir: string): ReadonlyMap<string, string> {
  let entries: string[];
  try {
    checkSafe(dir);
    entries = readdirSync(dir).sort();
  } catch (error) {
    if (error instanceof PluginError) throw error;
    throw new PluginError('PLUGIN_NOT_FOUND', dir, `cannot read the directory: ${(error as Error).message}`, error);
  }
  const files = new Map<string, string>();
  for (const entry of entries.filter((each) => EXTENSIONS.includes(extname(each)))) {
    files.set(basename(entry, extname(entry)), join(dir, entry));
  }
  return files;
}

/** What others may write, others may make the daemon run. Looks at the opened file, so that it is the one looked at. */
function checkSafe(path: string): void {
  const fd = openSync(path, 'r');
  try {
    const { uid, mode } = fstatSync(fd);
    if (uid !== 0 && uid !== process.geteuid?.()) {
      throw new PluginError(
        'PLUGIN_UNSAFE',
        path,
        `belongs to user ${uid}; it must belong to root or to the daemon's user`,
      );
    }
    if (mode & 0o002) throw new PluginError('PLUGIN_UNSAFE', path, 'is world-writable; run chmod o-w on it');
  } finally {
    closeSync(fd);
  }
}

async function load(file: string): Promise<Plugin> {
  let loaded: { default?: unknown };
  try {
    checkSafe(file);
    loaded = (await import(pathToFileURL(file).href)) as { default?: unknown };
  } catch (error) {
    if (error instanceof PluginError) throw error;
    throw new PluginError('PLUGIN_LOAD_FAILED', file, (error as Error).message, error);
  }
  return check(loaded.default, file);
}

/** Whether a file's default export is a plugin of this version. */
export function check(value: unknown, origin: string): Plugin {
  const plugin = value as Partial<Plugin> | null | undefined;
  if (typeof plugin !== 'object' || plugin === null || typeof plugin.setup !== 'function') {
    const shape = 'export default { name, api: 1, setup() { … } }';
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
    if (other !== undefined) {
      throw new PluginError('PLUGIN_DUPLICATE_NAME', plugin.name, `the name is taken twice: by ${other} and ${origin}`);
    }
    origins.set(plugin.name, origin);
  }
}
