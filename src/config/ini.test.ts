import { describe, expect, test } from 'vitest';
import { ConfigError } from './errors.ts';
import { parseIni } from './ini.ts';

const parse = (text: string) => parseIni(text, 'm.conf');

function error(text: string): ConfigError {
  try {
    parse(text);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was wrong');
}

describe('what is read', () => {
  test('sections and settings with their lines', () => {
    expect(parse('[core]\nlog = stderr\n\n[plugin p]\na=1')).toEqual([
      { name: 'core', line: 1, entries: [{ key: 'log', value: 'stderr', line: 2 }] },
      { name: 'plugin p', line: 4, entries: [{ key: 'a', value: '1', line: 5 }] },
    ]);
  });

  test.each([
    ['no blanks', 'a=b', 'a', 'b'],
    ['blanks', '  a  =  b c  ', 'a', 'b c'],
    ['tabs', '\ta\t=\tb\t', 'a', 'b'],
    ['an equals sign in the value', 'a = b=c', 'a', 'b=c'],
    ['a comment sign in the value: it is part of it', 'a = b # c ; d', 'a', 'b # c ; d'],
    ['quotes: they are part of the value', 'a = "b"', 'a', '"b"'],
    ['an empty value', 'a =', 'a', ''],
  ])('a setting with %s', (_, line, key, value) => {
    expect(parse(`[s]\n${line}`)[0]?.entries).toEqual([{ key, value, line: 2 }]);
  });

  test('comments and empty lines are passed over, and count', () => {
    expect(parse('# one\n; two\n\n   # three\n[s]\n;a=b\n  \na=b')).toEqual([
      { name: 's', line: 5, entries: [{ key: 'a', value: 'b', line: 8 }] },
    ]);
  });

  test('a file from Windows', () => {
    expect(parse('\uFEFF[s]\r\na = b\r\n')).toEqual([
      { name: 's', line: 1, entries: [{ key: 'a', value: 'b', line: 2 }] },
    ]);
  });

  test.each([
    ['[ core ]', 'core'],
    ['[interface wwan0.100]', 'interface wwan0.100'],
    ['[a.b.c]', 'a.b.c'],
    ['  [core]  ', 'core'],
  ])('the section %s', (line, name) => {
    expect(parse(line)).toEqual([{ name, line: 1, entries: [] }]);
  });

  test('nothing at all', () => {
    expect(parse('')).toEqual([]);
    expect(parse('\n# only words\n')).toEqual([]);
  });
});

describe('what is wrong is told with its place', () => {
  test.each([
    ['[core', 'm.conf:1: "[core" is no section; write [name]'],
    ['[]', 'm.conf:1: "[]" is no section; write [name]'],
    ['[  ]', 'm.conf:1: "[  ]" is no section; write [name]'],
    ['[core] log=stderr', 'm.conf:1: "[core] log=stderr" is no section; write [name]'],
    ['[core]\n\nlog', 'm.conf:3: "log" is no setting; write key = value'],
    ['[core]\n= stderr', 'm.conf:2: "= stderr" is no setting; write key = value'],
    ['# first\nlog = stderr', 'm.conf:2: a setting before the first section; write [core] above it'],
  ])('%j', (text, message) => {
    expect(error(text)).toMatchObject({ code: 'CONFIG_SYNTAX', message });
  });
});

test('a section of many blanks that does not end is refused at once', () => {
  const start = performance.now();
  expect(() => parseIni(`[${' '.repeat(50_000)}x`, 'f')).toThrow('is no section');
  expect(performance.now() - start).toBeLessThan(500);
});
