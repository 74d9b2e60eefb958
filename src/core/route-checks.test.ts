import { describe, expect, test } from 'vitest';
import { address, addressGone, everything, link, newCore, told } from '../../test/fixtures/core/inputs.ts';
import type { Effect, Input } from './core-types.ts';

const SECONDS = 1000;
const IP = '10.0.1.1';

/** A core that waits for routes, a clock, and a kernel that has a route from an address or has not. */
function waiting(total = 30 * SECONDS) {
  const core = newCore({ notifyFlags: { ...everything, checkRoute: total } });
  const routes = new Set<string>();
  const wakes: number[] = [];
  const heard: { at: number; what: string }[] = [];
  let now = 0;
  let lookups = 0;

  const perform = (effects: readonly Effect[]): void => {
    for (const what of told(effects).filter((each) => /added|removed/.test(each) && each.includes('.'))) {
      heard.push({ at: now, what });
    }
    for (const effect of effects) {
      if (effect.type === 'wake') wakes.push(effect.at);
      if (effect.type === 'log' && effect.message.startsWith('no default route'))
        heard.push({ at: now, what: 'gave up' });
      if (effect.type !== 'checkRoute') continue;
      lookups++;
      give({ type: 'routeChecked', address: effect.address, found: routes.has(effect.address.ip) });
    }
  };
  const give = (input: Input): void => perform(core.handle(input, now));

  return {
    core,
    routes,
    heard,
    give,
    get lookups() {
      return lookups;
    },
    /** Moves the clock, with the timers that were asked for. */
    pass(ms: number): void {
      const end = now + ms;
      for (let next = Math.min(...wakes); next <= end; next = Math.min(...wakes)) {
        wakes.splice(wakes.indexOf(next), 1);
        now = Math.max(now, next);
        give({ type: 'timer' });
      }
      now = end;
    },
  };
}

describe('with check_route', () => {
  test('an address with a route is told at once', () => {
    const w = waiting();
    w.routes.add(IP);
    w.give(link(1));
    w.give(address(IP));
    expect(w.heard).toEqual([{ at: 0, what: `added ${IP}` }]);
    expect(w.core.addresses).toHaveLength(1);
  });

  test.each([1, 5, 20])('one whose route comes %d s late is told soon after', (late) => {
    const w = waiting();
    w.give(link(1));
    w.give(address(IP));
    w.pass(late * SECONDS);
    expect(w.heard).toEqual([]);
    w.routes.add(IP);
    w.pass(5 * SECONDS);
    expect(w.heard.map(({ what }) => what)).toEqual([`added ${IP}`]);
    expect((w.heard[0]?.at ?? 0) - late * SECONDS).toBeLessThanOrEqual(5 * SECONDS);
  });

  test('a change of routes brings it at once, however late', () => {
    const w = waiting();
    w.give(link(1));
    w.give(address(IP));
    w.pass(3600 * SECONDS);
    w.routes.add(IP);
    w.give({ type: 'routes' });
    expect(w.heard.at(-1)).toEqual({ at: 3600 * SECONDS, what: `added ${IP}` });
  });

  test('looking again ends after its time, and that is said once', () => {
    const w = waiting(30 * SECONDS);
    w.give(link(1));
    w.give(address(IP));
    w.pass(30 * SECONDS);
    const { lookups } = w;
    expect(lookups).toBeGreaterThan(5);
    expect(lookups).toBeLessThan(20);
    w.pass(600 * SECONDS);
    expect(w.lookups).toBe(lookups);
    w.give({ type: 'routes' });
    expect(w.heard).toEqual([{ at: 30 * SECONDS, what: 'gave up' }]);
  });

  test('an address whose route goes is taken back, and comes with the next one', () => {
    const w = waiting();
    w.routes.add(IP);
    w.give(link(1));
    w.give(address(IP));
    w.pass(SECONDS);
    w.routes.delete(IP);
    w.give({ type: 'routes' });
    w.pass(SECONDS);
    w.routes.add(IP);
    w.give({ type: 'routes' });
    expect(w.heard.map(({ what }) => what)).toEqual([`added ${IP}`, `removed ${IP}`, `added ${IP}`]);
  });

  test('a burst of route changes costs few lookups, and the last one counts', () => {
    const w = waiting();
    w.routes.add(IP);
    w.give(link(1));
    w.give(address(IP));
    for (let i = 0; i < 1000; i++) w.give({ type: 'routes' });
    w.routes.delete(IP);
    w.give({ type: 'routes' });
    w.pass(200);
    expect(w.heard.at(-1)?.what).toBe(`removed ${IP}`);
    expect(w.lookups).toBeLessThan(20);
  });

  test('after a burst the next change counts as soon as any other', () => {
    const w = waiting();
    w.routes.add(IP);
    w.give(link(1));
    w.give(address(IP));
    for (let i = 0; i < 400; i++) w.give({ type: 'routes' });
    w.pass(1000);
    w.routes.delete(IP);
    w.give({ type: 'routes' });
    w.pass(100);
    expect(w.heard.at(-1)?.what).toBe(`removed ${IP}`);
  });

  test('another time to wait takes no address back', () => {
    const w = waiting();
    w.routes.add(IP);
    w.give(link(1));
    w.give(address(IP));
    w.give({ type: 'notifyFlags', flags: { ...everything, checkRoute: 60 * SECONDS } });
    w.pass(SECONDS);
    expect(w.heard.map(({ what }) => what)).toEqual([`added ${IP}`]);
  });

  test('switched on while it runs, it takes back only what has no route', () => {
    const w = waiting();
    w.give({ type: 'notifyFlags', flags: everything });
    w.give(link(1));
    for (const ip of [IP, '10.0.1.2']) w.give(address(ip));
    w.routes.add(IP);
    w.give({ type: 'notifyFlags', flags: { ...everything, checkRoute: 30 * SECONDS } });
    w.pass(SECONDS);
    expect(w.heard.map(({ what }) => what)).toEqual([`added ${IP}`, 'added 10.0.1.2', 'removed 10.0.1.2']);
  });

  test('nothing is looked up for an address that is gone, filtered or on a dead interface', () => {
    const w = waiting();
    w.give(link(1, { running: false }));
    w.give(address(IP));
    w.give(link(2));
    w.give(address('fe80::1', 2, { scope: 'link' }));
    expect(w.lookups).toBe(0);
    w.give(address('10.0.2.1', 2));
    w.give(addressGone('10.0.2.1', 2));
    const { lookups } = w;
    w.pass(60 * SECONDS);
    expect(w.lookups).toBe(lookups);
  });

  test('an interface that comes back is looked at anew', () => {
    const w = waiting();
    w.routes.add(IP);
    w.give(link(1));
    w.give(address(IP));
    w.give(link(1, { running: false }));
    w.routes.delete(IP);
    w.give(link(1));
    expect(w.heard.map(({ what }) => what)).toEqual([`added ${IP}`, `removed ${IP}`]);
  });
});

test('without check_route nothing is looked up', () => {
  const core = newCore();
  const effects = [link(1), address(IP), { type: 'routes' } as const].flatMap((input) => [...core.handle(input, 0)]);
  expect(effects.map(({ type }) => type)).not.toContain('checkRoute');
});
