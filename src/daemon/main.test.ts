import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { helpText, usageText } from '../config/index.ts';
import { main } from './main.ts';
import { version } from './version.ts';

let dir: string;
let out: string;
let err: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mptcpd-main-'));
  out = '';
  err = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true });
});

function file(text: string, mode = 0o644): string {
  const path = join(dir, 'm.conf');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

test.each([
  ['--help', helpText()],
  ['-?', helpText()],
  ['--usage', usageText()],
  ['--version', `mptcpd ${version}\n`],
])('%s is printed', async (option, text) => {
  expect(await main([option])).toBe(0);
  expect([out, err]).toEqual([text, '']);
});

describe('before it starts', () => {
  const TRY = 'Try "mptcpd --help" or "mptcpd --usage".\n';
  test.each([
    [['--bogus'], 'mptcpd: there is no option --bogus'],
    [['--log=x'], 'mptcpd: --log: takes stderr'],
    [['extra'], 'mptcpd: too many arguments: "extra"'],
  ])('%j ends with 64', async (args, words) => {
    expect(await main(args)).toBe(64);
    expect(err).toContain(words);
    expect(err.endsWith(`\n${TRY}`)).toBe(true);
    expect(out).toBe('');
  });

  test('a wrong file ends with 1, its place and one line', async () => {
    const path = file('[core]\nlogg = stderr\n');
    expect(await main(['--config', path])).toBe(1);
    expect(err).toBe(`mptcpd: ${path}:2: no key "logg" in [core]; did you mean "log"?\n`);
  });

  test('a file that is not there', async () => {
    const path = join(dir, 'none');
    expect(await main(['--config', path])).toBe(1);
    expect(err).toBe(`mptcpd: ${path}: there is no such file\n`);
  });

  test('a directory', async () => {
    expect(await main(['--config', dir])).toBe(1);
    expect(err).toBe(`mptcpd: ${dir}: is a directory\n`);
  });

  test('a file that anybody could change', async () => {
    const path = file('[core]\n', 0o666);
    expect(await main([`--config=${path}`])).toBe(1);
    expect(err).toBe(`mptcpd: ${path}: is world-writable: anybody could change it; run chmod o-w on it\n`);
  });
});
