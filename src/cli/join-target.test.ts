import { expect, test } from 'vitest';
import { asIfIndex } from '../core/model/ids.ts';
import { joinTarget } from './join-target.ts';

const at = (ip: string, port: number, v6Only = false) => ({ ip, port, v6Only, ifIndex: asIfIndex(0) });

/** The connection has port 8000 here. */
test.each([
  ['10.0.2.1', 8001, at('10.0.2.1', 8001), 'listener'],
  ['10.0.2.1', 8001, at('::ffff:10.0.2.1', 8001), 'listener'],
  ['::ffff:10.0.2.1', 8001, at('10.0.2.1', 8001), 'listener'],
  ['fd00::1', 8001, at('fd00::1', 8001), 'listener'],
  ['10.0.2.1', 8001, at('10.0.2.1', 8000), 'nobody'],
  ['10.0.2.1', 8001, at('10.0.1.1', 8001), 'nobody'],
  ['10.0.2.1', 8001, at('0.0.0.0', 8001), 'wide'],
  ['10.0.2.1', 8001, at('::', 8001), 'wide'],
  ['10.0.2.1', 8001, at('::', 8001, true), 'nobody'],
  ['fd00::1', 8001, at('::', 8001, true), 'wide'],
  ['fd00::1', 8001, at('0.0.0.0', 8001), 'nobody'],
  ['10.0.2.1', 8000, at('0.0.0.0', 8000), 'listener'],
  ['10.0.2.1', 8000, at('::', 8000), 'listener'],
  ['::ffff:10.0.2.1', 8000, at('::', 8000, true), 'nobody'],
  ['fd00::1', 8000, at('::', 8000), 'listener'],
] as const)('a join to %s port %i with one that listens on %j: %s', (ip, port, listener, expected) => {
  expect(joinTarget({ ip, port }, 8000, [listener])).toEqual(expected === 'wide' ? listener : expected);
});

test('one that has the address goes before one that has all', () => {
  const listeners = [at('0.0.0.0', 8001), at('10.0.2.1', 8001)];
  expect(joinTarget({ ip: '10.0.2.1', port: 8001 }, 8000, listeners)).toBe('listener');
});
