import { describe, expect, test } from 'vitest';
import {
  address,
  announced,
  created,
  established,
  everything,
  feed,
  link,
  localAddress,
  REMOTE,
  T,
} from '../../../test/fixtures/core/inputs.ts';
import { RTT } from '../../../test/fixtures/core/model-kernel.ts';
import { mesh, PlanWorld, token } from '../../../test/fixtures/core/plan-world.ts';
import { Core } from '../core.ts';
import type { HookName } from '../model/hooks.ts';
import { asIfIndex } from '../model/ids.ts';
import type { PlanView } from '../model/plan.ts';

const [LOCAL, WIFI, MOBILE] = ['10.0.1.1', '10.0.2.1', '10.0.3.1'];
const OTHER = '10.0.8.8';

/** A world whose plan reads the members that are named, and wants nothing. */
const reading = (...members: readonly (keyof PlanView)[]): PlanWorld =>
  new PlanWorld({
    plan: (view) => {
      for (const member of members) void view[member];
      return {};
    },
  });

describe('when a plan is asked for', () => {
  test('once the connection is established, not before: the kernel takes no subflows then', () => {
    const w = new PlanWorld({ plan: mesh });
    w.connect({ established: false });
    w.bring('10.0.4.1', 4);
    expect([w.asked, w.commands()]).toEqual([0, []]);
    expect(w.explain()).toEqual(['nothing: it is not established yet']);
    w.connect();
    expect(w.commands()).toHaveLength(3);
  });

  test('not of connections that another plugin owns', () => {
    const favoured = { name: 'a', priority: -1, hooks: new Set<HookName>() };
    const core = new Core({
      plugins: [favoured, { ...favoured, name: 'p', priority: 0, plans: true }],
      notifyFlags: everything,
    });
    const effects = feed(core, created(), established(), address(WIFI), announced(3));
    expect(effects.map(({ type }) => type)).not.toContain('plan');
    expect(core.explain(T, 0)?.idle).toBe('its plugin decides by hooks, not by a plan');
  });

  test.each<[reads: keyof PlanView, happens: string, (w: PlanWorld) => void]>([
    ['addresses', 'an address comes', (w) => w.bring('10.0.4.1', 3)],
    ['addresses', 'an address goes', (w) => w.take(WIFI)],
    ['addresses', 'a carrier is lost', (w) => w.carrier(2, false)],
    ['interfaces', 'an interface loses its carrier', (w) => w.carrier(2, false)],
    ['remotes', 'the peer announces', (w) => w.announce(3, OTHER)],
    ['remotes', 'the peer removes', (w) => w.withdraw(0, '10.0.99.99')],
    ['subflows', 'a subflow comes', (w) => void w.join(LOCAL, OTHER)],
    ['subflows', 'a subflow goes', (w) => w.cut(w.wire(LOCAL))],
  ])('again by one that reads %s: %s', (member, _, happen) => {
    const w = reading(member);
    w.connect();
    happen(w);
    expect(w.asked).toBe(2);
  });

  test('not again by one that reads nothing of what changes', () => {
    const everything = (w: PlanWorld): void => {
      w.bring('10.0.4.1', 3);
      w.carrier(2, false);
      w.announce(3, OTHER);
      w.join(LOCAL, OTHER);
      w.advance(100_000);
    };
    const connectionAlone = reading('connection');
    connectionAlone.connect();
    everything(connectionAlone);
    expect(connectionAlone.asked).toBe(1);
    const remotes = reading('remotes');
    remotes.connect();
    everything(remotes);
    expect(remotes.asked).toBe(2);
  });

  test('not because the peer repeats itself', () => {
    const w = reading('remotes');
    w.connect();
    for (const _ of [1, 2, 3]) w.announce(3, OTHER);
    expect(w.asked).toBe(2);
  });

  test('again when an answer of usableFor changes with time, and once', () => {
    const w = new PlanWorld({
      plan: ({ usableFor }) => {
        const { ip } = { ip: '10.0.4.1' };
        return { subflows: usableFor({ ip, ifIndex: asIfIndex(4) }, 5000) ? [{ local: { ip }, remote }] : [] };
      },
    });
    const remote = { ip: REMOTE, port: 443 };
    w.connect();
    w.bring('10.0.4.1', 4);
    expect(w.asked).toBe(2);
    w.advance(4999);
    expect([w.asked, w.commands()]).toEqual([2, []]);
    w.advance(1);
    expect([w.asked, w.commands()]).toEqual([3, [`create 10.0.4.1 > ${REMOTE}`]]);
    w.advance(1e6);
    expect(w.asked).toBe(3);
  });

  test('again when a subflow is in trouble, and when it no longer is', () => {
    const troubled: boolean[] = [];
    const w = new PlanWorld({
      plan: ({ subflows, inTrouble }) => {
        troubled.push(subflows.some((each) => inTrouble(each, 1000, 3000)));
        return {};
      },
    });
    w.connect();
    expect(w.watching).toBe(250);
    const { local, remote } = w.wire(LOCAL);
    const ends = { token: T, localIp: local.ip, localPort: local.port, remoteIp: remote.ip, remotePort: remote.port };
    const sample = (acked: number, outstanding: boolean): void => {
      w.feed({ type: 'progress', samples: [{ ...ends, acked, outstanding }] });
      w.settle();
    };
    sample(5, true);
    w.advance(1000);
    expect(troubled.at(-1)).toBe(true);
    const asked = w.asked;
    for (const _ of [1, 2, 3]) sample(5, true);
    expect(w.asked).toBe(asked);
    sample(9, true);
    w.advance(2999);
    expect(troubled.at(-1)).toBe(true);
    w.advance(1);
    expect(troubled.at(-1)).toBe(false);
  });

  test('the counters are read no longer once nobody asks for trouble, or the connection is gone', () => {
    const w = new PlanWorld({
      plan: ({ subflows, inTrouble }) => ({ subflows: subflows.filter((s) => inTrouble(s, 400, 0)) }),
    });
    w.connect();
    w.connect({ token: token(1), localPort: 40_001 });
    expect(w.watching).toBe(100);
    w.disconnect(token(1));
    expect(w.watching).toBe(100);
    w.disconnect();
    expect(w.watching).toBeUndefined();
  });
});

