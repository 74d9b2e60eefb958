import { describe, expect, test } from 'vitest';
import { REMOTE, T } from '../../../test/fixtures/core/inputs.ts';
import { RTT, SYN_TIMEOUT } from '../../../test/fixtures/core/model-kernel.ts';
import { mesh, PlanWorld } from '../../../test/fixtures/core/plan-world.ts';
import { asAddrId, asIfIndex, type Ip } from '../model/ids.ts';
import type { PlanView } from '../model/plan.ts';
import { SLOW_TRY } from './settings.ts';

const [LOCAL, WIFI, MOBILE] = ['10.0.1.1', '10.0.2.1', '10.0.3.1'] as const;
const OTHER = '10.0.8.8';
const remote = { ip: REMOTE, port: 443 };
const from = (...ips: readonly Ip[]) => ({ subflows: ips.map((ip) => ({ local: { ip }, remote })) });

/** A connection with a subflow from each of three addresses. */
function three(settings = {}): PlanWorld {
  const w = new PlanWorld({ plan: mesh, settings });
  w.connect();
  w.advance(RTT);
  w.commands();
  return w;
}
/** From now on the plan says so; it is asked because the peer announces something. */
function wants(w: PlanWorld, plan: PlanWorld['plan']): void {
  w.plan = (view) => {
    void view.remotes;
    return plan(view);
  };
  w.announce(9, '192.0.2.9');
}

describe('what is no longer wanted', () => {
  test('is destroyed, with its ends as events gave them', () => {
    const w = three();
    wants(w, () => from(LOCAL, MOBILE));
    expect(w.commands()).toEqual([`destroy ${WIFI} > ${REMOTE}`]);
    expect(w.paths()).toEqual([`${LOCAL} > ${REMOTE}`, `${MOBILE} > ${REMOTE}`]);
  });

  test('so are those of an AF_INET6 socket, in their mapped form', () => {
    const w = new PlanWorld({ plan: mesh });
    w.connect({ localIp: `::ffff:${LOCAL}`, remoteIp: `::ffff:${REMOTE}` });
    w.advance(RTT);
    expect(w.commands()).toEqual([WIFI, MOBILE].map((ip) => `create ::ffff:${ip} > ::ffff:${REMOTE}`));
    wants(w, () => ({}));
    expect(w.commands()).toEqual([WIFI, MOBILE].map((ip) => `destroy ::ffff:${ip} > ::ffff:${REMOTE}`));
    expect(w.paths()).toHaveLength(1);
  });

  test('never the initial one, nor what the peer made', () => {
    const w = three();
    w.join(LOCAL, OTHER);
    wants(w, () => ({}));
    expect(w.paths()).toEqual([`${LOCAL} > ${OTHER}`, `${LOCAL} > ${REMOTE}`]);
  });

  test('never the last one, until one that is wanted is established', () => {
    const w = three();
    w.cut(w.wire(LOCAL));
    w.kernel.fate = () => ({ error: 'ECONNREFUSED' });
    wants(w, () => from('10.0.4.1'));
    expect(w.paths()).toHaveLength(1);
    w.bring('10.0.4.1', 4);
    w.advance(RTT);
    expect(w.paths()).toHaveLength(1);
    w.kernel.fate = () => 'up';
    w.advance(1200);
    expect(w.paths()).toEqual([`10.0.4.1 > ${REMOTE}`]);
  });

  test('is not taken for a failure: where it is wanted again it is made at once', () => {
    const w = three();
    wants(w, () => from(LOCAL));
    w.advance(1);
    w.plan = mesh;
    w.announce(8, '10.0.99.9');
    expect(w.commands()).toContain(`create ${WIFI} > ${REMOTE}`);
  });

  test('that is not there any more is forgotten, and made again where it is wanted', () => {
    const w = three();
    w.kernel.lose(w.wire(WIFI));
    wants(w, () => from(LOCAL));
    w.advance(1);
    expect(w.explain().join()).not.toContain(WIFI);
    expect(w.commands().filter((line) => line.startsWith('destroy'))).toHaveLength(2);
    wants(w, () => from(LOCAL, WIFI));
    w.announce(10, OTHER);
    expect(w.commands()).toEqual([`create ${WIFI} > ${REMOTE}`]);
  });

  test('that the kernel will not destroy is tried again a little later', () => {
    const w = three();
    w.refuse = ({ name }) => (name === 'destroySubflow' ? 'EPERM' : undefined);
    wants(w, () => from(LOCAL, MOBILE));
    expect(w.commands()).toEqual([`destroy ${WIFI} > ${REMOTE}`]);
    w.refuse = () => undefined;
    w.advance(1000);
    expect(w.commands()).toEqual([`destroy ${WIFI} > ${REMOTE}`]);
    expect(w.paths()).not.toContain(`${WIFI} > ${REMOTE}`);
  });
});

