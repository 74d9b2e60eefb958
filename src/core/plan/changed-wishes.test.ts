import { describe, expect, test } from 'vitest';
import { localAddress, REMOTE, T } from '../../../test/fixtures/core/inputs.ts';
import { RTT } from '../../../test/fixtures/core/model-kernel.ts';
import { mesh, PlanWorld } from '../../../test/fixtures/core/plan-world.ts';
import type { Plan, PlanView } from '../model/plan.ts';

const [LOCAL, WIFI] = ['10.0.1.1', '10.0.2.1'] as const;
const remote = { ip: REMOTE, port: 443 };

/** Always the same; it is asked again when the peer announces something. */
const always =
  (plan: Plan) =>
  (view: PlanView): Plan => {
    void view.remotes;
    return plan;
  };

/** What the plan says from now on. */
function says(w: PlanWorld, plan: Plan): void {
  const before = w.asked;
  w.plan = always(plan);
  w.announce(9, `192.0.2.${w.asked}`);
  expect(w.asked).toBe(before + 1);
}

describe('an address that is announced', () => {
  test('is announced again under its id where it is wanted otherwise: its subflows are not closed for that', () => {
    const w = new PlanWorld({ plan: always({ announce: [{ ip: WIFI }] }) });
    w.connect({ serverSide: true });
    w.commands();
    w.advance(1000);
    says(w, { announce: [{ ip: WIFI, listen: true }] });
    w.advance(1000);
    expect(w.commands()).toEqual([`announce ${WIFI}`]);
  });

  test('is not taken back while all subflows that are left have it', () => {
    const w = new PlanWorld({ plan: always({ announce: [{ ip: WIFI }] }) });
    w.connect({ serverSide: true });
    w.advance(1000);
    w.join(WIFI, '10.0.9.7');
    w.cut(w.wire(LOCAL));
    w.commands();
    says(w, {});
    w.advance(1000);
    expect(w.commands()).toEqual([]);
    w.join(LOCAL, '10.0.9.8');
    w.advance(1000);
    expect(w.commands()).toEqual(['remove 16']);
  });
});

test('an address that gets another length of its prefix has not gone', () => {
  const bound = { local: { ip: WIFI, ifIndex: localAddress(WIFI, 2).ifIndex }, remote };
  const w = new PlanWorld({ plan: () => ({ subflows: [bound] }), addresses: [LOCAL, WIFI] });
  w.connect();
  w.advance(RTT);
  w.commands();
  w.feed({ type: 'address', address: { ...localAddress(WIFI, 2), prefixLength: 16 } });
  w.feed({ type: 'addressGone', address: localAddress(WIFI, 2) });
  w.advance(5000);
  expect(w.commands()).toEqual([]);
});

test('a plan that failed at once is asked again when something comes', () => {
  const w = new PlanWorld({ plan: mesh, addresses: [LOCAL] });
  w.plan = () => {
    throw new Error('not yet');
  };
  w.connect();
  w.plan = mesh;
  w.bring(WIFI, 2);
  w.advance(RTT);
  expect(w.paths()).toEqual([`${LOCAL} > ${REMOTE}`, `${WIFI} > ${REMOTE}`]);
});

describe('a backup', () => {
  test('that the plan speaks of no longer is one no more', () => {
    const w = new PlanWorld({ plan: always({ subflows: [{ local: { ip: LOCAL }, remote, backup: true }] }) });
    w.connect();
    expect(w.commands()).toHaveLength(1);
    says(w, {});
    expect(w.core.connection(T)?.subflows[0]).toMatchObject({ initial: true, askedBackup: false });
  });

  test('that the kernel refused to make is asked for again after a while', () => {
    const w = new PlanWorld({ plan: always({ subflows: [{ local: { ip: LOCAL }, remote, backup: true }] }) });
    w.refuse = ({ name }) => (name === 'setBackup' ? 'EAGAIN' : undefined);
    w.connect();
    w.refuse = () => undefined;
    w.advance(59_000);
    expect(w.core.connection(T)?.subflows[0]).toMatchObject({ askedBackup: false });
    w.advance(2000);
    expect(w.core.connection(T)?.subflows[0]).toMatchObject({ askedBackup: true });
  });
});

test('a connection of the kernel’s own path manager whose subflow is not ours to end is left alone', () => {
  const w = new PlanWorld({ plan: always({ subflows: [{ local: { ip: WIFI }, remote }] }), addresses: [LOCAL, WIFI] });
  w.connect();
  w.advance(RTT);
  w.commands();
  w.refuse = () => 'EINVAL';
  says(w, { subflows: [{ local: { ip: LOCAL }, remote }] });
  w.advance(60_000);
  expect(w.commands().filter((line) => line.startsWith('destroy'))).toHaveLength(1);
});
