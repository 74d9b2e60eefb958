import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { toJson } from './json.ts';
import { main } from './main.ts';
import { defaults, readOptions } from './options.ts';
import { helpText, usageText } from './usage.ts';

async function run(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const status = await main(args, { out: (text) => (out += text), err: (text) => (err += text) });
  return { status, out, err };
}
const package_ = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

test.each([
  [['-h'], { status: 0, out: helpText, err: '' }],
  [['--help', 'endpoint'], { status: 0, out: helpText, err: '' }],
  [['-V'], { status: 0, out: `mptcpctl ${package_.version}\n`, err: '' }],
  [['--version'], { status: 0, out: `mptcpctl ${package_.version}\n`, err: '' }],
  [[], { status: 255, out: '', err: usageText }],
  [['help'], { status: 255, out: '', err: usageText }],
  [['endpoint', 'help'], { status: 255, out: '', err: usageText }],
  [['l', 'h'], { status: 255, out: '', err: usageText }],
  [['monitor', 'help'], { status: 255, out: '', err: usageText }],
  [['frob'], { status: 255, out: '', err: 'Command "frob" is unknown, try "ip mptcp help".\n' }],
  [['endpoint', 'frob'], { status: 255, out: '', err: 'Command "frob" is unknown, try "ip mptcp help".\n' }],
  [['-Q', 'endpoint'], { status: 255, out: '', err: 'Option "-Q" is unknown, try "ip -help".\n' }],
  [['-b'], { status: 255, out: '', err: usageText }],
  [['-f', '-b', '-'], { status: 255, out: '', err: 'Error: argument "-b" is wrong: invalid protocol family\n' }],
  [
    ['-batch', '/no/such'],
    { status: 1, out: '', err: 'Cannot open file "/no/such" for reading: No such file or directory\n' },
  ],
  [
    ['-n', 'no-such', 'limits'],
    { status: 255, out: '', err: 'Cannot open network namespace "no-such": No such file or directory\n' },
  ],
])('%j', async (args, expected) => expect(await run(...args)).toEqual(expected));

test.each([
  [['-j', '-p', 'e'], { json: true, pretty: true }],
  [['--json', '-o', '-t', 'e'], { json: true, oneLine: true, timestamp: 'long' }],
  [['-ts', '-t', 'e'], { timestamp: 'short' }],
  [['-timestamp', '-tshort', 'e'], { timestamp: 'short' }],
  [['-c', '-n', 'blue', 'e'], { colour: 'always', netns: 'blue' }],
  [['-color=auto', '--netns', 'blue', '--', 'e'], { colour: 'auto', netns: 'blue' }],
  [['-d', '-s', '-4', 'e'], {}],
])('options: %j', (args, expected) => {
  expect(readOptions(args)).toEqual({ action: 'run', options: { ...defaults, ...expected }, words: ['e'] });
});

test.each([
  [['-b', 'x'], { file: 'x', force: false }],
  [['-fo', '-ba', '-'], { file: '-', force: true }],
  [['-batch', 'x', '--batch', 'y', '--force', 'limits'], { file: 'y', force: true }],
])('a batch: %j', (args, batch) => expect(readOptions(args)).toMatchObject({ action: 'run', batch }));

test('JSON in many lines is laid out as iproute2 does', () => {
  expect(toJson([{ a: 1, b: undefined, c: { d: 'x"y' }, e: [1, 2], f: [] }, {}], true)).toBe(
    '[ {\n        "a": 1,\n        "c": {\n            "d": "x\\"y"\n        },\n        "e": [ 1,2 ],\n        "f": [ ]\n    },{} ]',
  );
  expect(toJson([{ a: 1, b: undefined }], false)).toBe('[{"a":1}]');
});
