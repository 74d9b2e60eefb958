import { describe, expect, test } from 'vitest';
import { address, addressGone, link } from '../../../test/fixtures/core/inputs.ts';
import {
  add,
  around,
  connection,
  network,
  pairsOf,
  plannedWith,
  trying,
  want,
} from '../../../test/fixtures/core/plans.ts';
import { asIfIndex } from '../model/ids.ts';
import type { Network } from '../network.ts';
import { linkSubflows } from './pairs.ts';
import { endsOf, type Pair } from './planned.ts';
import { Judge } from './standing.ts';

const LOCAL = '10.0.1.1';
const WIFI = '10.0.2.1';
const MOBILE = '10.0.3.1';
const NOW = 100_000;
const never = Number.POSITIVE_INFINITY;
type NetworkInput = Parameters<Network['apply']>[0];

/** A client whose initial subflow leaves from LOCAL, on a host with all three addresses. */
function judged(pairs: readonly Pair[], more: Parameters<typeof around>[1] & { net?: Network } = {}, c = connection()) {
  const { net = network(LOCAL, WIFI, MOBILE), ...rest } = more;
  const planned = plannedWith(pairs);
  linkSubflows(pairs, c.connection, NOW - 10);
  const judge = new Judge(c.connection, planned, around(net, rest));
  return { planned, standings: pairs.map((pair) => judge.judge(pair)) };
}
const states = (...args: Parameters<typeof judged>): readonly string[] =>
  judged(...args).standings.map(({ state }) => state);
const because = (...args: Parameters<typeof judged>): readonly (string | undefined)[] =>
  judged(...args).standings.map((standing) => ('because' in standing ? standing.because : undefined));

const failed = (pair: Pair, kind: 'refused' | 'timed out' | 'no way', at: number, until: number): Pair =>
  Object.assign(pair, { failures: 1, until, failure: { kind, words: `it was ${kind}`, at } });

describe('a wanted subflow', () => {
  test('that is there is established, for as long as the pair has it', () => {
    expect(judged(pairsOf(want(LOCAL))).standings).toEqual([{ state: 'established', since: NOW - 10 }]);
  });

  test('that is being tried', () => {
    const c = connection();
    trying(c, WIFI);
    expect(judged(pairsOf(want(WIFI)), {}, c).standings).toEqual([{ state: 'trying', since: NOW - 10 }]);
  });

  test('for which the kernel is being asked counts as tried', () => {
    const pairs = pairsOf(want(WIFI));
    Object.assign(pairs[0] as Pair, { asked: true });
    expect(states(pairs)).toEqual(['trying']);
  });

  test('that nothing speaks against is due', () => expect(states(pairsOf(want(WIFI)))).toEqual(['due']));

  test('that failed waits, and says why', () => {
    const [pair] = pairsOf(want(WIFI)) as [Pair];
    failed(pair, 'refused', NOW - 10, NOW + 500);
    expect(judged([pair]).standings).toEqual([{ state: 'waiting', until: NOW + 500, because: 'it was refused' }]);
    expect(states([pair], { now: NOW + 500 })).toEqual(['due']);
  });

  test('that can never be says so', () => {
    expect(because(pairsOf(want(WIFI, '2001:db8:9::9')))).toEqual(['its ends are of two families']);
  });

  test('whose address is not there waits for that alone', () => {
    const [standing] = judged(pairsOf(want('10.0.7.7'))).standings;
    expect(standing).toEqual({ state: 'waiting', until: never, because: '10.0.7.7 cannot be used now' });
  });

  test('whose address is on another interface waits too', () => {
    const pairs = pairsOf(want(WIFI, undefined, { ifIndex: 2 }), want(WIFI, undefined, { ifIndex: 3 }));
    expect(states(pairs)).toEqual(['due', 'waiting']);
  });

  test('whose interface has no carrier waits', () => {
    const net = network(LOCAL, WIFI);
    net.apply(link(2, { running: false }) as NetworkInput, 50);
    expect(because(pairsOf(want(WIFI)), { net })).toEqual([`${WIFI} cannot be used now`]);
  });
});

