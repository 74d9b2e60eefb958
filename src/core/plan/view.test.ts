import { describe, expect, test } from 'vitest';
import { address, addressGone, localAddress } from '../../../test/fixtures/core/inputs.ts';
import { connection, network } from '../../../test/fixtures/core/plans.ts';
import { asAddrId } from '../model/ids.ts';
import type { PlanView } from '../model/plan.ts';
import type { Network } from '../network.ts';
import { Reads } from './planned.ts';
import { remotesOf, View } from './view.ts';

const LOCAL = '10.0.1.1';
const never = Number.POSITIVE_INFINITY;
type NetworkInput = Parameters<Network['apply']>[0];

function view(now = 0, net = network(LOCAL)) {
  const c = connection();
  return { ...c, net, view: new View(c.connection, net, now) };
}

describe('what a plan reads is noted', () => {
  test.each<[member: keyof typeof Reads]>([['interfaces'], ['addresses'], ['remotes'], ['subflows']])(
    '%s',
    (member) => {
      const { view: v } = view();
      expect(v.reads).toBe(0);
      expect(v[member]).toHaveLength(1);
      expect(v.reads).toBe(Reads[member]);
    },
  );

  test('the connection is no reading: it never changes', () => {
    const { view: v } = view();
    expect(v.connection).toMatchObject({ serverSide: false, denyJoinId0: false, local: { ip: LOCAL } });
    expect(Object.keys(v.connection).sort()).toEqual(['denyJoinId0', 'local', 'remote', 'serverSide', 'token']);
    expect([v.reads, v.askAt]).toEqual([0, never]);
  });

  test('a plan may take the view apart', () => {
    const plan = ({ addresses, usableFor, inTrouble, subflows }: PlanView): unknown =>
      addresses.map((each) => usableFor(each, 10) && subflows.some((s) => inTrouble(s, 1, 1)));
    const { view: v } = view(50);
    expect(plan(v)).toEqual([false]);
    expect(v.reads).toBe(Reads.addresses + Reads.subflows);
  });
});

describe('usableFor', () => {
  test('is no before the time, which is when to ask again, and yes after', () => {
    const before = view(999);
    expect(before.view.usableFor(localAddress(LOCAL), 1000)).toBe(false);
    expect([before.view.askAt, before.view.reads]).toEqual([1000, Reads.addresses]);
    const after = view(1000, before.net);
    expect(after.view.usableFor(localAddress(LOCAL), 1000)).toBe(true);
    expect([after.view.askAt, after.view.reads]).toEqual([never, Reads.addresses]);
  });

  test('of several answers the one that changes first counts', () => {
    const { view: v } = view(0);
    for (const ms of [3000, 1000, 2000]) v.usableFor(localAddress(LOCAL), ms);
    expect(v.askAt).toBe(1000);
  });

  test('an address that is not there is not usable, and no time will change that', () => {
    const { view: v } = view(1e6);
    expect(v.usableFor(localAddress('10.0.7.7'), 0)).toBe(false);
    expect(v.usableFor(localAddress(LOCAL, 9), 0)).toBe(false);
    expect([v.askAt, v.reads]).toEqual([never, Reads.addresses]);
  });

  test('one that goes begins anew', () => {
    const net = network(LOCAL);
    net.apply(addressGone(LOCAL) as NetworkInput, 5000);
    net.apply(address(LOCAL) as NetworkInput, 6000);
    const { view: v } = view(6500, net);
    expect(v.usableFor(localAddress(LOCAL), 1000)).toBe(false);
    expect(v.askAt).toBe(7000);
  });
});

describe('inTrouble', () => {
  test('the shortest time is noted, for the counters to be read often enough', () => {
    const { view: v, initial } = view();
    v.inTrouble(initial, 1000, 0);
    v.inTrouble(initial, 300, 0);
    v.inTrouble(initial, 2000, 0);
    expect([v.troubleAfter, v.reads]).toEqual([300, Reads.subflows]);
  });

  test('it is asked again when the answer changes', () => {
    const { view: v, initial } = view(500);
    initial.progress = { acked: 0, stalledSince: 200, stall: undefined };
    expect(v.inTrouble(initial, 1000, 5000)).toBe(false);
    expect(v.askAt).toBe(1200);
    expect(v.inTrouble(initial, 300, 5000)).toBe(true);
  });
});

describe('where a peer takes subflows', () => {
  const announced = (ip: string, id: number, port = 443) => ({ ip, port, id: asAddrId(id) });
  const of = (more: Parameters<typeof connection>[0], remoteGone = false): readonly string[] => {
    const { connection: record } = connection(more);
    record.remoteAddresses.push(announced('10.0.8.8', 3), announced('10.0.9.9', 4), announced('10.0.9.9', 5, 8443));
    record.remoteGone = remoteGone;
    return remotesOf(record).map(({ ip, port, id }) => `${ip}:${port} ${id}`);
  };

  test('its initial address, then what it has announced, each once', () => {
    expect(of({})).toEqual(['10.0.9.9:443 0', '10.0.8.8:443 3', '10.0.9.9:8443 5']);
    expect(of({ remoteIp: '::ffff:10.0.9.9' })).toEqual(['::ffff:10.0.9.9:443 0', '10.0.8.8:443 3', '10.0.9.9:8443 5']);
  });

  test('not its initial address where it forbids that, or has removed it', () => {
    expect(of({ denyJoinId0: true })[0]).toBe('10.0.8.8:443 3');
    expect(of({}, true)[0]).toBe('10.0.8.8:443 3');
  });
});
