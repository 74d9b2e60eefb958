import { ConfigError, hint } from './errors.ts';
import { type KeyName, keys } from './keys.ts';
import { type Given, parseValue } from './settings.ts';

/** What the command line asks for. */
export type Invocation =
  | { readonly action: 'help' | 'usage' | 'version' }
  /** check: say what is wrong with the configuration, and no more. */
  | { readonly action: 'run' | 'check'; readonly config: string | undefined; readonly given: Given };

interface OptionSpec {
  readonly long: string;
  readonly short?: string;
  readonly argument?: string;
  readonly help: string;
  readonly key?: KeyName;
}

/** The options of mptcpd(8), and the newer keys. */
export const options: readonly OptionSpec[] = [
  ...(Object.keys(keys) as KeyName[]).map((key): OptionSpec => {
    const { name, argument, short, help } = keys[key];
    return { long: name, argument, help, key, ...(short === undefined ? {} : { short }) };
  }),
  { long: 'config', argument: 'FILE', help: 'read FILE instead of /etc/mptcpd/mptcpd.conf' },
  { long: 'check-config', help: 'say what is wrong with the configuration and its plugins, and exit' },
  { long: 'debug', short: 'd', help: 'log everything (--log-level=debug)' },
  { long: 'help', short: '?', help: 'print this help' },
  { long: 'usage', help: 'print the options in short' },
  { long: 'version', short: 'V', help: 'print the version' },
];

const usageError = (message: string): ConfigError => new ConfigError('CONFIG_USAGE', undefined, message);

/**
 * Reads the arguments the way argp does: long options may be abbreviated as long as only one fits, `--log=DEST` and
 * `--log DEST`, `-lDEST` and `-l DEST`, short options in one word.
 * @throws ConfigError CONFIG_USAGE
 */
export function parseCommandLine(args: readonly string[]): Invocation {
  const given: Record<string, unknown> = {};
  let config: string | undefined;
  let action: 'run' | 'check' = 'run';

  for (const { spec, value = '', shown } of scan(args)) {
    if (spec.key) given[spec.key] = parseValue(spec.key, value, shown, 'CONFIG_USAGE');
    else if (spec.long === 'config') config = named(value);
    else if (spec.long === 'check-config') action = 'check';
    else if (spec.long === 'debug') given['logLevel'] = 'debug';
    else return { action: spec.long as 'help' | 'usage' | 'version' };
  }
  return { action, config, given: given as Given };
}

function named(file: string): string {
  if (file === '') throw usageError('--config: must not be empty');
  return file;
}

interface Found {
  readonly spec: OptionSpec;
  readonly value: string | undefined;
  /** As the user wrote it. */
  readonly shown: string;
}

function* scan(args: readonly string[]): Generator<Found> {
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg.startsWith('--') && arg !== '--') yield longOption(arg, rest);
    else if (arg.startsWith('-') && arg !== '-' && arg !== '--') yield* shortOptions(arg, rest);
    else if (arg !== '--' || rest.length > 0) throw usageError(`too many arguments: "${arg === '--' ? rest[0] : arg}"`);
  }
}

function longOption(arg: string, rest: string[]): Found {
  const equals = arg.indexOf('=');
  const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
  const fits = options.filter(({ long }) => long.startsWith(name));
  const spec = fits.find(({ long }) => long === name) ?? fits[0];
  if (!spec)
    throw usageError(
      `there is no option --${name}${hint(
        name,
        options.map(({ long }) => long),
      )}`,
    );
  if (spec.long !== name && fits.length > 1) {
    throw usageError(`--${name} may be ${fits.map(({ long }) => `--${long}`).join(' or ')}`);
  }
  const shown = `--${spec.long}`;
  if (spec.argument === undefined) {
    if (equals >= 0) throw usageError(`${shown} takes no argument`);
    return { spec, value: undefined, shown };
  }
  return { spec, shown, value: equals >= 0 ? arg.slice(equals + 1) : argument(spec, shown, rest) };
}

function* shortOptions(arg: string, rest: string[]): Generator<Found> {
  for (let i = 1; i < arg.length; i++) {
    const shown = `-${arg[i]}`;
    const spec = options.find(({ short }) => short === arg[i]);
    if (!spec) throw usageError(`there is no option ${shown}`);
    if (spec.argument === undefined) {
      yield { spec, value: undefined, shown };
    } else {
      yield { spec, shown, value: i + 1 < arg.length ? arg.slice(i + 1) : argument(spec, shown, rest) };
      return;
    }
  }
}

function argument(spec: OptionSpec, shown: string, rest: string[]): string {
  const value = rest.shift();
  if (value === undefined) throw usageError(`${shown} needs an argument: ${spec.argument}`);
  return value;
}

const left = ({ long, short, argument }: OptionSpec): string =>
  `  ${short ? `-${short},` : '   '} --${long}${argument ? `=${argument}` : ''}`;

export function helpText(): string {
  const width = Math.max(...options.map((o) => left(o).length)) + 3;
  const lines = options.map((o) => `${left(o).padEnd(width)}${o.help}`);
  return `Usage: mptcpd [OPTION...]
Manage the paths of Multipath TCP connections (RFC 8684) with plugins.

${lines.join('\n')}

Options stand over the configuration file, and that over the defaults. Long options may be abbreviated.
Exit status: 0 stopped by a signal, or nothing is wrong; 1 could not start, or something is; 64 wrong command line.
`;
}

export function usageText(): string {
  const flags = options.filter((o) => o.short && !o.argument).map((o) => o.short);
  const longs = options.map((o) => {
    const short = o.short && o.argument ? `[-${o.short} ${o.argument}] ` : '';
    return `${short}[--${o.long}${o.argument ? `=${o.argument}` : ''}]`;
  });
  return `${wrap(`Usage: mptcpd [-${flags.join('')}]`, longs)}\n`;
}

function wrap(start: string, words: readonly string[]): string {
  const lines = [start];
  for (const word of words) {
    const last = lines.at(-1) ?? '';
    if (last.length + 1 + word.length > 79) lines.push(`            ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join('\n');
}
