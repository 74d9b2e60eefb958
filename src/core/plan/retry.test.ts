import { describe, expect, test } from 'vitest';
import { REMOTE } from '../../../test/fixtures/core/inputs.ts';
import { type Fate, RTT, SYN_TIMEOUT } from '../../../test/fixtures/core/model-kernel.ts';
import { mesh, PlanWorld, token } from '../../../test/fixtures/core/plan-world.ts';

const [LOCAL, WIFI] = ['10.0.1.1', '10.0.2.1'] as const;
const OTHER = '10.0.8.8';
const CREATE = `create ${WIFI} > ${REMOTE}`;
const remote = { ip: REMOTE, port: 443 };

/** A host with two addresses, of which the second has no subflow yet; its tries end so. */
function world(fate: Fate, plan: PlanWorld['plan'] = mesh): PlanWorld {
  const w = new PlanWorld({ plan, addresses: [LOCAL, WIFI] });
  w.kernel.fate = () => fate;
  w.connect();
  return w;
}

/** How long it was from the end of each try to the next one. */
function pauses(w: PlanWorld, ms: number, tryTakes: number): readonly number[] {
  w.advance(ms);
  const times = w.timed().flatMap(([at, line]) => (line === CREATE ? [at] : []));
  return times.slice(1).map((at, i) => at - (times[i] ?? 0) - tryTakes);
}

function about(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  for (const [i, ms] of expected.entries()) {
    expect(found[i]).toBeGreaterThanOrEqual(0.9 * ms);
    expect(found[i]).toBeLessThanOrEqual(1.1 * ms);
  }
}

describe('a subflow that fails is tried again', () => {
  const minute = 60_000;

  test.each<[string, Fate, number]>([
    ['refused', { error: 'ECONNREFUSED' }, RTT],
    ['reset', { error: 'ECONNRESET' }, RTT],
    ['reset for a reason that will pass', { error: 'ECONNRESET', reason: 'prohibited', transient: true }, RTT],
    ['without a route', { errno: 'ENETUNREACH' }, 0],
    ['closed in order at once', { error: undefined as never }, RTT],
  ])('%s: after 1, 2, 4 … 60 s, give or take a tenth', (_, fate, takes) => {
    const found = pauses(world(fate), 260_000, takes);
    about(found.slice(0, 8), [1000, 2000, 4000, 8000, 16_000, 32_000, minute, minute]);
  });

  test('without an answer: the kernel takes two minutes to say so', () => {
    const w = world('silent');
    about(pauses(w, 3 * SYN_TIMEOUT + 3500, SYN_TIMEOUT), [1000, 2000]);
  });

  test('that the peer has no resources for: four times as long', () => {
    const found = pauses(world({ error: 'ECONNRESET', reason: 'resource' }), 200_000, RTT);
    about(found.slice(0, 5), [4000, 8000, 16_000, 32_000, minute]);
  });

  test('that the kernel calls wrong: once a minute', () => {
    about(pauses(world({ errno: 'EINVAL' }), 130_000, 0), [minute, minute]);
  });

  test('two that fall together do not come back together', () => {
    const w = new PlanWorld({ plan: mesh, addresses: [LOCAL, WIFI, '10.0.3.1', '10.0.4.1'] });
    w.kernel.fate = () => ({ error: 'ECONNREFUSED' });
    w.connect();
    w.advance(1500);
    const again = w.timed().flatMap(([at, line]) => (at > 0 && line.startsWith('create') ? [at] : []));
    expect(again).toHaveLength(3);
    expect(new Set(again).size).toBeGreaterThan(1);
  });

  test('the series begins anew after one that was up for ten seconds, and goes on after a shorter one', () => {
    const w = world({ error: 'ECONNREFUSED' });
    w.advance(8000);
    w.kernel.fate = () => 'up';
    w.advance(20_000);
    w.timed();
    const since = w.now;
    w.cut(w.wire(WIFI), 'ETIMEDOUT');
    w.advance(1200);
    const [[at] = [0]] = w.timed();
    about([at - since], [1000]);
    w.advance(RTT);
    w.cut(w.wire(WIFI), 'ETIMEDOUT');
    const before = w.now;
    w.advance(10_000);
    about([(w.timed()[0]?.[0] ?? 0) - before], [2000]);
  });

  test('the other subflows and the connection never suffer', () => {
    const w = world({ error: 'ECONNREFUSED' });
    w.advance(1e6);
    expect(w.paths()).toEqual([`${LOCAL} > ${REMOTE}`]);
    expect(w.commands().every((line) => line === CREATE)).toBe(true);
  });
});

