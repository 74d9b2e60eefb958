import { describe, expect, test } from 'vitest';
import { ConfigError, hint, nearest } from './errors.ts';

const words = ['log', 'log-level', 'plugin-dir', 'path-manager'];

describe('the nearest word', () => {
  test.each([
    ['lug', 'log'],
    ['Log', 'log'],
    ['loglevel', 'log-level'],
    ['plugindir', 'plugin-dir'],
    ['path_manager', 'path-manager'],
    ['xyz', undefined],
    ['completely-different', undefined],
    ['', undefined],
  ])('to "%s" is %s', (word, expected) => {
    expect(nearest(word, words)).toBe(expected);
  });
});

describe('a hint', () => {
  test('names what may be meant', () => {
    expect(hint('lug', words)).toBe('; did you mean "log"?');
  });
  test('lists all where nothing is like it', () => {
    expect(hint('zzz', ['a', 'b'])).toBe('; there are a, b');
  });
  test('says so where there is nothing at all', () => {
    expect(hint('zzz', [])).toBe('; there are none');
  });
});

test('an error begins with its place, if it has one', () => {
  expect(new ConfigError('CONFIG_SYNTAX', 'f:1', 'wrong').message).toBe('f:1: wrong');
  expect(new ConfigError('CONFIG_USAGE', undefined, 'wrong').message).toBe('wrong');
});

test('a very long word is like none, and that is clear at once', () => {
  const start = performance.now();
  expect(nearest('log'.repeat(1_000_000), words)).toBeUndefined();
  expect(performance.now() - start).toBeLessThan(100);
});
