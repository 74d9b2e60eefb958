import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/** What each room of src/ may import. A room followed by `:types` may be imported for its types only. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  core: [],
  os: [],
  netlink: ['core:types', 'os'],
  monitor: ['core', 'netlink'],
  'plugin-api': ['core'],
  plugins: ['plugin-api'],
  config: ['core:types'],
  log: ['os'],
  daemon: ['core', 'netlink', 'monitor', 'plugin-api', 'plugins', 'config', 'log', 'os'],
  testing: ['core', 'netlink', 'plugin-api', 'daemon', 'log', 'os'],
  cli: ['core', 'netlink', 'config', 'os'],
  lab: ['core', 'netlink', 'os'],
};
/** Rooms that run anywhere: nothing of node: and nothing of npm. */
const pure = new Set(['core', 'plugins', 'plugin-api', 'config']);
const importLine =
  /^\s*(?:import|export)\s+(type\s)?[^;]*?from\s+'([^']+)'|^\s*import\s+'([^']+)'|\bimport\('([^']+)'\)/gm;

/** What is wrong with the imports of one file. */
function faults(file: string, source: string): string[] {
  const room = file.split('/')[1] ?? '';
  const found: string[] = [];
  for (const [, typeOnly, from, bare, dynamic] of source.matchAll(importLine)) {
    const target = from ?? bare ?? dynamic ?? '';
    if (!target.startsWith('.')) {
      if (pure.has(room)) found.push(`${file} imports ${target}: ${room} imports nothing from outside`);
      if (target === 'koffi' && room !== 'os') found.push(`${file} imports koffi: only os does`);
      continue;
    }
    const other = normalize(join(dirname(file), target)).split('/')[1] ?? '';
    if (other === room) continue;
    const may = rooms[room] ?? [];
    if (may.includes(other) || (may.includes(`${other}:types`) && typeOnly)) continue;
    found.push(`${file} imports ${other}: ${room} may import ${may.join(', ') || 'nothing'}`);
  }
  return found;
}

const sources = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(dir, name));
const files = sources('src').filter((file) => !/\.test(-d)?\.ts$/.test(file));

describe('the rooms of src/', () => {
  test.each(files)('%s keeps to its room', (file) => {
    expect(faults(file, readFileSync(file, 'utf8'))).toEqual([]);
  });

  test('every room is in the table', () => {
    expect(new Set(files.map((file) => file.split('/')[1]))).toEqual(new Set(Object.keys(rooms)));
  });

  test.each([
    ['src/core/x.ts', "import { readFileSync } from 'node:fs';", 'core imports nothing from outside'],
    ['src/core/x.ts', "import type { Client } from '../netlink/client.ts';", 'core may import nothing'],
    ['src/netlink/x.ts', "import { sameIp } from '../core/ip.ts';", 'netlink may import core:types, os'],
    ['src/plugins/x.ts', "import { Core } from '../core/core.ts';", 'plugins may import plugin-api'],
    ['src/daemon/x.ts', "import koffi from 'koffi';", 'only os does'],
    ['src/daemon/x.ts', "const x = await import('../testing/index.ts');", 'src/daemon/x.ts imports testing'],
  ])('a broken rule is found: %s %s', (file, source, words) => {
    expect(faults(file, source).join('\n')).toContain(words);
    expect(faults(file, source)).toHaveLength(1);
  });
});

describe('the files of src/ and test/', () => {
  test('none is over 400 lines', () => {
    const long = [...sources('src'), ...sources('test')]
      .map((file) => [file, readFileSync(file, 'utf8').split('\n').length - 1] as const)
      .filter(([, lines]) => lines > 400);
    expect(long).toEqual([]);
  });

  test('no number of a kernel protocol stands outside netlink/families and os', () => {
    // A name that the kernel gives to a number, with the number beside it.
    const number =
      /\b(?:NETLINK|NLM_F|NLMSG|RTM|RTNLGRP|IFLA|IFA|RTA|CTRL|MPTCP_PM|MPTCP_ATTR|AF|SOL|SO)_[A-Z0-9_]+\s*=\s*(?:0x)?\d/;
    const framing = new Set(['src/netlink/frame.ts', 'src/netlink/attr-set.ts']);
    const found = files.filter(
      (file) =>
        !file.startsWith('src/os/') &&
        !file.startsWith('src/netlink/families/') &&
        !framing.has(file) &&
        number.test(readFileSync(file, 'utf8')),
    );
    expect(found).toEqual([]);
  });
});
