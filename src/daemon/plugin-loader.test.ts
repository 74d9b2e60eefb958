import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Plugin } from '../plugin-api/plugin.ts';
import { PluginError, type PluginErrorCode } from './plugin-error.ts';
import { check, findPlugins, type Wanted } from './plugin-loader.ts';

const fixtures = new URL('../../test/fixtures/plugins/', import.meta.url).pathname;
const shipped = (name: string): Plugin => ({ name, api: 1, setup: () => ({}) });

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mptcpd-plugins-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Puts fixtures into the directory; `name=file` under another name. */
function put(...files: readonly string[]): void {
  for (const file of files) {
    const [to = file, from = to] = file.split('=');
    copyFileSync(join(fixtures, from), join(dir, to));
  }
}

const warnings: string[] = [];
beforeEach(() => void warnings.splice(0));
const find = (more: Partial<Wanted> = {}): ReturnType<typeof findPlugins> =>
  findPlugins({
    pluginDir: dir,
    loadPlugins: undefined,
    pathManager: undefined,
    builtIn: [shipped('addr_adv'), shipped('fullmesh')],
    fallback: 'addr_adv',
    warn: (message) => void warnings.push(message),
    ...more,
  });
const names = async (more: Partial<Wanted> = {}): Promise<readonly string[]> =>
  (await find(more)).map(({ plugin }) => plugin.name);

