import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kernelTest } from './need.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

let dir: string;
const run = (...[file = '', ...args]: string[]): string =>
  execFileSync(file, args, { cwd: dir, encoding: 'utf8', env: { ...process.env, NODE_PATH: '' } });

/** The package as `npm install` lays it out in an empty directory. */
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'mptcpd-package-'));
  // Scripts would build again, under the feet of other tests.
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', dir], { cwd: ROOT });
  mkdirSync(join(dir, 'node_modules/.bin'), { recursive: true });
  run('tar', '-xf', `mptcpd-${version}.tgz`);
  renameSync(join(dir, 'package'), join(dir, 'node_modules/mptcpd'));
  for (const name of ['koffi', 'pino']) symlinkSync(join(ROOT, 'node_modules', name), join(dir, 'node_modules', name));
  for (const name of ['mptcpd', 'mptcpctl']) symlinkSync(`../mptcpd/bin/${name}`, join(dir, 'node_modules/.bin', name));
});
afterAll(() => rmSync(dir, { recursive: true }));

test.each(['mptcpd', 'mptcpctl'])('%s starts', (name) => {
  expect(run(`node_modules/.bin/${name}`, '--version')).toBe(`${name} ${version}\n`);
});

kernelTest('MPTCP')('mptcpctl speaks to the kernel', () => {
  expect(run('node_modules/.bin/mptcpctl', 'limits')).toMatch(/^add_addr_accepted \d+ subflows \d+ \n$/);
});

test('plugins and their tests find what they import', () => {
  const code = `import { definePlugin } from 'mptcpd/plugin';
    import { testPlugin } from 'mptcpd/testing';
    const t = await testPlugin(definePlugin({ name: 'x', api: 1, setup: () => ({}) }));
    console.log(typeof t.connect);`;
  expect(run(process.execPath, '--input-type=module', '-e', code)).toBe('function\n');
});

test.each([
  'completions/mptcpctl.bash',
  'completions/_mptcpctl',
  'man/mptcpctl.8',
  'etc/mptcpd.conf',
  'dist/plugin-api/index.d.ts',
  'dist/testing/index.d.ts',
])('%s is in it', (file) => {
  expect(readFileSync(join(dir, 'node_modules/mptcpd', file), 'utf8')).not.toBe('');
});
