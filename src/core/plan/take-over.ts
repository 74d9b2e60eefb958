import type { ConnectionRecord } from '../connection-table.ts';
import { idsOf } from '../connection-table.ts';
import { sameIp } from '../ip.ts';
import type { HeldAddress } from '../model/commands.ts';
import { mergeAnnouncements } from './pairs.ts';
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
    const wanted = { ip, ...(port === 0 ? {} : { port }), backup: flags.includes('backup') };
    for (const announcement of mergeAnnouncements([], [wanted], now)) {
      announcement.id = id;
      announcement.found = true;
      planned.signalled.add(announcement);
    }
  }
}

/**
 * What is announced already need not be announced again. Where it is to be announced otherwise, it is so under its id: to take
 * it back first would have the peer close its subflows.
 */
export function matchFound(planned: Planned): void {
  for (const found of planned.signalled) {
    if (planned.announcements.includes(found)) continue;
    found.found = false;
    const wanted = planned.announcements.find((each) => each.id === undefined && isSame(each, found));
    if (!wanted) continue;
    planned.signalled.delete(found);
    planned.signalled.add(wanted);
    wanted.id = found.id;
    wanted.since = found.since;
    // mptcpd's own listener ended with the run that announced it, or was not asked for.
    wanted.repeat = wanted.listen !== false || wanted.backup !== found.backup;
  }
}

const isSame = (a: Announcement, b: Announcement): boolean =>
  sameIp(a.ip, b.ip) && (a.port === b.port || (a.port === undefined && a.listen !== false));
