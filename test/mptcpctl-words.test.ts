import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { eventNames } from '../src/cli/event-format.ts';
import { type Form, grammar, switches } from '../src/cli/grammar.ts';
import { main, objects } from '../src/cli/main.ts';
import { readOptions } from '../src/cli/options.ts';
import { helpText, usageText } from '../src/cli/usage.ts';

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');

const commands = Object.entries(grammar).flatMap(([object, verbs]) =>
  Object.entries(verbs).map(([verb, form]) => ({ object, verb, form })),
);
const keywords = ({ values = {}, flags = [] }: Form): string[] => [...Object.keys(values), ...flags];
/** Every word that there is, options with their dash. */
const allWords = [
  ...new Set([
    ...commands.flatMap(({ object, verb, form }) => [object, verb, ...keywords(form)]),
    ...Object.keys(switches).map((name) => `-${name}`),
  ]),
].filter((word) => word !== '');

describe('the grammar is what the program reads', () => {
  test('objects', () => expect(Object.keys(grammar)).toEqual(Object.keys(objects)));

  async function complaint(words: readonly string[]): Promise<string> {
    let err = '';
    await main(words, { out: () => undefined, err: (text) => (err += text) });
    return err;
  }
  const keywordLines = commands.flatMap(({ object, verb, form: { takes = [], values = {} } }) =>
    Object.keys(values).map((keyword) => {
      const first = takes.includes('token') ? ['7'] : [];
      return [object, ...(verb === '' ? [] : [verb]), ...first, keyword];
    }),
  );
  test.each(keywordLines.map((words) => [words.join(' ')]))('%s: a value must follow', async (line) => {
    expect(await complaint(line.split(' '))).toBe('Command line is not complete. Try option "help"\n');
  });
  test.each(Object.keys(switches))('-%s', (name) => {
    expect(() => readOptions([`-${name}`, 'x'])).not.toThrow();
  });
});

