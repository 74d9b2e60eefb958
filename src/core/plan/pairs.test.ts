import { describe, expect, test } from 'vitest';
import { add, connection, pairsOf, trying, want } from '../../../test/fixtures/core/plans.ts';
import { asIfIndex } from '../model/ids.ts';
import { linkSubflows, mergeAnnouncements, mergePairs } from './pairs.ts';
import type { Pair } from './planned.ts';

const LOCAL = '10.0.1.1';
const WIFI = '10.0.2.1';
const REMOTE = '10.0.9.9';
const OTHER = '10.0.8.8';
const THIRD = '10.0.7.7';

/** Gives a pair a past. */
const failed = (pair: Pair, until = 5000, failures = 3): Pair =>
  Object.assign(pair, { failures, until, failure: { kind: 'refused', words: 'refused by the peer', at: 1000 } });

const only = (pairs: readonly Pair[]): Pair => {
  expect(pairs).toHaveLength(1);
  return pairs[0] as Pair;
};

describe('the pairs of a new plan', () => {
  test('those that are wanted still keep what is known of them, in the new order', () => {
    const [a, b] = pairsOf(want(LOCAL), want(WIFI)) as [Pair, Pair];
    const pairs = mergePairs([failed(a), b], [want('10.0.3.1'), want(WIFI), want(LOCAL)], 9);
    expect(pairs[1]).toBe(b);
    expect(pairs[2]).toBe(a);
    expect(pairs[0]).toMatchObject({ since: 9, failures: 0, until: 0, subflow: undefined });
    expect(a).toMatchObject({ failures: 3, until: 5000 });
  });

  test('the mapped form of an address is the same address', () => {
    const [a] = pairsOf(want(LOCAL)) as [Pair];
    expect(only(mergePairs([a], [want(`::ffff:${LOCAL}`, `::ffff:${REMOTE}`)], 9))).toBe(a);
  });

  test('another port or interface makes another pair', () => {
    const before = [...pairsOf(want(LOCAL))];
    const port = { local: { ip: LOCAL }, remote: { ip: REMOTE, port: 8443 } };
    expect(only(mergePairs(before, [port], 9))).not.toBe(before[0]);
    expect(only(mergePairs(before, [want(LOCAL, REMOTE, { ifIndex: 1 })], 9))).not.toBe(before[0]);
  });

  test('the same pair may be wanted several times: each keeps its own past', () => {
    const before = pairsOf(want(LOCAL), want(LOCAL), want(LOCAL));
    failed(before[1] as Pair);
    expect(mergePairs(before, [want(LOCAL), want(LOCAL)], 9)).toEqual(before.slice(0, 2));
    const more = mergePairs(before, [want(LOCAL), want(LOCAL), want(LOCAL), want(LOCAL)], 9);
    expect(more.slice(0, 3)).toEqual(before);
    expect(new Set(more).size).toBe(4);
  });

  test('backup is as the new plan says', () => {
    const before = pairsOf(want(LOCAL, REMOTE, { backup: true }));
    expect(only(mergePairs(before, [want(LOCAL)], 9))).toBe(before[0]);
    expect(before[0]?.backup).toBe(false);
  });

  describe('with alternatives', () => {
    test('one more that has not been tried may be tried at once, and failures go on counting', () => {
      const [a] = pairsOf(want(LOCAL, [REMOTE])) as [Pair];
      const merged = only(mergePairs([failed(a)], [want(LOCAL, [REMOTE, OTHER])], 2000));
      expect(merged).toBe(a);
      expect(merged).toMatchObject({ choice: 1, until: 0, failures: 3 });
    });

    test('one fewer: what was waited for is waited for still', () => {
      const [a] = pairsOf(want(LOCAL, [REMOTE, OTHER])) as [Pair];
      failed(a).choice = 1;
      expect(only(mergePairs([a], [want(LOCAL, [OTHER])], 2000))).toMatchObject({
        choice: 0,
        until: 5000,
        failures: 3,
      });
    });

    test('in another order the one that it has stays', () => {
      const c = connection();
      const [a] = pairsOf(want(WIFI, [REMOTE, OTHER])) as [Pair];
      a.subflow = add(c, { localIp: WIFI, remoteIp: REMOTE });
      const merged = mergePairs([a], [want(WIFI, [THIRD, OTHER, REMOTE])], 9);
      linkSubflows(merged, c.connection, 9);
      expect(only(merged)).toMatchObject({ choice: 2, subflow: a.subflow });
    });

    test('none of them is left: another pair, without a subflow', () => {
      const c = connection();
      const [a] = pairsOf(want(WIFI, [REMOTE])) as [Pair];
      a.subflow = add(c, { localIp: WIFI });
      const merged = mergePairs([a], [want(WIFI, [OTHER, THIRD])], 9);
      linkSubflows(merged, c.connection, 9);
      expect(only(merged).subflow).toBeUndefined();
    });

    test('the one that it has is no longer among them: it is let go', () => {
      const c = connection();
      const [a] = pairsOf(want(WIFI, [REMOTE, OTHER])) as [Pair];
      a.subflow = add(c, { localIp: WIFI });
      const merged = mergePairs([a], [want(WIFI, [OTHER])], 9);
      linkSubflows(merged, c.connection, 9);
      expect(only(merged)).toMatchObject({ subflow: undefined, since: 9 });
    });
  });
});