describe('an address that the peer was told of, with a subflow that is destroyed', () => {
  /** Announces all addresses, with subflows from some. */
  const plan =
    (announce: readonly Ip[], ...ips: readonly Ip[]) =>
    ({ remotes }: PlanView) => ({
      ...from(...ips),
      announce: remotes.length > 0 ? announce.map((ip) => ({ ip })) : [],
    });
  const start = (): PlanWorld => {
    const w = new PlanWorld({ plan: plan([WIFI, MOBILE], LOCAL, WIFI) });
    w.connect();
    w.advance(1000);
    w.commands();
    return w;
  };

  test('is announced again: the kernel has forgotten it, and would not remove it later', () => {
    const w = start();
    w.plan = plan([WIFI, MOBILE], LOCAL);
    w.announce(9, OTHER);
    w.advance(1000);
    expect(w.commands()).toEqual([`destroy ${WIFI} > ${REMOTE}`, `announce ${WIFI}`]);
    w.plan = plan([MOBILE], LOCAL);
    w.announce(10, OTHER);
    w.advance(1000);
    expect(w.commands()).toEqual(['remove 16']);
    expect([...(w.kernel.announced.get(T)?.values() ?? [])]).toEqual([MOBILE]);
  });

  test('is removed first where it is not to be announced any more', () => {
    const w = start();
    w.plan = plan([MOBILE], LOCAL);
    w.announce(9, OTHER);
    w.advance(1000);
    expect(w.commands()).toEqual(['remove 16', `destroy ${WIFI} > ${REMOTE}`]);
  });

  test('also where a try is refused, which the kernel takes as badly', () => {
    const w = start();
    w.kernel.fate = () => ({ errno: 'ENETUNREACH' });
    w.cut(w.wire(WIFI), 'ECONNRESET');
    w.advance(1100);
    w.kernel.fate = () => 'up';
    expect(w.commands()).toContain(`announce ${WIFI}`);
    w.plan = plan([], LOCAL);
    w.announce(9, OTHER);
    w.advance(1000);
    expect([...(w.kernel.announced.get(T)?.values() ?? [])]).toEqual([]);
  });
});

