import { describe, expect, test } from 'vitest';
import {
  announced,
  closed,
  created,
  established,
  feed,
  newCore,
  removed,
  subflow,
} from '../../test/fixtures/core/inputs.ts';
import type { Effect } from './core-types.ts';

const lines = (effects: readonly Effect[]): unknown[] =>
  effects.flatMap((effect) => (effect.type === 'log' ? [{ ...effect.fields, msg: effect.message }] : []));

function trailing() {
  const core = newCore();
  core.trail = true;
  return core;
}

describe('the trail of a connection', () => {
  test('has a line for each thing that happens, with both ends and the token in hex', () => {
    const up = subflow('subflowEstablished', { localIp: 'fd00::1', localPort: 1, remoteIp: 'fd00::2', remotePort: 2 });
    const seen = feed(trailing(), created(), established(), announced(3), removed(3), up, closed());
    const token = '0x1e7fcfbf';
    const ends = { local: '10.0.1.1:40000', remote: '10.0.9.9:443' };
    expect(lines(seen)).toEqual([
      { token, side: 'client', ...ends, msg: 'connection created' },
      { token, side: 'client', ...ends, msg: 'connection established' },
      { token, id: 3, address: '10.0.8.8:443', msg: 'the peer announced an address' },
      { token, id: 3, address: '10.0.8.8:443', msg: 'the peer removed an address' },
      { token, local: '[fd00::1]:1', remote: '[fd00::2]:2', backup: undefined, msg: 'subflow established' },
      { token, msg: 'connection closed' },
    ]);
  });

  test.each([
    [{}, 'closed in order'],
    [{ error: 'ECONNREFUSED' }, 'refused by the peer'],
    [{ error: 'ETIMEDOUT' }, 'timed out'],
    [{ error: 'ECONNRESET', resetReason: 'unspecified' as const }, 'reset by the peer'],
    [
      { error: 'ECONNRESET', resetReason: 'prohibited' as const, resetTransient: true },
      'reset by the peer: prohibited, transient',
    ],
    [{ error: 'ECONNRESET', resetReason: 9 }, 'reset by the peer: reason 9'],
    [{ error: 'EPROTO' }, 'EPROTO'],
  ])('says why a subflow closed: %j', (why, words) => {
    const seen = feed(trailing(), created(), established(), subflow('subflowClosed', { localPort: 1, ...why }));
    expect(lines(seen).at(-1)).toMatchObject({ msg: 'subflow closed', because: words });
  });

  test('is not made where nobody reads it', () => {
    expect(lines(feed(newCore(), created(), established(), announced(3), closed()))).toEqual([]);
  });
});