describe('at once', () => {
  test.each<[string, Fate]>([
    ['refused', { error: 'ECONNREFUSED' }],
    ['without a route', { errno: 'ENETUNREACH' }],
  ])('when its address is back: %s', (_, fate) => {
    const w = world(fate);
    w.advance(100_000);
    w.take(WIFI);
    w.advance(1000);
    w.commands();
    w.kernel.fate = () => 'up';
    w.bring(WIFI, 2);
    w.advance(RTT);
    expect(w.commands()).toEqual([CREATE]);
    expect(w.paths()).toHaveLength(2);
  });

  test('also where the plan wants it all the time', () => {
    const w = world({ errno: 'ENETUNREACH' }, () => ({ subflows: [{ local: { ip: WIFI }, remote }] }));
    w.advance(100_000);
    w.take(WIFI);
    w.advance(200_000);
    w.commands();
    expect(w.explain()[0]).toBe(`${WIFI} > ${REMOTE}:443: waiting: ${WIFI} cannot be used now, 7 failures in a row`);
    w.kernel.fate = () => 'up';
    w.bring(WIFI, 2);
    expect(w.commands()).toEqual([CREATE]);
  });

  test.each<[string, Fate, number]>([
    ['there was no route', { errno: 'EHOSTUNREACH' }, 1],
    ['nobody answered', 'silent', 1],
    ['the peer refused', { error: 'ECONNREFUSED' }, 0],
  ])('when routes change, where that may help: %s', (_, fate, tries) => {
    const w = world(fate);
    w.advance(2 * SYN_TIMEOUT + 1150);
    w.advance(5);
    w.commands();
    w.kernel.fate = () => 'up';
    w.feed({ type: 'routes' });
    w.settle();
    expect(w.commands()).toHaveLength(tries);
  });

  test('the next alternative, and a pause after the last', () => {
    const plan = () => ({ subflows: [{ local: { ip: WIFI }, remote: [remote, { ip: OTHER, port: 443 }] }] });
    const w = world({ error: 'ECONNREFUSED' }, plan);
    w.advance(2 * RTT + 2000);
    const tries = w.timed();
    expect(tries.map(([, line]) => line)).toEqual([
      CREATE,
      `create ${WIFI} > ${OTHER}`,
      CREATE,
      `create ${WIFI} > ${OTHER}`,
    ]);
    about([(tries[2]?.[0] ?? 0) - 2 * RTT], [1000]);
    expect(tries[1]?.[0]).toBe(RTT);
  });
});