describe('an address that goes', () => {
  test('the peer is told to forget it, then its subflow is destroyed, both at once', () => {
    const w = three();
    const { id } = w.wire(WIFI).local;
    w.take(WIFI);
    expect(w.timed()).toEqual([
      [RTT, `remove ${id}`],
      [RTT, `destroy ${WIFI} > ${REMOTE}`],
    ]);
  });

  test('so it is where its carrier goes, and the subflow is there again one handshake after it is back', () => {
    const w = three();
    w.carrier(2, false);
    expect(w.commands()).toHaveLength(2);
    w.advance(5000);
    w.carrier(2, true);
    w.advance(RTT);
    expect(w.commands()).toEqual([`create ${WIFI} > ${REMOTE}`]);
    expect(w.paths()).toHaveLength(3);
  });

  test('takes the initial subflow with it', () => {
    const w = three();
    w.take(LOCAL);
    expect(w.commands()).toEqual(['remove 0', `destroy ${LOCAL} > ${REMOTE}`]);
  });

  test('the last one stays, until another is established', () => {
    const w = three();
    w.take(WIFI);
    w.take(MOBILE);
    w.commands();
    w.take(LOCAL);
    expect(w.commands()).toEqual([]);
    expect(w.explain()[0]).toContain('stays though its address is gone: there is no other');
    w.bring(WIFI, 2);
    expect(w.commands()).toEqual([`create ${WIFI} > ${REMOTE}`]);
    w.advance(RTT);
    expect(w.commands()).toEqual(['remove 0', `destroy ${LOCAL} > ${REMOTE}`]);
    expect(w.paths()).toEqual([`${WIFI} > ${REMOTE}`]);
  });

  test('goes too where only one is left that nobody wants', () => {
    const w = three();
    w.plan = ({ addresses }) => (addresses.length > 2 ? from(LOCAL, WIFI) : {});
    w.bring('10.0.4.1', 4);
    w.commands();
    w.plan = ({ addresses }) => ({ announce: addresses.slice(9) });
    w.take(LOCAL);
    expect(w.paths()).toEqual([`${WIFI} > ${REMOTE}`]);
  });

  test('also one that plugins do not hear of', () => {
    const w = three();
    w.feed({ type: 'notifyFlags', flags: { existing: true, skipLinkLocal: true, skipLoopback: true } });
    const link = {
      ip: 'fe80::1',
      prefixLength: 64,
      ifIndex: 4,
      scope: 'link',
      tentative: false,
      deprecated: false,
      temporary: false,
    };
    w.carrier(4, true);
    w.feed({ type: 'address', address: link as never });
    w.join('fe80::1', 'fe80::2');
    w.feed({ type: 'addressGone', address: link as never });
    w.settle();
    expect(w.commands()).toEqual(['remove 1', 'destroy fe80::1 > fe80::2']);
  });

  test('on one interface of two that have it: only what is bound there goes', () => {
    const plan = ({ addresses }: PlanView) => ({
      subflows: addresses
        .filter(({ ip }) => ip === WIFI)
        .map(({ ip, ifIndex }) => ({ local: { ip, ifIndex }, remote })),
    });
    const w = new PlanWorld({ plan, addresses: [LOCAL, WIFI] });
    w.bring(WIFI, 3);
    w.connect();
    w.advance(RTT);
    expect(w.commands()).toHaveLength(2);
    w.carrier(2, false);
    expect(w.commands()).toEqual([`destroy ${WIFI} > ${REMOTE}`]);
    expect(w.kernel.wires.map(({ ifIndex }) => ifIndex)).toEqual([undefined, asIfIndex(3)]);
  });

  test('a hundred times in a row leaves nothing behind and nothing twice', () => {
    const w = three();
    for (let i = 0; i < 100; i++) {
      w.carrier(2 + (i % 2), false);
      w.advance(i * 7);
      w.carrier(2 + (i % 2), true);
      w.advance(i % 3 === 0 ? 3 : 500);
    }
    w.advance(SYN_TIMEOUT);
    expect(w.paths()).toEqual([LOCAL, WIFI, MOBILE].map((ip) => `${ip} > ${REMOTE}`));
    expect(w.core.connection(w.wire(LOCAL).token)?.subflows).toHaveLength(3);
  });

  test('a try whose end nobody hears of is given up after ten minutes', () => {
    const w = new PlanWorld({ plan: mesh, addresses: [LOCAL, WIFI] });
    w.kernel.fate = () => 'lost';
    w.connect();
    w.kernel.fate = () => 'up';
    w.advance(599_999);
    expect(w.commands()).toEqual([`create ${WIFI} > ${REMOTE}`]);
    w.advance(1 + RTT);
    expect(w.commands()).toEqual([`create ${WIFI} > ${REMOTE}`]);
    expect(w.core.connection(T)?.subflows).toHaveLength(2);
  });

  test('a try that nobody remembers and that comes up all the same is ended: it is one too many', () => {
    const w = new PlanWorld({ plan: mesh, addresses: [LOCAL, WIFI] });
    w.connect();
    w.advance(RTT);
    w.commands();
    const { remote: to } = w.core.connection(T) ?? { remote: { port: 0 } };
    const ends = { localIp: WIFI, localPort: 55_555, locId: asAddrId(16), remoteIp: REMOTE, remotePort: to.port };
    const late = { token: T, ...ends, remId: asAddrId(0), backup: false, ifIndex: undefined, error: undefined };
    w.feed({ type: 'subflowEstablished', ...late, resetReason: undefined, resetTransient: false });
    expect(w.commands()).toEqual([`destroy ${WIFI} > ${REMOTE}`]);
  });

  test('a try that began before is not waited for once it is back', () => {
    const w = new PlanWorld({ plan: mesh, addresses: [LOCAL, WIFI] });
    w.kernel.fate = () => 'silent';
    w.connect();
    w.advance(50);
    w.carrier(2, false);
    w.advance(500);
    w.kernel.fate = () => 'up';
    w.carrier(2, true);
    w.advance(RTT);
    expect(w.paths()).toEqual([`${LOCAL} > ${REMOTE}`, `${WIFI} > ${REMOTE}`]);
    w.commands();
    w.advance(SYN_TIMEOUT);
    expect(w.commands()).toEqual([]);
    expect(w.paths()).toHaveLength(2);
  });
});

