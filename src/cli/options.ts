import type { Batch } from './batch.ts';
import { CliError, incomplete, status, wrongArgument } from './cli-error.ts';
import { usageText } from './usage.ts';
import { matches, unsigned } from './words.ts';

/** What the options before the object say; they are `ip`'s. */
export interface Options {
  readonly json: boolean;
  /** With `json`: in many lines. */
  readonly pretty: boolean;
  /** One record a line. */
  readonly oneLine: boolean;
  readonly timestamp: 'none' | 'long' | 'short';
  readonly colour: 'never' | 'auto' | 'always';
  /** The name of a network namespace in /run/netns, or a path. */
  readonly netns: string | undefined;
}

export const defaults: Options = {
  json: false,
  pretty: false,
  oneLine: false,
  timestamp: 'none',
  colour: 'never',
  netns: undefined,
};

/** What the command line asks for: the options, then the object and its words; or one of two answers without any. */
export interface Invocation {
  readonly action: 'run' | 'help' | 'version';
  readonly options: Options;
  /** The commands stand in a file. What `words` has is left unused, as `ip` does. */
  readonly batch?: Batch;
  readonly words: readonly string[];
}

type Switch = (options: Options) => Options;

/**
 * By name, in the order in which an abbreviation is looked for. Those that change nothing here are options of `ip` that
 * a script may give all the same.
 */
const switches: readonly (readonly [name: string, turn: Switch])[] = [
  ['-details', (o) => o],
  ['-statistics', (o) => o],
  ['-resolve', (o) => o],
  ['-oneline', (o) => ({ ...o, oneLine: true })],
  ['-timestamp', (o) => ({ ...o, timestamp: o.timestamp === 'short' ? 'short' : 'long' })],
  ['-tshort', (o) => ({ ...o, timestamp: 'short' })],
  ['-json', (o) => ({ ...o, json: true })],
  ['-pretty', (o) => ({ ...o, pretty: true })],
  ['-brief', (o) => o],
  ['-Numeric', (o) => o],
  ['-4', (o) => o],
  ['-6', (o) => o],
  ['-0', (o) => o],
  ['-M', (o) => o],
  ['-B', (o) => o],
  ['-human-readable', (o) => o],
  ['-iec', (o) => o],
  ['-all', (o) => o],
];

/** Options of `ip` with a value that changes nothing here either: what is wrong with the value, if anything is. */
const valued: readonly (readonly [name: string, fault: (value: string) => CliError | undefined])[] = [
  ['-loops', () => undefined],
  ['-family', (value) => (families.includes(value) ? undefined : wrongArgument('invalid protocol family', value))],
  [
    '-rcvbuf',
    (value) =>
      unsigned(value, 0xffffffff) === undefined
        ? new CliError(status.usage, `Invalid rcvbuf size '${value}'\n`)
        : undefined,
  ],
];
const families = ['inet', 'inet6', 'link', 'mpls', 'bridge'];

/**
 * Reads the options up to the first word that is none. Both `-json` and `--json` will do, and any abbreviation.
 * @throws CliError
 */
export function readOptions(args: readonly string[]): Invocation {
  let options = defaults;
  let file: string | undefined;
  let force = false;
  const run = (words: readonly string[]): Invocation => ({
    ...{ action: 'run', options, words },
    ...(file === undefined ? {} : { batch: { file, force } }),
  });
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? '';
    if (word === '--') return run(args.slice(at + 1));
    if (!word.startsWith('-') || word === '-') return run(args.slice(at));
    const option = word.startsWith('--') ? word.slice(1) : word;
    if (option === '-echo') continue; // of `ip`, which takes no abbreviation of it
    if (matches(option, '-help')) return { action: 'help', options, words: [] };
    if (matches(option, '-Version') || option === '-version') return { action: 'version', options, words: [] };
    const colour = colourOf(option);
    const turn = switches.find(([name]) => matches(option, name))?.[1];
    const check = valued.find(([name]) => matches(option, name))?.[1];
    if (matches(option, '-batch')) {
      file = args[++at];
      if (file === undefined) throw new CliError(status.usage, usageText);
    } else if (turn) {
      options = turn(options);
    } else if (check) {
      const value = args[++at];
      if (value === undefined) throw incomplete();
      const fault = check(value);
      if (fault) throw fault;
    } else if (matches(option, '-force')) {
      force = true; // after -family, whose abbreviation is `-f`
    } else if (colour) {
      options = { ...options, colour };
    } else if (matches(option, '-netns')) {
      const netns = args[++at];
      if (netns === undefined) throw new CliError(status.usage, 'Option "-netns" needs the name of a namespace.\n');
      options = { ...options, netns };
    } else {
      throw new CliError(status.usage, `Option "${option}" is unknown, try "ip -help".\n`);
    }
  }
  return run([]);
}

function colourOf(option: string): Options['colour'] | undefined {
  const [name = '', when = 'always'] = option.split('=');
  if (name.length < 2 || !matches(name, '-color')) return undefined;
  return (['never', 'auto', 'always'] as const).find((word) => word === when);
}
