import type { ConnectionRecord } from '../connection-table.ts';
import { idsOf } from '../connection-table.ts';
import { sameIp } from '../ip.ts';
import type { HeldAddress } from '../model/commands.ts';
import { newAnnouncement } from './pairs.ts';
import type { Announcement, Planned } from './planned.ts';

/**
 * Notes what the kernel holds for a connection that was there before: the ids of its addresses, and which of them the peer
 * has been told of. An address that the kernel announced once keeps the flag `signal`.
 */
export function takeOver(connection: ConnectionRecord, planned: Planned, held: readonly HeldAddress[], now: number) {
  for (const { ip, id, port, flags } of held) {
    if (id !== 0) idsOf(connection).learn(ip, id);
    if (id === 0 || !flags.includes('signal')) continue;
    if (!connection.announced.some((known) => known.id === id)) connection.announced.push({ ip, port, id });
    const wanted = { ip, port: port === 0 ? undefined : port, backup: flags.includes('backup'), listen: false };
    planned.signalled.add({ ...newAnnouncement(wanted, now), id, found: true });
  }
}

/**
 * What is announced already need not be announced again. Where it is to be announced otherwise, it is so under its id: to take
 * it back first would have the peer close its subflows.
 */
export function carryOver(planned: Planned): void {
  for (const known of planned.signalled) {
    if (planned.announcements.includes(known)) continue;
    known.found = false;
    const wanted = planned.announcements.find((each) => each.id === undefined && isSame(each, known));
    if (!wanted) continue;
    planned.signalled.delete(known);
    planned.signalled.add(wanted);
    wanted.id = known.id;
    wanted.since = known.since;
    // mptcpd's own listener ended with the run that announced it, or was not asked for.
    wanted.repeat = wanted.listen !== false || wanted.backup !== known.backup;
  }
}

const isSame = (a: Announcement, b: Announcement): boolean =>
  sameIp(a.ip, b.ip) && (a.port === b.port || (a.port === undefined && a.listen !== false));
