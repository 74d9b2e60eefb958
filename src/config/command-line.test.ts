import { describe, expect, test } from 'vitest';
import { helpText, options, parseCommandLine, usageText } from './command-line.ts';
import { ConfigError } from './errors.ts';
import { keys } from './keys.ts';

/** The words of a line, as a shell splits them. */
const words = (line: string): string[] => (line === '' ? [] : line.split(' '));

function given(line: string): unknown {
  const invocation = parseCommandLine(words(line));
  if (invocation.action !== 'run') throw new Error(`not run but ${invocation.action}`);
  return invocation.given;
}

function error(...args: readonly string[]): ConfigError {
  try {
    parseCommandLine(args);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was wrong');
}

describe('options, the way argp reads them', () => {
  test.each([
    ['', {}],
    ['--', {}],
    ['-ljournal', { log: 'journal' }],
    ['-l journal', { log: 'journal' }],
    ['--log=journal', { log: 'journal' }],
    ['--log journal', { log: 'journal' }],
    ['-d', { logLevel: 'debug' }],
    ['--debug', { logLevel: 'debug' }],
    ['-dl stderr', { logLevel: 'debug', log: 'stderr' }],
    ['-dlstderr', { logLevel: 'debug', log: 'stderr' }],
    ['--path-manager=a --load-plugins=a,b', { pathManager: 'a', loadPlugins: ['a', 'b'] }],
    ['--plugin-dir /x --netns blue', { pluginDir: '/x', netns: 'blue' }],
    ['--addr-flags=', { addrFlags: [] }],
    ['--log=null --log=syslog', { log: 'syslog' }],
    ['--log-level=warn -d', { logLevel: 'debug' }],
    // Abbreviated as long as one fits; an exact name wins over longer ones.
    ['--pat=a', { pathManager: 'a' }],
    ['--log-l=warn', { logLevel: 'warn' }],
    ['--no existing', { notifyFlags: ['existing'] }],
    ['--de', { logLevel: 'debug' }],
  ])('"%s"', (line, expected) => {
    expect(given(line)).toEqual(expected);
  });

  test.each([
    [[], undefined],
    [['--config=/x y'], '/x y'],
    [['--config', '/x'], '/x'],
    [['--conf', '/x', '--config', '/y'], '/y'],
  ])('%j reads the file %s', (args, config) => {
    expect(parseCommandLine(args)).toMatchObject({ action: 'run', config });
  });

  test('an argument may look like an option', () => {
    expect(parseCommandLine(['--plugin-dir', '--log'])).toMatchObject({ given: { pluginDir: '--log' } });
  });

  test.each([
    ['-?', 'help'],
    ['--help', 'help'],
    ['--he', 'help'],
    ['--usage', 'usage'],
    ['-V', 'version'],
    ['--version', 'version'],
    ['-dV', 'version'],
    ['--log=journal --version', 'version'],
    ['--help --version', 'help'],
    // Help is given at once: what follows is not looked at.
    ['--help --bogus', 'help'],
    ['-?Z', 'help'],
  ])('"%s" asks for %s', (line, action) => {
    expect(parseCommandLine(words(line))).toEqual({ action });
  });
});

describe('what is wrong on the command line', () => {
  test.each([
    [['--bogus'], 'there is no option --bogus'],
    [['--logg=x'], 'there is no option --logg; did you mean "log"?'],
    [['-x'], 'there is no option -x'],
    [['-dx'], 'there is no option -x'],
    [['--p=x'], '--p may be --plugin-dir or --path-manager'],
    [['--l=x'], '--l may be --log or --log-level or --load-plugins'],
    [['--=x'], 'may be --log'],
    [['--log'], '--log needs an argument: DEST'],
    [['-l'], '-l needs an argument: DEST'],
    [['-dl'], '-l needs an argument: DEST'],
    [['--debug=yes'], '--debug takes no argument'],
    [['extra'], 'too many arguments: "extra"'],
    [['-d', 'extra', '--bogus'], 'too many arguments: "extra"'],
    [['-'], 'too many arguments: "-"'],
    [['--', '--log'], 'too many arguments: "--log"'],
    [[''], 'too many arguments: ""'],
  ])('%j', (args, message) => {
    const wrong = error(...args);
    expect(wrong.code).toBe('CONFIG_USAGE');
    expect(wrong.message).toContain(message);
  });

  test.each([
    [['--log=Journal'], '--log: takes stderr, syslog, journal, null, not "Journal"'],
    [['-lx'], '-l: takes stderr'],
    [['--addr-fl=sgnal'], '--addr-flags: has no flag "sgnal"; did you mean "signal"?'],
    [['--netns='], '--netns: must not be empty'],
  ])('%j is a bad value', (args, message) => {
    const wrong = error(...args);
    expect(wrong.code).toBe('CONFIG_USAGE');
    expect(wrong.message).toContain(message);
  });
});

describe('help and usage', () => {
  test('every key of [core] is an option', () => {
    expect(options.map(({ long }) => long)).toEqual(
      expect.arrayContaining(Object.values(keys).map(({ name }) => name)),
    );
  });

  test.each(options.map((option) => [option.long, option] as const))('help tells of --%s', (long, option) => {
    const line = helpText()
      .split('\n')
      .find((each) => each.includes(`--${long}${option.argument ? `=${option.argument}` : ' '}`));
    expect(line).toContain(option.help);
    if (option.short) expect(line).toContain(`-${option.short},`);
  });

  test.each(options.map((option) => [option.long, option] as const))('usage tells of --%s', (long, option) => {
    const { argument, short } = option;
    expect(usageText()).toContain(argument ? `[--${long}=${argument}]` : `[--${long}]`);
    if (short && argument) expect(usageText()).toContain(`[-${short} ${argument}]`);
    if (short && !argument) expect(/\[-(\S+)\]/.exec(usageText())?.[1]).toContain(short);
  });

  test('no two options have one name, and none is another’s abbreviation but log', () => {
    const longs = options.map(({ long }) => long);
    const shorts = options.flatMap(({ short }) => short ?? []);
    expect(new Set(longs).size).toBe(longs.length);
    expect(new Set(shorts).size).toBe(shorts.length);
    const hidden = longs.filter((long) => longs.some((other) => other !== long && other.startsWith(long)));
    expect(hidden).toEqual(['log']);
  });

  test('usage fits a terminal', () => {
    expect(
      Math.max(
        ...usageText()
          .split('\n')
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(79);
  });
});
