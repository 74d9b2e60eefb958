import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { helpText, keys, options, parseConfig, type RawOption, settle } from '../src/config/index.ts';
import { commandNames } from '../src/core/model/commands.ts';
import { hookNames } from '../src/core/model/hooks.ts';
import type { Options } from '../src/plugin-api/index.ts';
import { builtIn } from '../src/plugins/index.ts';

const root = new URL('..', import.meta.url).pathname;
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const readme = read('README.md');

/** The words in backquotes that open the rows of a document's tables. */
const rows = (markdown: string): string[] => [...markdown.matchAll(/^\| `([^`]+)`/gm)].map(([, word]) => word ?? '');
/** The rows under one heading. */
const section = (markdown: string, heading: string): string =>
  markdown.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
const codeBlocks = (markdown: string, language: string): string[] =>
  [...markdown.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => code ?? '');

describe('docs/reference/config.md', () => {
  const text = read('docs/reference/config.md');
  test('has every key with its default, and no other', () => {
    const [table = ''] = text.split('## On stderr');
    expect(rows(table)).toEqual(Object.values(keys).map(({ name }) => name));
    for (const { name, default: value } of Object.values(keys)) {
      if (value === undefined) continue;
      const shown = Array.isArray(value) ? value.join(',') : value;
      expect(table).toMatch(new RegExp(`^\\| \`${name}\` .*\`${shown}\` \\|$`, 'm'));
    }
  });
  test.each(
    builtIn.filter(({ options: o }) => o !== undefined).map((plugin) => [plugin.name, plugin.options as Options]),
  )('has every option of %s with its default', (name, declared) => {
    const part = section(text, `Options of ${name}`);
    expect(rows(part)).toEqual(Object.keys(declared));
    for (const [key, option] of Object.entries(declared))
      expect(part).toMatch(new RegExp(`\`${key}\` .*\\| ${option.default} \\|`));
  });
});

describe('etc/mptcpd.conf', () => {
  const text = read('etc/mptcpd.conf');
  test('is what is done without it', () => {
    const { core, plugins } = parseConfig(text, 'etc/mptcpd.conf');
    expect(settle(plugins, core).core).toEqual(settle(new Map()).core);
  });
  test('has every key, and each that is switched on is right', () => {
    const switchedOn = text.replace(/^# ([a-z-]+ = )/gm, '$1');
    const { core, plugins } = parseConfig(switchedOn, 'etc/mptcpd.conf');
    expect(Object.keys(core).sort()).toEqual(Object.keys(keys).sort());
    for (const [name, key] of Object.entries(keys)) {
      if (key.default !== undefined) expect(core[name as keyof typeof core]).toEqual(key.default);
    }
    for (const plugin of builtIn) {
      const given: ReadonlyMap<string, RawOption> = plugins.get(plugin.name) ?? new Map();
      const declared: Options = plugin.options ?? {};
      expect([...given.keys()].sort()).toEqual(Object.keys(declared).sort());
      for (const [key, option] of Object.entries(declared))
        expect(option.parse(given.get(key)?.value ?? '')).toEqual(option.default);
    }
  });
});

describe('docs/reference/errors.md', () => {
  const text = read('docs/reference/errors.md');
  test('has every code, and no other', () => {
    const files = [
      'config/errors',
      'core/model/commands',
      'daemon/plugin-error',
      'daemon/start-error',
      'netlink/errors',
    ];
    const unions = files.flatMap((file) => [
      ...read(`src/${file}.ts`).matchAll(/^export type \w*Code =([\s\S]*?');$/gm),
    ]);
    const codes = unions.flatMap(([, union]) => [...(union ?? '').matchAll(/'([A-Z0-9_]+)'/g)].map(([, code]) => code));
    expect(codes.length).toBeGreaterThan(20);
    expect(rows(text).sort()).toEqual(codes.sort());
  });
});

describe('docs/reference/plugin-api.md', () => {
  const text = read('docs/reference/plugin-api.md');
  test('has every hook, and no other', () => expect(rows(section(text, 'Hooks'))).toEqual(hookNames));
  test('has every command, and no other', () => expect(rows(section(text, 'Commands'))).toEqual(commandNames));
});

describe('README.md', () => {
  test('shows the example and its test as they are', () => {
    expect(codeBlocks(readme, 'js')).toContain(read('examples/metered.mjs'));
    const tests = read('examples/metered.test.ts');
    for (const code of codeBlocks(readme, 'ts')) expect(tests).toContain(code);
  });
  test('runs scripts that exist', () => {
    const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);
    const named = [...readme.matchAll(/npm run ([\w:-]+)/g)].map(([, script]) => script ?? '');
    expect(named.length).toBeGreaterThan(0);
    for (const script of named) expect(scripts).toContain(script);
  });
});

describe('--help', () => {
  test('has every option', () => {
    for (const { long } of options) expect(helpText()).toContain(`--${long}`);
  });
});

describe('links between documents', () => {
  const documents = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...all('docs')];
  test.each(documents)('%s points at files that are there', (file) => {
    for (const [, target = ''] of read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      expect(() => readFileSync(join(root, file, '..', target)), `${file}: ${target}`).not.toThrow();
    }
  });
});

function all(dir: string): string[] {
  return readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(dir, name));
}
