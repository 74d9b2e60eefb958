import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseConfig, settle } from '../config/index.ts';
import { checkConfig } from './check-config.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mptcpd-check-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** The warnings about a configuration. */
async function check(text: string): Promise<string[]> {
  const { core, plugins } = parseConfig(text, 'm.conf');
  const warnings: string[] = [];
  await checkConfig(settle(plugins, core), (message) => warnings.push(message));
  return warnings;
}

test('a configuration with nothing wrong', async () => {
  expect(await check('[core]\nload-plugins = fullmesh\n[plugin fullmesh]\npairs = one\n')).toEqual([]);
  expect(await check('')).toEqual([]);
});

test('an option that a plugin does not have, or not with that value', async () => {
  const config = (line: string): string => `[core]\nload-plugins = fullmesh\n[plugin fullmesh]\n${line}\n`;
  await expect(check(config('pair = one'))).rejects.toThrow('m.conf:4: it has no option "pair"; did you mean "pairs"?');
  await expect(check(config('pairs = some'))).rejects.toThrow('m.conf:4: pairs takes all, one, subnet, not "some"');
});

test('a plugin that is not there', async () => {
  await expect(check('[core]\nload-plugins = fulmesh\n')).rejects.toThrow('[PLUGIN_NOT_FOUND]');
});

test('a plugin’s file is loaded, and not set up', async () => {
  const code = "export default { name: 'p', api: 1, setup() { throw new Error('set up'); } };";
  writeFileSync(join(dir, 'p.mjs'), code);
  expect(await check(`[core]\nplugin-dir = ${dir}\npath-manager = p\n`)).toEqual([]);
  writeFileSync(join(dir, 'q.mjs'), 'export default 1;');
  await expect(check(`[core]\nplugin-dir = ${dir}\n`)).rejects.toThrow('[PLUGIN_NOT_A_PLUGIN]');
});

test('options of a plugin that is not loaded are warned of', async () => {
  expect(await check('[core]\nload-plugins = sspi\n[plugin fullmesh]\npairs = one\n')).toEqual([
    '[plugin fullmesh] has no effect: no such plugin is loaded; there are sspi',
  ]);
});