describe('linking', () => {
  const link = (c: ReturnType<typeof connection>, ...pairs: readonly Pair[]): void =>
    linkSubflows(pairs, c.connection, 77);

  test('the initial subflow is one of its pair', () => {
    const c = connection();
    const [a] = pairsOf(want(LOCAL)) as [Pair];
    link(c, a);
    expect(a).toMatchObject({ subflow: c.initial, since: 77 });
  });

  test('so is what the peer made, and each subflow belongs to one pair', () => {
    const c = connection();
    const theirs = add(c, { localIp: LOCAL, localPort: 443 });
    const pairs = pairsOf(want(LOCAL), want(LOCAL), want(LOCAL)) as [Pair, Pair, Pair];
    link(c, ...pairs);
    expect(pairs.map(({ subflow }) => subflow)).toEqual([c.initial, theirs, undefined]);
  });

  test('an IPv4-mapped one belongs to the plain pair', () => {
    const c = connection({ localIp: `::ffff:${LOCAL}`, remoteIp: `::ffff:${REMOTE}` });
    const [a] = pairsOf(want(LOCAL)) as [Pair];
    link(c, a);
    expect(a.subflow).toBe(c.initial);
  });

  test('IPv6 to IPv6', () => {
    const c = connection({ localIp: '2001:db8::1', remoteIp: '2001:db8:9::9' });
    const pairs = pairsOf(want(LOCAL), want('2001:db8::1', '2001:db8:9::9')) as [Pair, Pair];
    link(c, ...pairs);
    expect(pairs.map(({ subflow }) => subflow)).toEqual([undefined, c.initial]);
  });

  test('not to another port', () => {
    const c = connection();
    const [a] = pairsOf({ local: { ip: LOCAL }, remote: { ip: REMOTE, port: 8443 } }) as [Pair];
    link(c, a);
    expect(a.subflow).toBeUndefined();
  });

  test('one that is bound elsewhere does not fit; one that is bound to nothing fits any', () => {
    const c = connection();
    const bound = add(c, { localIp: WIFI, ifIndex: asIfIndex(2) });
    const [one, two, none] = pairsOf(
      want(WIFI, REMOTE, { ifIndex: 3 }),
      want(WIFI, REMOTE, { ifIndex: 2 }),
      want(LOCAL, REMOTE, { ifIndex: 1 }),
    ) as [Pair, Pair, Pair];
    link(c, one, two, none);
    expect([one.subflow, two.subflow, none.subflow]).toEqual([undefined, bound, c.initial]);
    const [unbound] = pairsOf(want(WIFI)) as [Pair];
    link(c, unbound);
    expect(unbound.subflow).toBe(bound);
  });

  test('of several alternatives it notes which one it has', () => {
    const c = connection();
    const [a] = pairsOf(want(LOCAL, [OTHER, REMOTE])) as [Pair];
    link(c, a);
    expect(a).toMatchObject({ choice: 1, subflow: c.initial });
  });

  test('an established one counts more than one that is being tried, also where the pair has that', () => {
    const c = connection();
    const tried = trying(c, WIFI);
    const [a] = pairsOf(want(WIFI)) as [Pair];
    link(c, a);
    expect(a.subflow).toBe(tried);
    const up = add(c, { localIp: WIFI, localPort: 50_001, remotePort: 443 });
    expect(up).toBe(tried);
    const theirs = trying(c, WIFI);
    a.subflow = theirs;
    link(c, a);
    expect(a.subflow).toBe(up);
  });

  test('what is being closed is nobody’s, unless it was already', () => {
    const c = connection();
    c.initial.leaving = true;
    const [a] = pairsOf(want(LOCAL)) as [Pair];
    link(c, a);
    expect(a.subflow).toBeUndefined();
    a.subflow = c.initial;
    link(c, a);
    expect(a.subflow).toBe(c.initial);
  });

  test('a pair for which the kernel is being asked takes no other', () => {
    const c = connection();
    const [a] = pairsOf(want(LOCAL)) as [Pair];
    a.asked = true;
    link(c, a);
    expect(a.subflow).toBeUndefined();
  });

  test('one that is not there any more is let go', () => {
    const c = connection();
    const [a] = pairsOf(want(LOCAL)) as [Pair];
    link(c, a);
    c.connection.subflows.length = 0;
    linkSubflows([a], c.connection, 99);
    expect(a).toMatchObject({ subflow: undefined, since: 99 });
  });

  test('a stale try is not waited for, an established one is never stale', () => {
    const c = connection();
    trying(c, WIFI);
    const pairs = pairsOf(want(WIFI), want(LOCAL)) as [Pair, Pair];
    link(c, ...pairs);
    linkSubflows(pairs, c.connection, 99, () => true);
    expect(pairs.map(({ subflow }) => subflow)).toEqual([undefined, c.initial]);
  });
});

