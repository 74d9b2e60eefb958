import { describe, expect, test } from 'vitest';
import { address, addressGone } from '../../../test/fixtures/core/inputs.ts';
import { add, connection, network, plannedWith } from '../../../test/fixtures/core/plans.ts';
import type { Outcome } from '../model/commands.ts';
import { asAddrId } from '../model/ids.ts';
import type { WantedAnnouncement } from '../model/plan.ts';
import type { Network } from '../network.ts';
import { Announcer } from './announcer.ts';
import { mergeAnnouncements } from './pairs.ts';
import { planDefaults } from './settings.ts';

const LOCAL = '10.0.1.1';
const WIFI = '10.0.2.1';
const MOBILE = '10.0.3.1';
const GAP = planDefaults.announceGap;
const never = Number.POSITIVE_INFINITY;

/** A server that began with LOCAL, its announcer, and what that asks the kernel for. */
function server(answers: (name: string) => Outcome<unknown> | undefined = () => undefined) {
  const c = connection({ serverSide: true, localPort: 443, remotePort: 50_000 });
  const net = network(LOCAL, WIFI, MOBILE);
  const planned = plannedWith([]);
  const sent: string[] = [];
  const again: number[] = [];
  let now = 0;
  let ids = 16;
  let foreign = 0;
  const announcer = new Announcer(net, {
    send({ name, args }, answered) {
      const { address, id, backup, listen } = args as {
        address?: { ip: string; port?: number; id?: number };
        id?: number;
        backup?: boolean;
        listen?: boolean | string;
      };
      const more = [address?.port, backup && 'backup', listen && `listen ${listen}`].filter(Boolean).join(' ');
      sent.push(`${name} ${address?.ip ?? id}${more ? ` ${more}` : ''}`);
      answered(answers(name) ?? { ok: true, value: { id: asAddrId(address?.id ?? ids++), port: 0 } }, now);
    },
    again: (_, at) => void again.push(at),
    checkForeign: () => foreign++,
    readDrops: () => undefined,
    trail: () => undefined,
  });
  return {
    c,
    net,
    planned,
    again,
    foreign: () => foreign,
    /** What the plan wants, from now on. */
    want(...wanted: readonly WantedAnnouncement[]): void {
      planned.announcements = mergeAnnouncements(planned.announcements, wanted, now);
    },
    /** Holds the connection against its plan at a time. @returns what was sent, and when to look again */
    at(time: number, more: Partial<typeof planDefaults> = {}): readonly [readonly string[], number] {
      now = time;
      const settings = { ...planDefaults, ...more };
      const withdrawn = announcer.withdraw(c.connection, planned, now, settings);
      const announced = announcer.announce(c.connection, planned, now, settings);
      return [sent.splice(0), Math.min(withdrawn, announced)];
    },
    /** The peer has a new subflow to an address of this host. */
    joins(ip: string): void {
      add(c, { localIp: ip, localPort: 443, remotePort: 51_000 + again.length });
      announcer.joined(c.connection, planned, now);
    },
    gone(ip: string): readonly string[] {
      const subflow = c.connection.subflows.find(({ local }) => local.ip === ip);
      if (!subflow) throw new Error(`no subflow from ${ip}`);
      subflow.leaving = true;
      announcer.withdrawGone(c.connection, planned, subflow, now);
      return sent.splice(0);
    },
    bring: (ip: string, index: number) => net.apply(address(ip, index) as Parameters<Network['apply']>[0], now),
    remove: (ip: string, index: number) => net.apply(addressGone(ip, index) as Parameters<Network['apply']>[0], now),
  };
}

