import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig, settle } from '../config/index.ts';
import { withoutPresets } from './presets.ts';

/** What the lines of a file come to, with plugins' own names. */
function named(...lines: string[]) {
  const { core, plugins } = parseConfig(lines.join('\n'), 'mptcpd.conf');
  const settings = withoutPresets(settle(plugins, core));
  const sections = [...settings.plugins].map(([name, options]) => [
    name,
    Object.fromEntries([...options].map(([key, { value }]) => [key, value])),
  ]);
  const { pathManager, loadPlugins } = settings.core;
  return { pathManager, loadPlugins, plugins: Object.fromEntries(sections) as Record<string, unknown> };
}

test.each([
  ['aggregate', 'fullmesh'],
  ['interactive', 'backup'],
  ['handover', 'handover'],
  ['sspi', 'sspi'],
])('%s is %s, wherever a plugin is named', (word, name) => {
  const settings = named(
    '[core]',
    `path-manager = ${word}`,
    `load-plugins = addr_adv, ${word}`,
    `[plugin ${word}]`,
    'a = 1',
  );
  expect(settings).toEqual({ pathManager: name, loadPlugins: ['addr_adv', name], plugins: { [name]: { a: '1' } } });
});

test('options under either name count, those under the plugin’s own most', () => {
  const wanted = { backup: { prefer: 'wlan*', hold: '1' } };
  const [own, word] = [
    ['[plugin backup]', 'hold = 1'],
    ['[plugin interactive]', 'prefer = wlan*', 'hold = 2'],
  ];
  expect(named(...own, ...word).plugins).toEqual(wanted);
  expect(named(...word, ...own).plugins).toEqual(wanted);
});

test('a plugin of one’s own of that name counts more', () => {
  const dir = mkdtempSync(join(tmpdir(), 'mptcpd-presets-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'aggregate.mjs'), '');
  const { pathManager } = named('[core]', `plugin-dir = ${dir}`, 'path-manager = aggregate');
  expect(pathManager).toBe('aggregate');
});