describe('what ends a pause before its time', () => {
  function stateAfter(
    kind: Parameters<typeof failed>[1],
    happens: (net: Network) => void,
    routesAt = -1,
  ): string | undefined {
    const net = network(LOCAL, WIFI);
    const [pair] = pairsOf(want(WIFI)) as [Pair];
    failed(pair, kind, 1000, NOW + 1000);
    happens(net);
    return states([pair], { net, routesAt })[0];
  }
  const back = (net: Network): void => {
    net.apply(addressGone(WIFI, 2) as NetworkInput, 1500);
    net.apply(address(WIFI, 2) as NetworkInput, 2000);
  };

  test.each(['refused', 'timed out', 'no way'] as const)('its address is there again, after %s', (kind) => {
    expect(stateAfter(kind, back)).toBe('due');
  });

  test('other routes, where there was no way or no answer', () => {
    expect(stateAfter('no way', () => undefined, 2000)).toBe('due');
    expect(stateAfter('timed out', () => undefined, 2000)).toBe('due');
    expect(stateAfter('refused', () => undefined, 2000)).toBe('waiting');
  });

  test('not what happened before it failed', () => {
    expect(stateAfter('no way', () => undefined, 999)).toBe('waiting');
    expect(stateAfter('refused', () => undefined)).toBe('waiting');
  });
});

describe('a pair that rests', () => {
  test('waits until its rest is over, on this connection and on others', () => {
    const { rests } = around(network());
    const [pair] = pairsOf(want(WIFI)) as [Pair];
    rests.note(endsOf(pair), NOW, 300_000, 0);
    const [standing] = judged([pair], { rests }).standings;
    expect(standing).toEqual({ state: 'waiting', until: NOW + 300_000, because: 'the peer kept closing it' });
    expect(states([pair], { rests, now: NOW + 300_000 })).toEqual(['due']);
  });

  test('is not woken by an address that returns', () => {
    const { rests } = around(network());
    const net = network(LOCAL, WIFI);
    const [pair] = pairsOf(want(WIFI)) as [Pair];
    failed(pair, 'refused', NOW - 5000, NOW + 1000);
    rests.note(endsOf(pair), NOW, 300_000, 0);
    net.apply(addressGone(WIFI, 2) as NetworkInput, NOW - 100);
    net.apply(address(WIFI, 2) as NetworkInput, NOW - 50);
    const [standing] = judged([pair], { rests, net }).standings;
    expect(standing).toMatchObject({ state: 'waiting', until: NOW + 300_000, because: 'it was refused' });
  });
});