describe('announcing', () => {
  test('one at a time, in the order of the plan, with a gap between them', () => {
    const s = server();
    s.want({ ip: WIFI }, { ip: MOBILE }, { ip: '2001:db8::1', port: 443 });
    expect(s.at(1000)).toEqual([[`announce ${WIFI}`], 1000 + GAP]);
    expect(s.at(999 + GAP)).toEqual([[], 1000 + GAP]);
    expect(s.at(1000 + GAP)).toEqual([[`announce ${MOBILE}`], 1000 + 2 * GAP]);
    expect(s.at(1000 + 2 * GAP)).toEqual([['announce 2001:db8::1 443'], never]);
    expect(s.at(9000)).toEqual([[], never]);
  });

  test('without a gap all go at once', () => {
    const s = server();
    s.want({ ip: WIFI }, { ip: MOBILE });
    expect(s.at(0, { announceGap: 0 })).toEqual([[`announce ${WIFI}`, `announce ${MOBILE}`], never]);
  });

  test('what the peer knows is not announced, but another port of it is', () => {
    const s = server();
    s.want({ ip: LOCAL }, { ip: LOCAL, port: 443 }, { ip: `::ffff:${LOCAL}` }, { ip: LOCAL, port: 8443 });
    expect(s.at(0)).toEqual([[`announce ${LOCAL} 8443`], never]);
  });

  test('backup and listen are handed on', () => {
    const s = server();
    s.want({ ip: WIFI, port: 443, backup: true, listen: '10.0.2.9' });
    expect(s.at(0)[0]).toEqual([`announce ${WIFI} 443 backup listen 10.0.2.9`]);
  });

  test('no more than max-announced, what the peer knows not counted', () => {
    const s = server();
    s.want({ ip: LOCAL }, { ip: WIFI }, { ip: MOBILE }, { ip: '10.0.4.1' });
    const most = { maxAnnounced: 2, announceGap: 0 };
    expect(s.at(0, most)).toEqual([[`announce ${WIFI}`, `announce ${MOBILE}`], never]);
    s.want({ ip: WIFI }, { ip: '10.0.4.1' });
    expect(s.at(1, most)[0]).toEqual(['remove 17', 'announce 10.0.4.1']);
    const none = server();
    none.want({ ip: WIFI });
    expect(none.at(0, { maxAnnounced: 0 })).toEqual([[], never]);
  });

  test('not while its address is gone', () => {
    const s = server();
    s.remove(WIFI, 2);
    s.want({ ip: WIFI }, { ip: '192.0.2.7' });
    expect(s.at(0)).toEqual([['announce 192.0.2.7'], never]);
  });

  test('one that is refused comes again, with growing pauses', () => {
    const no = { ok: false, error: { code: 'REFUSED', message: 'announce: no', errno: 'ENOMEM' } } as const;
    let refuse = true;
    const s = server(() => (refuse ? no : undefined));
    s.want({ ip: WIFI });
    expect(s.at(0)[0]).toEqual([`announce ${WIFI}`]);
    const [first = 0] = s.again;
    expect(first).toBeGreaterThanOrEqual(900);
    expect(first).toBeLessThanOrEqual(1100);
    expect(s.at(first - 1)).toEqual([[], first]);
    expect(s.at(first)[0]).toEqual([`announce ${WIFI}`]);
    expect((s.again[1] ?? 0) - first).toBeGreaterThanOrEqual(1800);
    refuse = false;
    expect(s.at(s.again[1] ?? 0)).toEqual([[`announce ${WIFI}`], never]);
    expect(s.planned.announcements[0]).toMatchObject({ id: 16, failures: 0, failure: undefined });
    expect(s.foreign()).toBe(0);
  });

  test('EINVAL may say that the connection is another’s: that is looked up', () => {
    const s = server(() => ({ ok: false, error: { code: 'REFUSED', message: 'no', errno: 'EINVAL' } }));
    s.want({ ip: WIFI });
    s.at(0);
    expect(s.foreign()).toBe(1);
  });

  test('nobody looks again at a connection that is gone', () => {
    const s = server(() => ({ ok: false, error: { code: 'UNKNOWN_TOKEN', message: 'no' } }));
    s.want({ ip: WIFI });
    s.at(0);
    expect(s.again).toEqual([]);
  });
});

describe('a peer that joins', () => {
  test('and makes no use of what was announced is told of it once more, not earlier than 5 s after the last time', () => {
    const s = server();
    s.want({ ip: WIFI }, { ip: MOBILE });
    s.at(0, { announceGap: 0 });
    s.joins(LOCAL);
    expect(s.at(4999)).toEqual([[], 5000]);
    s.joins(WIFI);
    expect(s.at(5000)).toEqual([[`announce ${MOBILE}`], never]);
    expect(s.at(60_000)).toEqual([[], never]);
    s.joins(LOCAL);
    expect(s.at(61_999)).toEqual([[], 62_000]);
    expect(s.at(62_000)).toEqual([[`announce ${MOBILE}`], never]);
  });

  test('is told no more of what is not wanted', () => {
    const s = server();
    s.want({ ip: WIFI });
    s.at(0);
    s.joins(LOCAL);
    s.want();
    expect(s.at(3000)).toEqual([['remove 16'], never]);
    expect(s.at(20_000)).toEqual([[], never]);
  });
});

