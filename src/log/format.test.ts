import { describe, expect, test } from 'vitest';
import { forTerminal, type Line, levelName, sentence } from './format.ts';

const time = Date.UTC(2026, 0, 5, 13, 4, 5, 67);
const line = (more: Partial<Line> = {}): Line => ({ level: 30, time, msg: 'subflow refused', ...more });

describe('a sentence', () => {
  test('is the message with the fields behind it', () => {
    expect(sentence(line({ plugin: 'fullmesh', token: '0x1e7fcfbf', ms: 5, up: false }))).toBe(
      'subflow refused (plugin fullmesh, token 0x1e7fcfbf, ms 5, up false)',
    );
  });
  test('has no brackets without fields', () => {
    expect(sentence(line({ because: undefined }))).toBe('subflow refused');
  });
  test('has what is inside of objects', () => {
    expect(sentence(line({ flags: ['subflow'] }))).toBe('subflow refused (flags ["subflow"])');
  });
  test('may lack a message', () => {
    expect(sentence({ level: 30, time, signal: 'SIGTERM' })).toBe(' (signal SIGTERM)');
  });
});

describe('a line for a terminal', () => {
  test('has the time, the level and the sentence', () => {
    expect(forTerminal(line(), false)).toBe('13:04:05.067 info  subflow refused\n');
    expect(forTerminal(line({ level: 50 }), false)).toBe('13:04:05.067 error subflow refused\n');
  });
  test.each([
    [20, '\u001b[90m'],
    [40, '\u001b[33m'],
    [50, '\u001b[31m'],
  ])('level %i is coloured and the colour ends', (level, start) => {
    const text = forTerminal(line({ level }), true);
    expect(text.startsWith(start)).toBe(true);
    expect(text.endsWith('\u001b[0m\n')).toBe(true);
  });
  test('the usual is not coloured', () => {
    expect(forTerminal(line(), true)).toBe(forTerminal(line(), false));
  });
});

test.each([
  [20, 'debug'],
  [30, 'info'],
  [40, 'warn'],
  [50, 'error'],
  [60, 'fatal'],
  [35, '35'],
])('level %i is called %s', (level, name) => {
  expect(levelName(level)).toBe(name);
});
