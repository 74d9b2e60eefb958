import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkParents, checkSafe, checkWithin } from './safe-path.ts';

let base: string;
let dir: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'mptcpd-safe-'));
  dir = join(base, 'plugins');
  mkdirSync(dir, 0o755);
  writeFileSync(join(dir, 'p.mjs'), '');
});
afterEach(() => rmSync(base, { recursive: true }));

const root = process.geteuid?.() === 0;

describe('a file or a directory', () => {
  test('that only its owner writes is safe', () => {
    expect(() => checkSafe(dir)).not.toThrow();
    expect(() => checkSafe(join(dir, 'p.mjs'))).not.toThrow();
  });

  test('that everybody may write is not', () => {
    chmodSync(join(dir, 'p.mjs'), 0o666);
    expect(() => checkSafe(join(dir, 'p.mjs'))).toThrow('is world-writable; run chmod o-w on it');
  });

  test.skipIf(!root)('of somebody else is not', () => {
    chownSync(join(dir, 'p.mjs'), 12_345, 0);
    expect(() => checkSafe(join(dir, 'p.mjs'))).toThrow('belongs to user 12345');
  });

  test('that is not there is an error of the system', () => {
    expect(() => checkSafe(join(dir, 'none.mjs'))).toThrow('ENOENT');
  });
});

describe('the directories that lead to it', () => {
  test('may be sticky, as /tmp is', () => {
    expect(() => checkParents(dir)).not.toThrow();
    chmodSync(base, 0o1777);
    expect(() => checkParents(dir)).not.toThrow();
  });

  test('may not be everybody’s: another directory could take its place', () => {
    chmodSync(base, 0o777);
    expect(() => checkParents(dir)).toThrow(`lies in ${base}, which is world-writable`);
  });

  test('are those that it is in truth in', () => {
    chmodSync(base, 0o777);
    const link = mkdtempSync(join(tmpdir(), 'mptcpd-link-'));
    symlinkSync(dir, join(link, 'plugins'));
    expect(() => checkParents(join(link, 'plugins'))).toThrow(`lies in ${base}`);
    rmSync(link, { recursive: true });
  });
});

describe('a link', () => {
  test('to another file of the directory is as good as that', () => {
    symlinkSync('p.mjs', join(dir, 'q.mjs'));
    expect(() => checkWithin(dir, 'q.mjs')).not.toThrow();
    expect(() => checkWithin(dir, 'p.mjs')).not.toThrow();
  });

  test('out of it is not', () => {
    writeFileSync(join(base, 'outside.mjs'), '');
    symlinkSync('../outside.mjs', join(dir, 'q.mjs'));
    expect(() => checkWithin(dir, 'q.mjs')).toThrow('is a link that leads out of its directory');
  });

  test('to a directory whose name only begins alike is not', () => {
    mkdirSync(join(base, 'plugins-old'));
    writeFileSync(join(base, 'plugins-old', 'x.mjs'), '');
    symlinkSync('../plugins-old/x.mjs', join(dir, 'q.mjs'));
    expect(() => checkWithin(dir, 'q.mjs')).toThrow('leads out');
  });
});