describe('many connections', () => {
  const isMore = ({ type }: { readonly type: string }): boolean => type === 'more';

  function crowd(many: number): PlanWorld {
    const w = new PlanWorld({ plan: mesh, addresses: [LOCAL] });
    for (let i = 0; i < many; i++) w.connect({ token: token(i), localPort: 1 + i });
    w.askedOf.length = 0;
    return w;
  }

  test('ten thousand have their turns when an address comes, each once, in their order', () => {
    const w = crowd(10_000);
    w.feed(link(2));
    w.settle();
    expect(w.askedOf).toEqual([]);
    w.bring(WIFI, 2);
    expect(w.askedOf).toEqual(Array.from({ length: 10_000 }, (_, i) => token(i)));
    expect(w.commands()).toHaveLength(10_000);
    expect(w.core.waiting).toBe(0);
  });

  test('have one turn at a time, and events of others come in between', () => {
    const { core } = crowd(500);
    expect(core.handle({ type: 'address', address: localAddress(WIFI) }, 0).filter(isMore)).toHaveLength(1);
    // Somebody has been asked already.
    expect(core.handle({ type: 'connectionClosed', token: token(7) }, 0).filter(isMore)).toHaveLength(0);
    for (let left = core.waiting; left > 0; left--) {
      const effects = core.handle({ type: 'more' }, 0);
      expect(core.waiting).toBe(left - 1);
      expect(effects.filter(({ type }) => type === 'plan').length).toBe(1);
      expect(effects.filter(isMore)).toHaveLength(left > 1 ? 1 : 0);
    }
  });

  test('one that ends before its turn is passed over', () => {
    const { core } = crowd(100);
    core.handle({ type: 'address', address: localAddress(WIFI) }, 0);
    for (let i = 0; i < 100; i++) core.handle({ type: 'connectionClosed', token: token(i) }, 0);
    expect([core.waiting, core.connectionCount]).toEqual([0, 0]);
  });
});

describe('a plan that goes wrong', () => {
  const wrong = [
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['is no plan', () => 7 as never],
    ['has a mistake', () => ({ subflows: [{ local: { ip: WIFI }, remote: { ip: REMOTE } }] }) as never],
  ] as const;

  test.each(wrong)('because it %s keeps what was wanted before', (_, plan) => {
    const w = new PlanWorld({ plan: mesh });
    w.connect();
    w.advance(RTT);
    w.commands();
    w.plan = (view) => {
      void view.addresses;
      return plan();
    };
    w.bring('10.0.4.1', 4);
    expect(w.commands()).toEqual([]);
    expect(w.paths()).toEqual([LOCAL, WIFI, MOBILE].map((ip) => `${ip} > ${REMOTE}`));
    w.cut(w.wire(WIFI), 'ECONNRESET');
    w.advance(1100);
    expect(w.commands()).toEqual([`create ${WIFI} > ${REMOTE}`]);
    w.plan = mesh;
    w.bring('10.0.5.1', 5);
    expect(w.commands()).toEqual([`create 10.0.4.1 > ${REMOTE}`, `create 10.0.5.1 > ${REMOTE}`]);
  });

  test('is named once for each mistake, not for each connection', () => {
    const w = new PlanWorld({ plan: () => ({ subflows: 'all' }) as never });
    for (const i of [1, 2, 3]) w.connect({ token: token(i), localPort: i });
    w.plan = () => ({ announce: 'all' }) as never;
    for (const i of [4, 5]) w.connect({ token: token(i), localPort: i });
    const errors = w.logs.filter(({ level }) => level === 'error');
    expect(errors.map(({ fields }) => fields)).toEqual([
      { plugin: 'p', error: 'subflows must be an array' },
      { plugin: 'p', error: 'announce must be an array' },
    ]);
  });
});

test('nothing is left of connections that are gone', () => {
  const w = new PlanWorld({ plan: mesh });
  w.kernel.fate = () => ({ error: 'ECONNREFUSED' });
  for (let i = 0; i < 50; i++) w.connect({ token: token(i), localPort: i });
  w.advance(500);
  for (let i = 0; i < 50; i++) w.disconnect(token(i));
  w.commands();
  w.advance(1e6);
  expect([w.commands(), w.core.waiting, w.core.connectionCount]).toEqual([[], 0, 0]);
});

test('other settings count at once', () => {
  const w = new PlanWorld({ plan: mesh, settings: { maxSubflows: 2 } });
  w.connect();
  w.advance(RTT);
  expect(w.paths()).toHaveLength(2);
  const settings = { maxSubflows: 3, maxSubflowsPerInterface: 8, maxAnnounced: 8, announceGap: 200 };
  const times = { retryAfter: 1000, retryMost: 60_000, rest: 300_000, triesPerSecond: 10 };
  w.feed({ type: 'planSettings', settings: { ...settings, ...times } });
  w.settle();
  w.advance(RTT);
  expect(w.paths()).toHaveLength(3);
});
