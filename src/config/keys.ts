import type { EndpointFlag } from '../core/model/commands.ts';
import { hint } from './errors.ts';

/** A value that a key does not take. The message ends the sentence that begins with the key. */
export class ValueError extends Error {}

/** One setting: a key of `[core]` and, where it has an argument name, a long option. */
export interface Key<T> {
  /** The name in the file; the option is `--` and the same. */
  readonly name: string;
  /** What `--help` calls the argument. */
  readonly argument: string;
  readonly short?: string;
  readonly default: T;
  readonly help: string;
  /** @throws ValueError */
  parse(text: string): T;
}

const filled = (text: string): string => {
  if (text === '') throw new ValueError('must not be empty');
  return text;
};

function word<const W extends string>(words: readonly W[]): (text: string) => W {
  return (text) => {
    const found = words.find((each) => each === text);
    if (found === undefined) throw new ValueError(`takes ${words.join(', ')}, not "${text}"`);
    return found;
  };
}

/** Words between commas; blanks around them do not matter. */
function words<const W extends string>(known: readonly W[]): (text: string) => readonly W[] {
  return (text) =>
    split(text).map((each) => {
      const found = known.find((flag) => flag === each);
      if (found === undefined) throw new ValueError(`has no flag "${each}"${hint(each, known)}`);
      return found;
    });
}

const split = (text: string): string[] => {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  return [...new Set(parts)];
};

const seconds = (text: string): number => {
  if (!/^\d{1,6}$/.test(text)) throw new ValueError(`takes a number of seconds, not "${text}"`);
  return Number(text);
};

/** A whole number in a range. */
function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,8}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max))
      throw new ValueError(`takes a whole number from ${min} to ${max}, not "${text}"`);
    return value;
  };
}

/** A day in milliseconds: nobody waits longer on purpose. */
const DAY_MS = 86_400_000;

const pluginName = (text: string): string => {
  if (!/^[\w-]+$/.test(text))
    throw new ValueError(`takes the name of a plugin (letters, digits, _ and -), not "${text}"`);
  return text;
};

/** mptcpd's own three, and those of newer kernels. */
const addrFlags = ['subflow', 'signal', 'backup', 'fullmesh', 'laminar'] as const satisfies readonly EndpointFlag[];
const notifyFlags = ['existing', 'skip_link_local', 'skip_loopback', 'check_route'] as const;
export const logDestinations = ['stderr', 'syslog', 'journal', 'null'] as const;
export const logLevels = ['error', 'warn', 'info', 'debug'] as const;

export type LogDestination = (typeof logDestinations)[number];
export type LogLevel = (typeof logLevels)[number];
export type NotifyFlag = (typeof notifyFlags)[number];

const key = <T>(k: Key<T>): Key<T> => k;

/** Every key of `[core]`: the one place that knows them. */
export const keys = {
  log: key<LogDestination>({
    name: 'log',
    argument: 'DEST',
    short: 'l',
    default: 'stderr',
    help: `log to DEST: ${logDestinations.join(', ')}`,
    parse: word(logDestinations),
  }),
  logLevel: key<LogLevel>({
    name: 'log-level',
    argument: 'LEVEL',
    default: 'info',
    help: `log LEVEL and above: ${logLevels.join(', ')}`,
    parse: word(logLevels),
  }),
  addrFlags: key<readonly EndpointFlag[]>({
    name: 'addr-flags',
    argument: 'FLAGS',
    default: ['subflow'],
    help: `what addresses are used for by the kernel's path manager: ${addrFlags.join(', ')}`,
    parse(text) {
      const flags = words(addrFlags)(text);
      if (flags.includes('signal') && flags.includes('fullmesh')) {
        throw new ValueError('cannot have both signal and fullmesh: the kernel refuses such endpoints');
      }
      return flags;
    },
  }),
  notifyFlags: key<readonly NotifyFlag[]>({
    name: 'notify-flags',
    argument: 'FLAGS',
    default: ['existing', 'skip_link_local', 'skip_loopback'],
    help: `which addresses plugins hear of: ${notifyFlags.join(', ')}`,
    parse: words(notifyFlags),
  }),
  checkRouteTime: key<number>({
    name: 'check-route-time',
    argument: 'SECONDS',
    default: 30,
    help: 'how long check_route looks again for a default route, besides whenever routes change',
    parse: seconds,
  }),
  pluginDir: key<string | undefined>({
    name: 'plugin-dir',
    argument: 'DIR',
    default: undefined,
    help: 'load plugins (*.js, *.mjs) from DIR',
    parse: filled,
  }),
  pathManager: key<string | undefined>({
    name: 'path-manager',
    argument: 'PLUGIN',
    default: undefined,
    help: 'the plugin that decides about connections, whatever its priority',
    parse: (text) => pluginName(filled(text)),
  }),
  loadPlugins: key<readonly string[] | undefined>({
    name: 'load-plugins',
    argument: 'PLUGINS',
    default: undefined,
    help: 'load only these plugins, of the directory or of those that come with mptcpd',
    parse(text) {
      const names = split(filled(text)).map(pluginName);
      if (names.length === 0) throw new ValueError(`takes names of plugins between commas, not "${text}"`);
      return names;
    },
  }),
  maxSubflows: key({
    name: 'max-subflows',
    argument: 'N',
    default: 8 as number,
    help: 'the most subflows of one connection that plans make, the initial one included',
    parse: whole(1, 255),
  }),
  maxSubflowsPerInterface: key({
    name: 'max-per-interface',
    argument: 'N',
    default: 8 as number,
    help: 'the same from one interface',
    parse: whole(1, 255),
  }),
  maxAnnounced: key({
    name: 'max-announced',
    argument: 'N',
    default: 8 as number,
    help: 'the most addresses that plans announce on one connection',
    parse: whole(0, 255),
  }),
  announceGap: key({
    name: 'announce-gap',
    argument: 'MS',
    default: 200 as number,
    help: 'milliseconds between two address signals of one connection: the kernel holds one at a time',
    parse: whole(0, DAY_MS),
  }),
  retryAfter: key({
    name: 'retry-after',
    argument: 'MS',
    default: 1000 as number,
    help: 'milliseconds until a subflow that failed is tried again, doubled with each failure in a row',
    parse: whole(10, DAY_MS),
  }),
  retryMost: key({
    name: 'retry-most',
    argument: 'MS',
    default: 60_000 as number,
    help: 'the most milliseconds between two such tries',
    parse: whole(10, DAY_MS),
  }),
  triesPerSecond: key({
    name: 'tries-per-second',
    argument: 'N',
    default: 10 as number,
    help: 'the most subflows of one connection that are tried in a second',
    parse: whole(1, 1000),
  }),
  rest: key({
    name: 'rest',
    argument: 'SECONDS',
    default: 300 as number,
    help: 'how long a pair of addresses rests that the peer forbids or keeps closing, doubled each time up to an hour',
    parse: whole(1, 3600),
  }),
  netns: key<string | undefined>({
    name: 'netns',
    argument: 'NAME',
    default: undefined,
    help: 'manage the network namespace NAME (of /run/netns, or a path) instead of the own one',
    parse: filled,
  }),
} as const;

export type KeyName = keyof typeof keys;
export type CoreSettings = { -readonly [K in KeyName]: (typeof keys)[K]['default'] };