describe('the announcements of a new plan', () => {
  const merge = (
    before: Parameters<typeof mergeAnnouncements>[0],
    ...wanted: Parameters<typeof mergeAnnouncements>[1]
  ) => mergeAnnouncements(before, wanted, 9);

  test('those that are wanted still keep what is known of them', () => {
    const [a] = merge([], { ip: LOCAL }, { ip: WIFI, port: 443 });
    const after = merge(a ? [a] : [], { ip: WIFI }, { ip: `::ffff:${LOCAL}` });
    expect(after[1]).toBe(a);
    expect(after[0]).toMatchObject({ ip: WIFI, port: undefined, id: undefined, since: 9 });
  });

  test.each([{ port: 8443 }, { backup: true }, { listen: true }, { listen: '10.0.1.2' }])(
    'with %j it is another one',
    (more) => {
      const before = merge([], { ip: LOCAL });
      expect(merge(before, { ip: LOCAL, ...more })[0]).not.toBe(before[0]);
    },
  );

  test('the same address and port twice is one announcement, the first', () => {
    const once = merge([], { ip: LOCAL, backup: true }, { ip: LOCAL }, { ip: LOCAL, port: 443 });
    expect(once.map(({ port, backup }) => [port, backup])).toEqual([
      [undefined, true],
      [443, false],
    ]);
    expect(merge(once, { ip: LOCAL, backup: true }, { ip: LOCAL, backup: true })).toEqual(once.slice(0, 1));
  });
});
