import { expect, test } from 'vitest';
import * as api from './index.ts';
import { API_VERSION, definePlugin, familyOf, formatToken, inFormOf, sameIp, unmapped } from './index.ts';

test('definePlugin returns its argument: a plain object is as good', () => {
  const plain = { name: 'p', api: 1, setup: () => ({}) };
  expect(definePlugin(plain)).toBe(plain);
});

test('what plugins import at run time', () => {
  expect(Object.keys(api).sort()).toEqual([
    'API_VERSION',
    'OptionError',
    'asAddrId',
    'asIfIndex',
    'asToken',
    'bool',
    'choice',
    'definePlugin',
    'familyOf',
    'formatToken',
    'inFormOf',
    'int',
    'sameIp',
    'text',
    'unmapped',
  ]);
  expect(API_VERSION).toBe(1);
});

test.each([
  [0x1e7fcfbf, '0x1e7fcfbf'],
  [1, '0x00000001'],
  [0xffffffff, '0xffffffff'],
])('the token %i is shown as %s', (token, shown) => {
  expect(formatToken(api.asToken(token))).toBe(shown);
});

test('addresses are compared whatever their form', () => {
  expect(sameIp('10.0.0.1', '::ffff:10.0.0.1')).toBe(true);
  expect([familyOf('::ffff:10.0.0.1'), unmapped('::ffff:10.0.0.1')]).toEqual(['ipv4', '10.0.0.1']);
  expect(inFormOf('10.0.0.1', '::ffff:10.0.0.2')).toBe('::ffff:10.0.0.1');
});
