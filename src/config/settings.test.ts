import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from './errors.ts';
import { type KeyName, keys } from './keys.ts';
import { parseConfig, settle } from './settings.ts';

const core = (text: string) => parseConfig(`[core]\n${text}`, 'm.conf').core;

function error(text: string): ConfigError {
  try {
    parseConfig(text, 'm.conf');
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was wrong');
}

describe('every key of [core]', () => {
  const good: { readonly [K in KeyName]: readonly [text: string, value: unknown][] } = {
    log: [
      ['stderr', 'stderr'],
      ['syslog', 'syslog'],
      ['journal', 'journal'],
      ['null', 'null'],
    ],
    checkRouteTime: [
      ['0', 0],
      ['30', 30],
      ['999999', 999_999],
    ],
    logLevel: [
      ['error', 'error'],
      ['warn', 'warn'],
      ['info', 'info'],
      ['debug', 'debug'],
    ],
    addrFlags: [
      ['subflow', ['subflow']],
      ['subflow,signal', ['subflow', 'signal']],
      [' subflow , backup ', ['subflow', 'backup']],
      ['subflow,subflow', ['subflow']],
      ['subflow,fullmesh', ['subflow', 'fullmesh']],
      ['laminar', ['laminar']],
      ['', []],
    ],
    notifyFlags: [
      [
        'existing,skip_link_local,skip_loopback,check_route',
        ['existing', 'skip_link_local', 'skip_loopback', 'check_route'],
      ],
      ['', []],
    ],
    pluginDir: [['/usr/lib/my plugins', '/usr/lib/my plugins']],
    pathManager: [
      ['addr_adv', 'addr_adv'],
      ['my-plugin2', 'my-plugin2'],
    ],
    loadPlugins: [
      ['addr_adv', ['addr_adv']],
      ['addr_adv, sspi,', ['addr_adv', 'sspi']],
      ['a,a', ['a']],
    ],
    maxSubflows: [
      ['1', 1],
      ['255', 255],
    ],
    maxSubflowsPerInterface: [['2', 2]],
    maxAnnounced: [
      ['0', 0],
      ['255', 255],
    ],
    announceGap: [
      ['0', 0],
      ['86400000', 86_400_000],
    ],
    retryAfter: [
      ['10', 10],
      ['86400000', 86_400_000],
    ],
    retryMost: [['60000', 60_000]],
    triesPerSecond: [
      ['1', 1],
      ['1000', 1000],
    ],
    rest: [
      ['1', 1],
      ['3600', 3600],
    ],
    netns: [
      ['blue', 'blue'],
      ['/proc/1/ns/net', '/proc/1/ns/net'],
    ],
  };
  const names = Object.keys(keys) as KeyName[];

  test.each(names.flatMap((name) => good[name].map(([text, value]) => [name, text, value] as const)))(
    '%s = %j is %j',
    (name, text, value) => {
      expect(core(`${keys[name].name} = ${text}`)).toEqual({ [name]: value });
    },
  );

  test.each([
    ['log = Journal', 'm.conf:2: log: takes stderr, syslog, journal, null, not "Journal"'],
    ['log =', 'm.conf:2: log: takes stderr, syslog, journal, null, not ""'],
    ['log-level = verbose', 'm.conf:2: log-level: takes error, warn, info, debug, not "verbose"'],
    ['addr-flags = subflw', 'm.conf:2: addr-flags: has no flag "subflw"; did you mean "subflow"?'],
    ['addr-flags = implicit', 'm.conf:2: addr-flags: has no flag "implicit"; there are subflow, signal, backup, '],
    ['addr-flags = signal,fullmesh', 'm.conf:2: addr-flags: cannot have both signal and fullmesh'],
    [
      'notify-flags = skip_linklocal',
      'm.conf:2: notify-flags: has no flag "skip_linklocal"; did you mean "skip_link_local"?',
    ],
    ['plugin-dir =', 'm.conf:2: plugin-dir: must not be empty'],
    ['path-manager =', 'm.conf:2: path-manager: must not be empty'],
    ['path-manager = a b', 'm.conf:2: path-manager: takes the name of a plugin'],
    ['load-plugins =', 'm.conf:2: load-plugins: must not be empty'],
    ['load-plugins = ,', 'm.conf:2: load-plugins: takes names of plugins between commas'],
    [
      'load-plugins = a,b/c',
      'm.conf:2: load-plugins: takes the name of a plugin (letters, digits, _ and -), not "b/c"',
    ],
    ['max-subflows = 0', 'm.conf:2: max-subflows: takes a whole number from 1 to 255, not "0"'],
    ['max-subflows = many', 'm.conf:2: max-subflows: takes a whole number from 1 to 255, not "many"'],
    ['max-subflows = 1.5', 'm.conf:2: max-subflows: takes a whole number from 1 to 255, not "1.5"'],
    ['retry-after = 9', 'm.conf:2: retry-after: takes a whole number from 10 to 86400000, not "9"'],
    ['retry-most = 86400001', 'm.conf:2: retry-most: takes a whole number from 10 to 86400000, not "86400001"'],
    ['rest = 3601', 'm.conf:2: rest: takes a whole number from 1 to 3600, not "3601"'],
    ['announce-gap =', 'm.conf:2: announce-gap: takes a whole number from 0 to 86400000, not ""'],
    ['netns =', 'm.conf:2: netns: must not be empty'],
  ])('%s is wrong', (line, message) => {
    const wrong = error(`[core]\n${line}`);
    expect(wrong.code).toBe('CONFIG_BAD_VALUE');
    expect(wrong.message).toContain(message);
  });

  test('every key was given a value above', () => {
    expect(names.filter((name) => good[name].length === 0)).toEqual([]);
  });
});

describe('unknown names', () => {
  test.each([
    ['[core]\nlogg = x', 'CONFIG_UNKNOWN_KEY', 'm.conf:2: no key "logg" in [core]; did you mean "log"?'],
    ['[core]\npathmanager = x', 'CONFIG_UNKNOWN_KEY', 'did you mean "path-manager"?'],
    ['[core]\nLOG = stderr', 'CONFIG_UNKNOWN_KEY', 'did you mean "log"?'],
    ['[core]\nzzzzzzzzzzzzz = x', 'CONFIG_UNKNOWN_KEY', '; there are log, log-level, '],
    ['[core]\n\n[cor]\n', 'CONFIG_UNKNOWN_SECTION', 'm.conf:3: no section [cor]; did you mean "core"?'],
    ['[plugin]\n', 'CONFIG_UNKNOWN_SECTION', 'm.conf:1: no section [plugin]; there are core, plugin NAME'],
    ['[plugin a.b]\n', 'CONFIG_UNKNOWN_SECTION', 'm.conf:1: no section [plugin a.b]'],
    ['[core]\n__proto__ = x', 'CONFIG_UNKNOWN_KEY', 'no key "__proto__"'],
    ['[core]\nconstructor = x', 'CONFIG_UNKNOWN_KEY', 'no key "constructor"'],
  ])('%j', (text, code, message) => {
    const wrong = error(text);
    expect(wrong.code).toBe(code);
    expect(wrong.message).toContain(message);
  });
});

describe('plugins’ sections', () => {
  test('are kept as text with their places, for the plugin to read', () => {
    const { plugins } = parseConfig('[plugin mirror]\nmax-subflows = 3\n[plugin  a-b_2]\nx=', 'm.conf');
    expect(Object.fromEntries([...plugins].map(([name, options]) => [name, Object.fromEntries(options)]))).toEqual({
      mirror: { 'max-subflows': { value: '3', place: 'm.conf:2' } },
      'a-b_2': { x: { value: '', place: 'm.conf:4' } },
    });
  });

  test('may come in parts', () => {
    const { plugins } = parseConfig('[plugin p]\na=1\n[core]\n[plugin p]\nb=2\n', 'm.conf');
    expect([...(plugins.get('p') ?? [])].map(([key, { value }]) => `${key}=${value}`)).toEqual(['a=1', 'b=2']);
  });
});

describe('precedence', () => {
  test('what nobody sets is as by default', () => {
    expect(settle(new Map()).core).toEqual({
      log: 'stderr',
      logLevel: 'info',
      addrFlags: ['subflow'],
      notifyFlags: ['existing', 'skip_link_local', 'skip_loopback'],
      checkRouteTime: 30,
      pluginDir: undefined,
      pathManager: undefined,
      loadPlugins: undefined,
      netns: undefined,
      maxSubflows: 8,
      maxSubflowsPerInterface: 8,
      maxAnnounced: 8,
      announceGap: 200,
      retryAfter: 1000,
      retryMost: 60_000,
      triesPerSecond: 10,
      rest: 300,
    });
  });

  test('the later layer stands over the earlier, key by key', () => {
    const file = core('log = journal\naddr-flags = signal');
    expect(settle(new Map(), file, { log: 'syslog' }).core).toMatchObject({
      log: 'syslog',
      addrFlags: ['signal'],
      logLevel: 'info',
    });
  });

  test('lists are replaced, not added to', () => {
    expect(settle(new Map(), core('notify-flags =')).core.notifyFlags).toEqual([]);
  });

  test.each([
    ['[core]\nlog = journal\nlog = syslog', 'm.conf:3: "log" is set already; keep one of them'],
    ['[core]\nlog = journal\n[plugin p]\n[core]\nlog = journal', 'm.conf:5: "log" is set already; keep one of them'],
    ['[plugin p]\na=1\nb=1\n[plugin p]\nb=2', 'm.conf:5: "b" is set already in m.conf:3; keep one of them'],
  ])('of two settings of one key in a file neither counts: %j', (text, words) => {
    const wrong = error(text);
    expect([wrong.code, wrong.message]).toEqual(['CONFIG_SET_TWICE', words]);
  });
});

test('a file of the C mptcpd is read unchanged', () => {
  const text = `# SPDX-License-Identifier: BSD-3-Clause
#
# mptcpd configuration file

[core]
# -------------------------
# Default logging mechanism
# -------------------------
#   stderr  - standard unbuffered I/O stream
log=journal

plugin-dir=/usr/lib/x86_64-linux-gnu/mptcpd
path-manager=addr_adv

# Address flags
# addr-flags=subflow
addr-flags=subflow
notify-flags=existing,skip_link_local,skip_loopback,check_route
load-plugins=addr_adv,sspi
`;
  const { core: given, plugins } = parseConfig(text, '/etc/mptcpd/mptcpd.conf');
  expect(given).toEqual({
    log: 'journal',
    pluginDir: '/usr/lib/x86_64-linux-gnu/mptcpd',
    pathManager: 'addr_adv',
    addrFlags: ['subflow'],
    notifyFlags: ['existing', 'skip_link_local', 'skip_loopback', 'check_route'],
    loadPlugins: ['addr_adv', 'sspi'],
  });
  expect(plugins.size).toBe(0);
});

describe('whatever is in the file', () => {
  const name = fc.constantFrom('core', 'plugin p', 'plugin', '', ...Object.values(keys).map((key) => key.name));
  const value = fc.constantFrom('', ',', 'stderr', 'subflow,signal', 'a,b', 'null', '__proto__');
  const line = fc.oneof(
    name.map((each) => `[${each}]`),
    fc.tuple(name, value).map(([key, each]) => `${key}=${each}`),
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('#', ';', '[', ']', '=', '\uFEFF', '\u0000'),
  );
  const text = fc.tuple(fc.constantFrom('', '[core]\n'), fc.array(line), fc.constantFrom('\n', '\r\n', '\r'));

  test('it is a ConfigError with the file’s name or settings, never anything else', () => {
    const seen = { read: 0, wrong: 0 };
    fc.assert(
      fc.property(text, ([start, lines, end]) => {
        try {
          parseConfig(start + lines.join(end), 'm.conf');
          seen.read++;
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ConfigError);
          expect((thrown as ConfigError).message).toMatch(/^m\.conf:\d+: /);
          seen.wrong++;
        }
      }),
      { seed: 0x6d707463, numRuns: 500 },
    );
    expect(Math.min(seen.read, seen.wrong)).toBeGreaterThan(10);
  });
});