describe('a pair that the peer keeps closing', () => {
  /** The peer takes it, and closes it after a second. */
  function closes(w: PlanWorld, times: number): void {
    for (let i = 0; i < times; i++) {
      for (let s = 0; s < 70 && w.paths().length < 2; s++) w.advance(1000);
      w.advance(1000);
      w.cut(w.wire(WIFI), i % 2 ? undefined : 'ECONNRESET');
    }
    w.commands();
  }

  test('rests after the third time for five minutes, then for ten, up to an hour', () => {
    const w = world('up');
    closes(w, 3);
    for (const rest of [300_000, 600_000, 1_200_000, 2_400_000, 3_600_000, 3_600_000]) {
      w.advance(rest - 1);
      expect(w.commands()).toEqual([]);
      w.advance(1);
      expect(w.commands()).toEqual([CREATE]);
      w.advance(RTT);
      w.cut(w.wire(WIFI), 'ECONNRESET');
    }
  });

  test('rests on other connections too, and an address that returns does not wake it', () => {
    const w = world('up');
    closes(w, 3);
    w.connect({ token: token(1), localPort: 40_001 });
    expect(w.commands()).toEqual([]);
    expect(w.explain(token(1)).at(-1)).toBe(`${WIFI} > ${REMOTE}:443: waiting 5 min: the peer kept closing it`);
    w.take(WIFI);
    w.advance(1000);
    w.bring(WIFI, 2);
    expect(w.commands()).toEqual([]);
    w.advance(300_000);
    expect(w.commands()).toEqual([CREATE, CREATE]);
  });

  test('is forgiven once one has lived for ten seconds', () => {
    const w = world('up');
    closes(w, 2);
    w.advance(80_000);
    w.cut(w.wire(WIFI), 'ECONNRESET');
    closes(w, 2);
    w.advance(70_000);
    expect(w.paths()).toHaveLength(2);
  });

  test('after an hour of silence all begins anew', () => {
    const w = world('up');
    closes(w, 3);
    w.disconnect();
    w.advance(300_000 + 3_600_000);
    w.connect();
    closes(w, 2);
    w.advance(10_000);
    expect(w.paths()).toHaveLength(2);
  });

  test('one that timed out on the way is not the peer’s doing', () => {
    const w = world('up');
    for (let i = 0; i < 6; i++) {
      for (let s = 0; s < 70 && w.paths().length < 2; s++) w.advance(1000);
      w.cut(w.wire(WIFI), 'ETIMEDOUT');
    }
    w.advance(70_000);
    expect(w.paths()).toHaveLength(2);
  });
});

describe('a pair that is forbidden', () => {
  test.each(['prohibited', 'middlebox'] as const)('%s: rests at once', (reason) => {
    const w = world({ error: 'ECONNRESET', reason });
    w.advance(300_000 + RTT - 1);
    expect(w.commands()).toEqual([CREATE]);
    expect(w.explain().at(-1)).toContain(`reset by the peer: ${reason}`);
    w.advance(1);
    expect(w.commands()).toEqual([CREATE]);
  });

  test('while an alternative is not, that is used', () => {
    const plan = () => ({ subflows: [{ local: { ip: WIFI }, remote: [remote, { ip: OTHER, port: 443 }] }] });
    const w = new PlanWorld({ plan, addresses: [LOCAL, WIFI] });
    w.kernel.fate = (_, to) =>
      to === REMOTE ? { error: 'ECONNRESET', reason: 'prohibited' } : { error: 'ECONNREFUSED' };
    w.connect();
    w.advance(10_000);
    const lines = w.commands();
    expect(lines.filter((line) => line === CREATE)).toHaveLength(1);
    expect(lines.filter((line) => line.endsWith(OTHER)).length).toBeGreaterThan(2);
  });
});

describe('a connection that the kernel manages itself', () => {
  test('is left alone', () => {
    const w = new PlanWorld({ plan: mesh, addresses: [LOCAL, WIFI] });
    w.refuse = () => 'EINVAL';
    w.connect();
    w.commands();
    w.bring('10.0.3.1', 3);
    w.announce(3, OTHER);
    w.advance(1e6);
    expect(w.commands()).toEqual([]);
    expect(w.explain()).toEqual(['nothing: it is under the kernel’s path manager']);
  });

  test('or does not have any more: after one refusal and a question the rest of the plan is not sent', () => {
    const addresses = Array.from({ length: 8 }, (_, i) => `10.0.${i + 1}.1`);
    const w = new PlanWorld({ plan: mesh, addresses });
    w.refuse = () => 'EINVAL';
    w.connect();
    expect(w.commands()).toEqual([CREATE, 'listAddresses', 'listAddresses']);
    w.refuse = () => undefined;
    w.disconnect();
    w.connect();
    w.advance(RTT);
    expect(w.paths()).toHaveLength(8);
  });

  test('so is one that only announces', () => {
    const w = new PlanWorld({ plan: ({ addresses }) => ({ announce: addresses }) });
    w.refuse = () => 'EINVAL';
    w.connect({ serverSide: true });
    w.commands();
    w.advance(1e6);
    expect(w.commands()).toEqual([]);
  });

  test('EINVAL alone does not make it one', () => {
    const w = world({ errno: 'EINVAL' });
    w.kernel.fate = () => 'up';
    w.advance(60_000 + RTT);
    expect(w.paths()).toHaveLength(2);
  });
});

