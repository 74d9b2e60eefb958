import { readFileSync } from 'node:fs';
import { readCommands } from '../../../src/cli/batch-lines.ts';
import { CliError } from '../../../src/cli/cli-error.ts';
import { readFilter as readConnectionFilter } from '../../../src/cli/connection-filter.ts';
import { parse as parseEndpoint } from '../../../src/cli/endpoint.ts';
import { readFilter as readEventFilter } from '../../../src/cli/event-filter.ts';
import { parse as parseLimits } from '../../../src/cli/limits.ts';
import { readOptions } from '../../../src/cli/options.ts';
import { parse as parseUserspace } from '../../../src/cli/userspace-words.ts';
import { ConfigError, parseCommandLine, parseConfig } from '../../../src/config/index.ts';
import { asIfIndex } from '../../../src/core/model/ids.ts';
import { canonicalIp } from '../../../src/os/ip.ts';
import { bool, choice, int, type Option, OptionError, text } from '../../../src/plugin-api/options.ts';
import { type Target, whole } from '../target.ts';

const file = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const conf = file('etc/mptcpd.conf');

const isConfigError = (error: unknown): boolean => error instanceof ConfigError;
const isCliError = (error: unknown): boolean => error instanceof CliError;
const links = { linkIndex: (name: string) => (/^[a-z]+\d$/.test(name) ? asIfIndex(7) : undefined) };

/** A program's arguments, as they stand between NULs. */
const words = (b: Buffer): string[] => b.toString().split('\0');
const lines = (...all: readonly string[]): Buffer[] => all.map((line) => Buffer.from(line.replaceAll(' ', '\0')));

const ofWords = (name: string, seeds: readonly Buffer[], read: (given: readonly string[]) => unknown): Target => ({
  name: `mptcpctl: ${name}`,
  seeds,
  read: whole((b) => read(words(b))),
  isDocumented: isCliError,
});

const endpoint = lines(
  '10.0.0.1',
  'dev eth0 id 3 port 10100 signal 10.0.0.1',
  'fd00::1 subflow backup nofullmesh',
  '::ffff:10.0.0.1 fullmesh dev if7',
  '0x0a.1 id 0377 port 0',
);
const options: Readonly<Record<string, Option<unknown>>> = {
  a: int({ default: 1, min: -5, max: 99, help: 'a number' }),
  b: bool({ default: false, help: 'yes or no' }),
  c: choice({ of: ['one', 'two'], default: 'one', help: 'a word' }),
  d: text({ default: '', help: 'text' }),
};

async function* chunks(b: Buffer): AsyncGenerator<string> {
  const all = b.toString();
  const size = Math.max(1, all.length >> 2);
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}

/** Files and command lines. */
export const textTargets: readonly Target[] = [
  {
    name: 'mptcpd.conf',
    seeds: [
      conf,
      conf.replace(/^# ([a-z-]+ = )/gm, '$1'),
      '[core]\nlog=null\n[ plugin x ]\r\na = b = c\n;\n',
      '\uFEFF[core]',
    ].map((each) => Buffer.from(each)),
    read: whole((b) => parseConfig(b.toString(), 'mptcpd.conf')),
    isDocumented: isConfigError,
  },
  {
    name: 'arguments of mptcpd',
    seeds: lines(
      '-dl stderr',
      '--path-manager=a --load-plugins a,b',
      '--addr-flags=signal,backup --log-l=warn',
      '-V',
      '--he',
    ),
    read: whole((b) => parseCommandLine(words(b))),
    isDocumented: isConfigError,
  },
  {
    name: 'options of plugins',
    seeds: ['1', '-5', 'yes', 'two', 'false', 'a b'].map((each) => Buffer.from(each)),
    read: whole((b) =>
      Object.values(options).map((option) => {
        try {
          return option.parse(b.toString());
        } catch (error) {
          if (error instanceof OptionError) return error.message;
          throw error;
        }
      }),
    ),
    isDocumented: () => false,
  },
  {
    name: 'addresses in text',
    seeds: ['10.0.0.1', '::', 'fd00:1::2', '::ffff:192.0.2.1', '1:2:3:4:5:6:7:8'].map((each) => Buffer.from(each)),
    read: whole((b) => canonicalIp(b.toString())),
    isDocumented: () => false,
  },
  ofWords(
    'options',
    lines('-j -p endpoint show', '--json -n blue limits', '-color=auto -batch x -force', '-6 --'),
    readOptions,
  ),
  ofWords('endpoint', endpoint, (given) => parseEndpoint('add', given, links)),
  ofWords('endpoint delete', lines('id 3', 'id 0 10.0.0.1', '10.0.0.1 dev eth0'), (given) =>
    parseEndpoint('delete', given, links),
  ),
  ofWords('limits', lines('subflows 3 add_addr_accepted 2', 'sub 0x2', 'a 8'), parseLimits),
  ofWords(
    'userspace',
    lines('0x1234 local 10.0.0.1 id 3 remote fd00::2 port 443 backup', '77 10.0.0.1 dev eth0 nobackup', '1 id 255'),
    (given) => parseUserspace(given, links),
  ),
  ofWords('events', lines('token 5 event CREATED,CLOSED', '--token=0x5 --event ESTABLISHED'), readEventFilter),
  ofWords('connections', lines('show token 5 local 10.0.0.1', 'remote fd00::1 port 80', 'l ::1'), readConnectionFilter),
  {
    name: 'mptcpctl: batch',
    seeds: [
      'endpoint add 10.0.0.1 id 3 # one\nlimits set subflows 2\n',
      'mptcp endpoint show\\\n id 3\n"a b" \'c\'\n',
      '# nothing\n\n\t\r\n',
    ].map((each) => Buffer.from(each)),
    read: whole(async (b) => {
      const all: unknown[] = [];
      for await (const line of readCommands(chunks(b), (warning) => void all.push(warning))) all.push(line);
      return all;
    }),
    isDocumented: isCliError,
  },
];
