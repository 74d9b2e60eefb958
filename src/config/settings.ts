import { ConfigError, hint } from './errors.ts';
import { type IniEntry, parseIni } from './ini.ts';
import { type CoreSettings, type KeyName, keys, ValueError } from './keys.ts';

/** A plugin's option as the file gives it, to be parsed by what the plugin declares. */
export interface RawOption {
  readonly value: string;
  /** `FILE:LINE` */
  readonly place: string;
}

/** The whole configuration. */
export interface Settings {
  readonly core: Readonly<CoreSettings>;
  /** By plugin, by option. */
  readonly plugins: ReadonlyMap<string, ReadonlyMap<string, RawOption>>;
}

/** What a file or a command line sets of `[core]`. */
export type Given = Partial<CoreSettings>;

const names = Object.keys(keys) as KeyName[];
const byFileName = new Map(names.map((name) => [keys[name].name, name]));

/** Parses one value. @throws ConfigError of that code, with the place */
export function parseValue(
  name: KeyName,
  text: string,
  place: string,
  code: 'CONFIG_BAD_VALUE' | 'CONFIG_USAGE' = 'CONFIG_BAD_VALUE',
): CoreSettings[KeyName] {
  try {
    return keys[name].parse(text);
  } catch (error) {
    if (error instanceof ValueError) throw new ConfigError(code, place, error.message);
    throw error;
  }
}

/** Reads the text of a configuration file. @throws ConfigError with file and line */
export function parseConfig(text: string, file: string): { core: Given; plugins: Settings['plugins'] } {
  const core: Record<string, unknown> = {};
  const plugins = new Map<string, Map<string, RawOption>>();
  for (const section of parseIni(text, file)) {
    const plugin = /^plugin\s+([\w-]+)$/.exec(section.name)?.[1];
    if (plugin !== undefined) {
      const options = plugins.get(plugin) ?? new Map<string, RawOption>();
      plugins.set(plugin, options);
      for (const { key, value, line } of section.entries) {
        const place = `${file}:${line}`;
        const before = options.get(key);
        if (before) throw setTwice(place, key, before.place);
        options.set(key, { value, place });
      }
    } else if (section.name === 'core') {
      for (const entry of section.entries) readCore(core, entry, file);
    } else {
      const known = ['core', 'plugin NAME'];
      throw new ConfigError(
        'CONFIG_UNKNOWN_SECTION',
        `${file}:${section.line}`,
        `no section [${section.name}]${hint(section.name, known)}`,
      );
    }
  }
  return { core: core as Given, plugins };
}

function readCore(core: Record<string, unknown>, { key, value, line }: IniEntry, file: string): void {
  const name = byFileName.get(key);
  const place = `${file}:${line}`;
  if (!name) {
    throw new ConfigError('CONFIG_UNKNOWN_KEY', place, `no key "${key}" in [core]${hint(key, [...byFileName.keys()])}`);
  }
  if (Object.hasOwn(core, name)) throw setTwice(place, key);
  core[name] = parseValue(name, value, `${place}: ${key}`);
}

/** Which of two values was meant nobody knows: the C program takes the first, others the last. */
const setTwice = (place: string, key: string, before?: string): ConfigError =>
  new ConfigError(
    'CONFIG_SET_TWICE',
    place,
    `"${key}" is set already${before ? ` in ${before}` : ''}; keep one of them`,
  );

/** Puts layers over the defaults: the later the stronger. */
export function settle(plugins: Settings['plugins'], ...layers: readonly Given[]): Settings {
  const core: Record<string, unknown> = {};
  for (const name of names) core[name] = keys[name].default;
  for (const layer of layers) Object.assign(core, layer);
  return { core: core as CoreSettings, plugins };
}
