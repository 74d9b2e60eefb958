import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCommands, splitWords } from './batch-lines.ts';

async function read(...chunks: string[]) {
  let warned = '';
  const lines = [];
  for await (const { words, number } of readCommands(Readable.from(chunks), (text) => (warned += text))) {
    lines.push([number, ...words]);
  }
  return { lines, warned };
}

test('commands have the number of the line on which they end', async () => {
  expect(await read('# first\n\nlimits\nendpoint \\\n show\n\\\n\n limits')).toEqual({
    lines: [
      [3, 'limits'],
      [5, 'endpoint', 'show'],
      [8, 'limits'],
    ],
    warned: '',
  });
});

test('a continuation that is missing is said, and its line left out', async () => {
  expect(await read('limits\nendpoint \\\n')).toEqual({
    lines: [[1, 'limits']],
    warned: 'Missing continuation line\n',
  });
});

test('however the text comes in pieces, it is the same', async () => {
  const text = 'endpoint add 10.0.0.1 \\\n id 7 # seven\nlimits\n"a b" \'c\'';
  const whole = await read(text);
  expect(whole.lines).toHaveLength(3);
  await fc.assert(
    fc.asyncProperty(fc.nat(text.length), fc.nat(text.length), async (a, b) => {
      const [from, to] = a < b ? [a, b] : [b, a];
      expect(await read(text.slice(0, from), text.slice(from, to), text.slice(to))).toEqual(whole);
    }),
  );
});

test.each([
  ['', []],
  ['  a\tb\r\n', ['a', 'b']],
  ['"a b"c', ['a b', 'c']],
  [`'a"b' "c'd" e'f`, ['a"b', "c'd", "e'f"]],
  ['""', ['']],
])('words of %j', (line, words) => expect(splitWords(line)).toEqual(words));

test('a quote that does not end, and too many words', () => {
  expect(() => splitWords('a "b')).toThrow('Unterminated quoted string\n');
  expect(splitWords('x '.repeat(511))).toHaveLength(511);
  expect(() => splitWords('x '.repeat(512))).toThrow('Too many arguments to command\n');
});