describe('limits', () => {
  const three = () => pairsOf(want(LOCAL), want(WIFI), want(MOBILE));

  test('max-subflows: those that are named first count first, the initial one among them', () => {
    expect(states(three(), { settings: { maxSubflows: 2 } })).toEqual(['established', 'due', 'impossible']);
    expect(because(three(), { settings: { maxSubflows: 2 } })[2]).toBe('2 subflows are there (max-subflows)');
  });

  test('subflows that no pair stands for have their places', () => {
    const c = connection();
    add(c, { localIp: LOCAL, localPort: 443, remoteIp: '10.0.9.10' });
    expect(states(pairsOf(want(WIFI)), { settings: { maxSubflows: 2 } }, c)).toEqual(['impossible']);
  });

  test('not those that are being closed, nor tries that are no longer wanted', () => {
    const c = connection();
    add(c, { localIp: MOBILE, remoteIp: '10.0.9.10' }, { leaving: true });
    trying(c, MOBILE, '10.0.9.11');
    Object.assign(c.connection.subflows.at(-1) ?? {}, { own: true });
    expect(states(pairsOf(want(WIFI)), { settings: { maxSubflows: 2 } }, c)).toEqual(['due']);
  });

  test('a try takes a place for three seconds, and then no longer', () => {
    const c = connection();
    trying(c, WIFI);
    const pairs = three();
    expect(states(pairs, { settings: { maxSubflows: 2 } }, c)).toEqual(['established', 'trying', 'impossible']);
    expect(states(pairs, { settings: { maxSubflows: 2 }, now: NOW + 2989 }, c)[2]).toBe('impossible');
    expect(states(pairs, { settings: { maxSubflows: 2 }, now: NOW + 2990 }, c)).toEqual([
      'established',
      'trying',
      'due',
    ]);
  });

  test('the initial one has its place wherever the plan names it, and so has what the peer made', () => {
    const pairs = pairsOf(want(WIFI), want(MOBILE), want(LOCAL));
    expect(states(pairs, { settings: { maxSubflows: 2 } })).toEqual(['due', 'impossible', 'established']);
    const c = connection();
    add(c, { localIp: MOBILE, localPort: c.connection.local.port });
    expect(states(pairsOf(want(WIFI), want(MOBILE)), { settings: { maxSubflows: 2 } }, c)).toEqual([
      'impossible',
      'established',
    ]);
  });

  test('one that stays though its address is gone takes none: another could not be made', () => {
    const net = network(LOCAL, WIFI);
    net.apply(addressGone(LOCAL) as NetworkInput, 50);
    expect(states(pairsOf(want(WIFI)), { net, settings: { maxSubflows: 1 } })).toEqual(['due']);
    expect(states(pairsOf(want(LOCAL), want(WIFI)), { net, settings: { maxSubflows: 1 } })[1]).toBe('due');
  });

  test('what waits takes none', () => {
    const pairs = three();
    failed(pairs[1] as Pair, 'refused', NOW - 10, NOW + 1000);
    expect(states(pairs, { settings: { maxSubflows: 2 } })).toEqual(['established', 'waiting', 'due']);
  });

  test('max-per-interface: by the interface that has the address, or to which a pair is bound', () => {
    const settings = { maxSubflowsPerInterface: 1 };
    const other = '10.0.8.8';
    const pairs = pairsOf(want(LOCAL), want(LOCAL, other), want(WIFI), want(WIFI, other, { ifIndex: 2 }), want(MOBILE));
    expect(states(pairs, { settings })).toEqual(['established', 'impossible', 'due', 'impossible', 'due']);
    expect(because(pairs, { settings })[1]).toBe('its interface has 1 (max-per-interface)');
  });

  test('a subflow counts for the interface that it is bound to', () => {
    const c = connection();
    add(c, { localIp: WIFI, remoteIp: '10.0.9.10', ifIndex: asIfIndex(2) });
    const settings = { maxSubflowsPerInterface: 1 };
    expect(states(pairsOf(want(WIFI)), { settings }, c)).toEqual(['impossible']);
  });

  test('tries-per-second: what is over waits for the next second', () => {
    const pairs = pairsOf(want(WIFI), want(MOBILE), want(WIFI, '10.0.8.8'));
    const { planned } = judged([]);
    Object.assign(planned, { triesFrom: NOW - 400, tries: 1, pairs });
    const net = network(LOCAL, WIFI, MOBILE);
    const judge = new Judge(connection().connection, planned, around(net, { settings: { triesPerSecond: 3 } }));
    expect(pairs.map((pair) => judge.judge(pair))).toEqual([
      { state: 'due' },
      { state: 'due' },
      { state: 'waiting', until: NOW + 600, because: '3 were tried in this second (tries-per-second)' },
    ]);
    const later = around(net, { settings: { triesPerSecond: 3 }, now: NOW + 600 });
    const next = new Judge(connection().connection, planned, later);
    expect(pairs.map((pair) => next.judge(pair).state)).toEqual(['due', 'due', 'due']);
  });
});