describe('what the peer and the families allow', () => {
  test('a server that denies joins to its initial address and announces another: subflows go there, and only there', () => {
    const w = new PlanWorld({ plan: mesh, addresses: [LOCAL, WIFI] });
    w.connect({ denyJoinId0: true });
    expect(w.commands()).toEqual([]);
    w.announce(3, OTHER);
    w.advance(RTT);
    expect(w.paths()).toEqual([`${LOCAL} > ${OTHER}`, `${LOCAL} > ${REMOTE}`, `${WIFI} > ${OTHER}`]);
    w.advance(1e6);
    expect(w.commands().filter((line) => line.endsWith(REMOTE))).toEqual([]);
  });

  test('nor where the plan insists on it', () => {
    const w = new PlanWorld({ plan: () => ({ subflows: [{ local: { ip: WIFI }, remote }] }) });
    w.connect({ denyJoinId0: true });
    expect(w.commands()).toEqual([]);
    expect(w.explain()[0]).toContain('not possible: the peer forbids subflows to its initial address');
  });

  test('a peer that removes its initial address: no more subflows there', () => {
    const w = new PlanWorld({ plan: mesh, addresses: [LOCAL, WIFI] });
    w.connect();
    w.announce(3, OTHER);
    w.advance(RTT);
    w.withdraw(0, REMOTE);
    w.commands();
    w.advance(1e6);
    expect(w.commands()).toEqual([]);
    expect(w.paths()).toEqual([`${LOCAL} > ${OTHER}`, `${WIFI} > ${OTHER}`]);
  });

  test('IPv6, and IPv4 beside it where the socket takes both', () => {
    const all = ['2001:db8:1::1', '2001:db8:2::1', WIFI];
    const w = new PlanWorld({ plan: mesh, addresses: all });
    w.connect({ localIp: '2001:db8:1::1', remoteIp: '2001:db8:9::9' });
    w.announce(3, REMOTE);
    w.advance(RTT);
    expect(w.paths()).toEqual([
      `${WIFI} > ${REMOTE}`,
      '2001:db8:1::1 > 2001:db8:9::9',
      '2001:db8:2::1 > 2001:db8:9::9',
    ]);
    const four = new PlanWorld({ plan: mesh, addresses: [LOCAL, WIFI, '2001:db8:1::1'] });
    four.connect();
    four.announce(3, '2001:db8:9::9');
    four.advance(RTT);
    expect(four.paths()).toEqual([`${LOCAL} > ${REMOTE}`, `${WIFI} > ${REMOTE}`]);
    expect(four.explain().join('\n')).toContain('not possible: the connection is of IPv4 alone');
  });
});

test('where everything stands is said in words', () => {
  const w = new PlanWorld({
    plan: mesh,
    addresses: [LOCAL, WIFI, '10.0.3.1', '10.0.4.1'],
    settings: { maxSubflows: 3 },
  });
  w.kernel.fate = (ip) => (ip === WIFI ? { error: 'ECONNREFUSED' } : 'silent');
  w.connect();
  w.join(LOCAL, '10.0.9.10');
  w.advance(100);
  expect(w.explain().map((line) => line.replace(/waiting \d+ ms/, 'waiting N ms'))).toEqual([
    `${LOCAL}:40000 > ${REMOTE}:443: established for 100 ms`,
    `${WIFI} > ${REMOTE}:443: waiting N ms: refused by the peer`,
    `10.0.3.1 > ${REMOTE}:443: being tried for 100 ms`,
    `10.0.4.1 > ${REMOTE}:443: not possible: 3 subflows are there (max-subflows)`,
    expect.stringMatching(/^10\.0\.1\.1:443 > 10\.0\.9\.10:\d+: made by the peer$/),
  ]);
});