async function error(more: Partial<Wanted> = {}): Promise<PluginError> {
  try {
    await find(more);
  } catch (thrown) {
    if (thrown instanceof PluginError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was wrong');
}

describe('which plugins are loaded', () => {
  test('the one for those who name none', async () => {
    expect(await names({ pluginDir: undefined })).toEqual(['addr_adv']);
    expect(await names()).toEqual(['addr_adv']);
  });

  test('all of the directory', async () => {
    put('good.mjs', 'plain.js');
    expect(await names()).toEqual(['good', 'plain']);
    expect((await find()).map(({ origin }) => origin)).toEqual([join(dir, 'good.mjs'), join(dir, 'plain.js')]);
  });

  test('and the path manager, of the directory or shipped', async () => {
    put('good.mjs', 'plain.js');
    expect(await names({ pathManager: 'plain' })).toEqual(['good', 'plain']);
    expect(await names({ pathManager: 'fullmesh' })).toEqual(['good', 'plain', 'fullmesh']);
  });

  test('only those that are named, in that order', async () => {
    put('good.mjs', 'plain.js', 'throws.mjs');
    expect(await names({ loadPlugins: ['plain', 'addr_adv'] })).toEqual(['plain', 'addr_adv']);
  });

  test('a shipped one is told as such', async () => {
    expect((await find({ loadPlugins: ['fullmesh'] }))[0]?.origin).toBe('shipped');
  });

  test('one of the directory stands over a shipped one of its name', async () => {
    put('fullmesh.mjs=plain.js');
    expect((await find({ loadPlugins: ['fullmesh'] }))[0]?.origin).toBe(join(dir, 'fullmesh.mjs'));
  });

  test('the path manager is known by its name, whatever its file is called', async () => {
    put('other-name.mjs');
    expect(await names({ pathManager: 'inner' })).toEqual(['inner']);
  });

  test('other files are passed over', async () => {
    put('good.mjs', 'syntax.txt', 'README=syntax.txt', 'mjs=syntax.txt');
    expect(await names()).toEqual(['good']);
    expect(warnings).toEqual([]);
  });
});

describe('what cannot be loaded', () => {
  test.each<[file: string, code: PluginErrorCode, words: string]>([
    ['no-name.mjs', 'PLUGIN_NO_NAME', 'needs a name of letters, digits, _ and -'],
    ['bad-name.mjs', 'PLUGIN_NO_NAME', 'needs a name'],
    ['wrong-api.mjs', 'PLUGIN_API_VERSION', 'plugin wrong-api: is for api 2; this mptcpd has 1'],
    ['bad-priority.mjs', 'PLUGIN_NOT_A_PLUGIN', 'priority is a whole number from -20 to 19, not 20'],
    ['throws.mjs', 'PLUGIN_LOAD_FAILED', 'boom while loading'],
    ['not-a-plugin.mjs', 'PLUGIN_NOT_A_PLUGIN', 'write export default { name, api: 1, setup() { … } }'],
    ['no-default.mjs', 'PLUGIN_NOT_A_PLUGIN', 'its default export is no plugin'],
    ['syntax.mjs=syntax.txt', 'PLUGIN_LOAD_FAILED', 'syntax.mjs'],
  ])('%s is %s', async (file, code, words) => {
    put(file);
    const wrong = await error();
    expect(wrong.code).toBe(code);
    expect(wrong.message).toContain(words);
    expect(wrong.message).toContain(`[${code}]`);
  });

  test('two of one name', async () => {
    put('plain.js', 'same-name.mjs');
    const wrong = await error();
    expect(wrong.code).toBe('PLUGIN_DUPLICATE_NAME');
    expect(wrong.message).toContain(`by ${join(dir, 'plain.js')} and ${join(dir, 'same-name.mjs')}`);
  });

  test('two files that differ in nothing but .js and .mjs', async () => {
    put('plain.js', 'plain.mjs=plain.js');
    const wrong = await error();
    expect(wrong.code).toBe('PLUGIN_DUPLICATE_NAME');
    expect(wrong.message).toContain(`by ${join(dir, 'plain.js')} and ${join(dir, 'plain.mjs')}`);
  });

  test.each([
    [{ loadPlugins: ['nosuch'] }, 'nosuch'],
    [{ pathManager: 'nosuch' }, 'nosuch'],
  ])('%j is not found', async (wanted, name) => {
    put('good.mjs');
    const wrong = await error(wanted);
    expect(wrong.code).toBe('PLUGIN_NOT_FOUND');
    expect(wrong.message).toContain(`plugin ${name}: not found in ${dir} or among `);
    expect(wrong.message).toContain('good');
  });

  test.each(['fullmesh', 'other'])('a path manager %s that load-plugins leaves out', async (pathManager) => {
    put('good.mjs');
    put('other.mjs=good.mjs');
    const wrong = await error({ loadPlugins: ['good'], pathManager });
    expect(wrong.code).toBe('PLUGIN_NOT_FOUND');
    expect(wrong.message).toContain('is not in load-plugins (good); add it there');
  });

  test('a directory that is not there', async () => {
    const wrong = await error({ pluginDir: join(dir, 'none') });
    expect(wrong.code).toBe('PLUGIN_NOT_FOUND');
    expect(wrong.message).toContain('cannot read the directory');
  });
});

describe('plugins of the C mptcpd', () => {
  beforeEach(() => {
    for (const name of ['addr_adv.so', 'sspi.so']) writeFileSync(join(dir, name), 'ELF');
  });

  test('are passed over with a word, and one that is shipped under the same name serves', async () => {
    expect(await names({ pathManager: 'addr_adv' })).toEqual(['addr_adv']);
    expect(await names()).toEqual(['addr_adv']);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain(`the plugins of the C mptcpd in ${dir} (addr_adv.so, sspi.so) cannot be loaded`);
    expect(warnings[0]).toContain('shipped are addr_adv, fullmesh');
  });

  test.each([{ pathManager: 'sspi' }, { loadPlugins: ['addr_adv', 'sspi'] }])(
    'one that is asked for by %j and not shipped is an error that says so',
    async (wanted) => {
      const wrong = await error(wanted);
      expect(wrong.code).toBe('PLUGIN_NOT_FOUND');
      expect(wrong.message).toContain('plugin sspi: ');
      expect(wrong.message).toContain('sspi.so is a plugin of the C mptcpd, which cannot be loaded');
      expect(wrong.message).toContain('addr_adv, fullmesh');
    },
  );
});

describe('what others could change', () => {
  test('a world-writable directory', async () => {
    chmodSync(dir, 0o777);
    const wrong = await error();
    expect(wrong.code).toBe('PLUGIN_UNSAFE');
    expect(wrong.message).toContain(`plugin ${dir}: is world-writable; run chmod o-w on it`);
  });

  test('a world-writable file', async () => {
    put('good.mjs');
    chmodSync(join(dir, 'good.mjs'), 0o666);
    const wrong = await error();
    expect(wrong.code).toBe('PLUGIN_UNSAFE');
    expect(wrong.message).toContain('good.mjs: is world-writable');
  });

  test('is not run', async () => {
    put('throws.mjs');
    chmodSync(join(dir, 'throws.mjs'), 0o666);
    expect((await error()).code).toBe('PLUGIN_UNSAFE');
  });

  test('a file that is not asked for does not matter', async () => {
    put('good.mjs', 'throws.mjs');
    chmodSync(join(dir, 'throws.mjs'), 0o666);
    expect(await names({ loadPlugins: ['good'] })).toEqual(['good']);
  });

  test.runIf(process.geteuid?.() === 0)('a file or a directory of somebody else', async () => {
    put('good.mjs');
    chownSync(join(dir, 'good.mjs'), 65_534, 65_534);
    const file = await error();
    expect([file.code, file.message]).toEqual(['PLUGIN_UNSAFE', expect.stringContaining('belongs to user 65534')]);
    chownSync(dir, 65_534, 65_534);
    expect((await error({ loadPlugins: [] })).plugin).toBe(dir);
  });
});

test.each([-20, 0, 19, undefined])('priority %s is fine', (priority) => {
  const plugin = { ...shipped('p'), ...(priority === undefined ? {} : { priority }) };
  expect(check(plugin, 'here')).toBe(plugin);
});
test.each([-21, 20, 1.5, Number.NaN, '5'])('priority %s is not', (priority) => {
  expect(() => check({ ...shipped('p'), priority }, 'here')).toThrow('priority is a whole number');
});
test.each([undefined, null, 5, 'plugin', {}, () => ({}), { setup: 5 }])('%s is no plugin', (value) => {
  expect(() => check(value, 'here')).toThrow('plugin here: its default export is no plugin');
});