describe('the help', () => {
  /** Of each command the words that its lines name; `''` is the line of an object without a command. */
  const named = new Map<string, Set<string>>();
  const symbols = new Map<string, string[]>();
  let symbol: string[] = [];
  for (const line of helpText.split('\n')) {
    const [, name, definition = ''] = /^ {4}(?:([A-Z]+)|) {2,8}(\S.*)$/.exec(line) ?? [];
    if (line.startsWith('  mptcpctl ')) {
      const [syntax = ''] = line.trim().split(/ {2,}/);
      const [, object = '', ...words] = syntax.split(' ').filter((word) => /^(-*[a-z_]+|[A-Z]+)$/.test(word));
      const verb = words[0] !== undefined && words[0] in (grammar[object] ?? {}) ? words.shift() : '';
      named.set(`${object} ${verb}`, new Set(words));
    } else if (name !== undefined) {
      symbol = [];
      symbols.set(name, symbol);
      symbol.push(...(definition.split(/ {2,}/)[0] ?? '').split(' '));
    } else if (definition === '') symbol = [];
    else symbol.push(definition.split(' ')[0] ?? '');
  }
  const literals = (words: Iterable<string>): string[] =>
    [...words].flatMap((word) => (symbols.has(word) ? literals(symbols.get(word) ?? []) : [word]));
  const inHelp = (object: string, verb: string): Set<string> =>
    new Set(literals(named.get(`${object} ${verb}`) ?? []).filter((word) => /^-*[a-z_]+$/.test(word)));

  test.each(commands.map(({ object, verb, form }) => [`${object} ${verb}`, form] as const))(
    'has %s with its keywords, and no others',
    (name, form) => {
      const [object = '', verb = ''] = name.split(' ');
      // Where the command may be left out, one line stands for both.
      const line = named.has(name) ? verb : verb === '' ? 'show' : '';
      const expected = object === 'completion' ? ['bash', 'zsh'] : keywords(form);
      expect([...inHelp(object, line)].sort()).toEqual(expected.sort());
    },
  );
  test('has no other command', () => {
    for (const name of named.keys()) {
      const [object = '', verb = ''] = name.split(' ');
      expect(Object.keys(grammar[object] ?? {})).toContain(verb);
    }
  });
  test('has each option', () => {
    const options = [...helpText.matchAll(/^ {2}(?:-\w+, )?-(\w+)/gm)].map(([, name]) => name);
    expect(options.sort()).toEqual(Object.keys(switches).sort());
  });
  test.each(Object.entries({ helpText, usageText }))('%s fits 80 columns', (_, text) => {
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
  test('in short has each object and command', () => {
    for (const { object, verb } of commands) {
      // Where a command may be left out, it is.
      if (verb === 'show' && '' in (grammar[object] ?? {})) continue;
      expect(usageText).toMatch(new RegExp(`^.*mptcpctl .*\\b${object}\\b.*\\b${verb}\\b`, 'm'));
    }
  });
});

test('README.md compares commands that there are', () => {
  const rows = read('README.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const lines = rows.flatMap((row) => [...row.matchAll(/`mptcpctl ([a-z]+)(?: ([a-z]+))?[^`]*`/g)]);
  expect(lines.length).toBeGreaterThan(15);
  for (const [line, object = '', verb] of lines) {
    expect(Object.keys(grammar), line).toContain(object);
    if (verb !== undefined) expect(Object.keys(grammar[object] ?? {}), line).toContain(verb);
  }
});

// What has changed is written into both files by `npx vitest run -u test/mptcpctl-words.test.ts`.
test.each(['completions/mptcpctl.bash', 'completions/_mptcpctl'])('%s has all words', async (file) => {
  const filled = read(file).replace(/( {2}# words: begin\n).*( {2}# words: end\n)/s, `$1${completionWords()}$2`);
  await expect(filled).toMatchFileSnapshot(`../${file}`);
});

/** The grammar as both shells read it. */
function completionWords(): string {
  const table = (name: string, entries: readonly (readonly [string, string])[]): string =>
    `  local -A ${name}=(\n${entries.map(([key, value]) => `    [${key}]='${value}'\n`).join('')}  )\n`;
  const verbs = Object.entries(grammar).map(
    ([object, of]) => [object, Object.keys(of).filter(Boolean).join(' ')] as const,
  );
  const forms = commands.map(({ object, verb, form: { takes = [], values = {}, flags = [] } }) => {
    const words = [
      ...takes.map((kind) => `@${kind}`),
      ...Object.entries(values).map((pair) => pair.join('=')),
      ...flags,
    ];
    return [`${object}.${verb}`, words.join(' ')] as const;
  });
  const options = Object.entries(switches).map(([name, kind]) => `-${name}${kind === undefined ? '' : `=${kind}`}`);
  const events = Object.values(eventNames).filter((name) => name !== 'LOST');
  return (
    `  local objects='${Object.keys(grammar).join(' ')}'\n` +
    table(
      'verbs',
      verbs.filter(([, words]) => words !== ''),
    ) +
    table(
      'forms',
      forms.filter(([, words]) => words !== ''),
    ) +
    `  local switches='${options.join(' ')}'\n  local events='${events.join(' ')}'\n`
  );
}

describe.each(['man/mptcpctl.8', 'docs/reference/mptcpctl.md'])('%s', (file) => {
  const text = read(file)
    .replace(/\bFl Fl (\w)/g, '--$1')
    .replace(/\bFl (\w)/g, '-$1');
  test.each(allWords)('has %s', (word) => {
    expect(text).toMatch(new RegExp(`(?<![\\w-])${word}(?![\\w-])`));
  });
});

describe('man/mptcpctl.8 is without a warning', () => {
  test.each([
    ['groff', '-ww', '-mandoc', '-Tutf8'],
    ['mandoc', '-Tlint', '-Wwarning'],
  ])('of %s', (program, ...args) => {
    const page = new URL('../man/mptcpctl.8', import.meta.url).pathname;
    const { error, stderr, stdout } = spawnSync(program, [...args, page], { encoding: 'utf8' });
    if (error) process.stderr.write(`SKIPPED: the manual page in ${program}: it is not installed\n`);
    else expect(program === 'mandoc' ? stdout : stderr).toBe('');
  });
});
