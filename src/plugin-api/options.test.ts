import { describe, expect, test } from 'vitest';
import { bool, choice, int, OptionError, text } from './options.ts';

describe('int', () => {
  const most = int({ default: 2, min: 1, max: 8, help: 'a number' });
  test.each([
    ['1', 1],
    ['8', 8],
    ['+3', 3],
    ['007', 7],
  ])('"%s" is %i', (given, value) => {
    expect(most.parse(given)).toBe(value);
  });
  test.each(['0', '9', '-1', '1.5', '1e3', '0x5', 'two', '', ' 3', '3 ', 'Infinity', 'NaN'])(
    '"%s" is none',
    (given) => {
      expect(() => most.parse(given)).toThrow(OptionError);
      expect(() => most.parse(given)).toThrow(`takes a whole number from 1 to 8, not "${given}"`);
    },
  );
  test.each([
    [{}, ''],
    [{ min: 3 }, ' of 3 or more'],
    [{ max: 3 }, ' of 3 or less'],
    [{ min: -3, max: 3 }, ' from -3 to 3'],
  ])('within %j', (range, words) => {
    expect(() => int({ default: 0, help: '', ...range }).parse('x')).toThrow(`takes a whole number${words}, not "x"`);
  });
  test('no more than a number can hold', () => {
    const any = int({ default: 0, help: '' });
    expect(any.parse('-9007199254740991')).toBe(-9007199254740991);
    expect(() => any.parse('9007199254740993')).toThrow(OptionError);
  });
  test('has its default and help', () => {
    expect(most).toMatchObject({ kind: 'int', default: 2, help: 'a number' });
  });
});

describe('bool', () => {
  const eager = bool({ default: false, help: 'a switch' });
  test.each(['yes', 'true', 'on', '1', 'YES', 'True'])('"%s" is true', (given) => {
    expect(eager.parse(given)).toBe(true);
  });
  test.each(['no', 'false', 'off', '0', 'No'])('"%s" is false', (given) => {
    expect(eager.parse(given)).toBe(false);
  });
  test.each(['', 'y', 'yes please', '2'])('"%s" is neither', (given) => {
    expect(() => eager.parse(given)).toThrow(`takes yes or no, not "${given}"`);
  });
});

describe('choice', () => {
  const colour = choice({ of: ['red', 'blue'], default: 'red', help: 'a colour' });
  test('takes its words', () => {
    expect(colour.parse('blue')).toBe('blue');
  });
  test.each(['', 'Red', 'green'])('and no others: "%s"', (given) => {
    expect(() => colour.parse(given)).toThrow(`takes red, blue, not "${given}"`);
  });
});

test('text takes anything', () => {
  const name = text({ default: 'x', help: 'a name' });
  expect(['', ' a = b '].map((given) => name.parse(given))).toEqual(['', ' a = b ']);
});