describe('removing', () => {
  /** A server that has announced two addresses, as 16 and 17. */
  function announced() {
    const s = server();
    s.want({ ip: WIFI }, { ip: MOBILE });
    s.at(0, { announceGap: 0 });
    return s;
  }

  test('what is no longer wanted, one at a time, with the same gap', () => {
    const s = announced();
    s.want();
    expect(s.at(GAP - 1)).toEqual([[], GAP]);
    expect(s.at(GAP)).toEqual([['remove 16'], 2 * GAP]);
    expect(s.at(2 * GAP)).toEqual([['remove 17'], never]);
    expect(s.at(9000)).toEqual([[], never]);
  });

  test('what takes its place comes after it', () => {
    const s = announced();
    s.want({ ip: WIFI }, { ip: '10.0.4.1' });
    expect(s.at(1000)).toEqual([['remove 17'], 1000 + GAP]);
    expect(s.at(1000 + GAP)).toEqual([['announce 10.0.4.1'], never]);
  });

  test('of a gone address is urgent: it does not wait for the gap', () => {
    const s = announced();
    s.remove(WIFI, 2);
    s.want({ ip: MOBILE });
    expect(s.at(1)).toEqual([['remove 16'], never]);
  });

  test('what is wanted again is announced again', () => {
    const s = announced();
    s.want({ ip: MOBILE });
    s.at(1000);
    s.want({ ip: WIFI }, { ip: MOBILE });
    expect(s.at(2000)).toEqual([[`announce ${WIFI}`], never]);
  });
});

describe('before a subflow of a gone address is destroyed', () => {
  const OWN = { localIp: WIFI, locId: asAddrId(20), remotePort: 50_000 };

  test('its id is removed, announced or not', () => {
    const s = server();
    add(s.c, OWN);
    s.remove(WIFI, 2);
    expect(s.gone(WIFI)).toEqual(['remove 20']);
  });

  test('once for all its subflows, and not a second time because the plan says so too', () => {
    const s = server();
    s.want({ ip: WIFI });
    s.at(0);
    for (const localPort of [1, 2]) add(s.c, { ...OWN, localPort, locId: asAddrId(16) });
    s.remove(WIFI, 2);
    s.want();
    expect(s.at(1)[0]).toEqual(['remove 16']);
    expect([s.gone(WIFI), s.gone(WIFI)]).toEqual([[], []]);
  });

  test('under the id that it was announced with', () => {
    const s = server();
    s.want({ ip: WIFI });
    s.at(0);
    s.c.connection.subflows.length = 0;
    add(s.c, { ...OWN, locId: asAddrId(0) });
    s.remove(WIFI, 2);
    expect(s.gone(WIFI)).toEqual(['remove 16']);
  });

  test('not while another subflow uses the id over an interface that lives', () => {
    const s = server();
    add(s.c, { ...OWN, localPort: 1 });
    add(s.c, { ...OWN, localPort: 2 });
    expect(s.gone(WIFI)).toEqual([]);
  });

  test('the initial address is announced when it is back: the peer was told to forget it', () => {
    const s = server();
    s.remove(LOCAL, 1);
    expect(s.gone(LOCAL)).toEqual(['remove 0']);
    s.want({ ip: LOCAL });
    expect(s.at(600)).toEqual([[], never]);
    s.bring(LOCAL, 1);
    expect(s.at(700)).toEqual([[`announce ${LOCAL}`], never]);
  });

  test('the next signal keeps its distance', () => {
    const s = server();
    add(s.c, OWN);
    s.want({ ip: MOBILE });
    s.remove(WIFI, 2);
    s.gone(WIFI);
    expect(s.at(1)).toEqual([[], GAP]);
  });
});
