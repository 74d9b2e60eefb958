import { describe, expect, test } from 'vitest';
import { REMOTE } from '../../../test/fixtures/core/inputs.ts';
import { mesh, PlanWorld } from '../../../test/fixtures/core/plan-world.ts';

const [LOCAL, WIFI] = ['10.0.1.1', '10.0.2.1'] as const;
const OTHER = '10.0.8.8';

const world = (): PlanWorld => new PlanWorld({ plan: mesh, addresses: [LOCAL, WIFI] });

describe('what the peer closes because its address went is no refusal', () => {
  test('after it has removed the address and announced it again, all is there at once', () => {
    const w = world();
    w.connect();
    w.announce(3, OTHER);
    w.advance(1000);
    const all = w.paths();
    for (let i = 0; i < 5; i++) {
      w.withdraw(3, OTHER);
      w.announce(3, OTHER);
      w.advance(100);
      expect(w.paths()).toEqual(all);
    }
  });

  test('where its removal was lost, the announcement says that it can be had again', () => {
    const w = world();
    w.connect();
    w.announce(3, OTHER);
    w.advance(1000);
    const all = w.paths();
    for (let i = 0; i < 5; i++) {
      w.cut(w.wire(LOCAL, OTHER));
      w.cut(w.wire(WIFI, OTHER));
      w.announce(3, OTHER);
      w.advance(100);
      expect(w.paths()).toEqual(all);
    }
  });

  test('also where the ends of what led there come later', () => {
    const w = world();
    w.connect();
    w.announce(3, OTHER);
    w.advance(1000);
    w.announce(3, OTHER);
    w.cut(w.wire(WIFI, OTHER), 'EPIPE');
    w.advance(100);
    expect(w.paths()).toContain(`${WIFI} > ${OTHER}`);
  });
});

test('an address that is announced under another id is there once', () => {
  const w = world();
  w.connect();
  w.announce(3, OTHER);
  w.announce(1, OTHER);
  w.advance(1000);
  expect(w.paths().filter((each) => each.endsWith(OTHER))).toEqual([`${LOCAL} > ${OTHER}`, `${WIFI} > ${OTHER}`]);
  w.withdraw(1, OTHER);
  w.advance(1000);
  expect(w.paths().filter((each) => each.endsWith(OTHER))).toEqual([]);
});

test('what found no way is tried again as soon as any address returns: routes came with it', () => {
  const w = world();
  w.kernel.fate = (local) => (local === WIFI ? { errno: 'ENETUNREACH' } : 'up');
  w.connect();
  w.advance(30_000);
  w.kernel.fate = () => 'up';
  w.bring('10.0.7.1', 7);
  w.advance(100);
  expect(w.paths()).toContain(`${WIFI} > ${REMOTE}`);
});