describe('limits', () => {
  test('the first of the plan are made', () => {
    const w = new PlanWorld({ plan: mesh, settings: { maxSubflows: 2 } });
    w.connect();
    w.advance(RTT);
    expect(w.commands()).toEqual([`create ${WIFI} > ${REMOTE}`]);
    expect(w.explain().at(-1)).toBe(`${MOBILE} > ${REMOTE}:443: not possible: 2 subflows are there (max-subflows)`);
  });

  test('a slow try gives way to others, and where it comes up in the end the last of the plan goes', () => {
    const w = new PlanWorld({ plan: mesh, settings: { maxSubflows: 2 } });
    w.kernel.fate = (ip) => (ip === WIFI ? 'silent' : 'up');
    w.connect();
    w.advance(SLOW_TRY - 1);
    expect(w.commands()).toEqual([`create ${WIFI} > ${REMOTE}`]);
    w.advance(1 + RTT);
    expect(w.commands()).toEqual([`create ${MOBILE} > ${REMOTE}`]);
    const late = { localIp: WIFI, localPort: 1, locId: 16, remoteIp: REMOTE, remotePort: 443, remId: 0 };
    w.kernel.put({ ...w.wire(MOBILE), local: { ip: WIFI, port: 1, id: 16 as never } });
    w.feed({
      type: 'subflowEstablished',
      token: w.wire(LOCAL).token,
      ...late,
      backup: false,
      ifIndex: undefined,
    } as never);
    w.settle();
    expect(w.commands()).toEqual([`destroy ${MOBILE} > ${REMOTE}`]);
    expect(w.paths()).toEqual([`${LOCAL} > ${REMOTE}`, `${WIFI} > ${REMOTE}`]);
  });

  test('what the peer makes counts and is never refused', () => {
    const w = three({ maxSubflows: 3 });
    w.join(LOCAL, OTHER);
    w.join(LOCAL, '10.0.8.9');
    w.join(LOCAL, '10.0.8.10');
    expect(w.paths().filter((path) => path.includes('10.0.8'))).toHaveLength(3);
    expect(w.paths()).toHaveLength(4);
  });

  test('no more than so many tries in a second, and the others after it', () => {
    const addresses = Array.from({ length: 26 }, (_, i) => `10.0.${i + 1}.1`);
    const w = new PlanWorld({ plan: mesh, addresses, settings: { maxSubflows: 100 } });
    w.connect();
    expect(w.commands()).toHaveLength(10);
    w.advance(999);
    expect(w.commands()).toHaveLength(0);
    w.advance(1);
    expect(w.commands()).toHaveLength(10);
    w.advance(1000);
    expect(w.commands()).toHaveLength(5);
    w.advance(RTT);
    expect(w.paths()).toHaveLength(26);
  });
});

describe('backup', () => {
  test('is asked for with the try, and changed when the plan says so, once', () => {
    const plan =
      (backup: boolean) =>
      ({ remotes }: PlanView) => ({ subflows: [{ local: { ip: WIFI }, remote: remotes.slice(0, 1), backup }] });
    const w = new PlanWorld({ plan: plan(true) });
    w.connect();
    w.advance(RTT);
    expect(w.commands()).toEqual([`create ${WIFI} > ${REMOTE} backup`]);
    wants(w, plan(false));
    expect(w.commands()).toEqual([`setBackup ${WIFI} > ${REMOTE} no backup`]);
    w.announce(10, OTHER);
    expect([w.commands(), w.wire(WIFI).backup]).toEqual([[], false]);
  });

  test('is asked of the initial subflow and of the peer’s too', () => {
    const w = new PlanWorld({ plan: () => ({ subflows: [{ local: { ip: LOCAL }, remote, backup: true }] }) });
    w.connect();
    expect(w.commands()).toEqual([`setBackup ${LOCAL} > ${REMOTE} backup`]);
  });

  test('that the kernel refuses is asked for again with the next occasion', () => {
    const w = new PlanWorld({ plan: () => ({ subflows: [{ local: { ip: LOCAL }, remote, backup: true }] }) });
    w.refuse = () => 'EBUSY';
    w.connect();
    w.refuse = () => undefined;
    w.join(LOCAL, OTHER);
    expect(w.commands()).toHaveLength(2);
    expect(w.wire(LOCAL).backup).toBe(true);
  });
});

test('several subflows over one pair', () => {
  const w = new PlanWorld({ plan: () => from(LOCAL, LOCAL, LOCAL) });
  w.connect();
  w.advance(RTT);
  expect(w.paths()).toEqual(Array(3).fill(`${LOCAL} > ${REMOTE}`));
  const [, second] = w.kernel.wires;
  if (second) w.cut(second, 'ECONNRESET');
  w.advance(1200);
  expect(w.paths()).toHaveLength(3);
  w.advance(100_000);
  expect(w.paths()).toHaveLength(3);
});
