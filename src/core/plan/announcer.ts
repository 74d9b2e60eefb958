import { type ConnectionRecord, isLive, type SubflowRecord } from '../connection-table.ts';
import { sameIp } from '../ip.ts';
import type { AddrId, Ip } from '../model/ids.ts';
import type { Network } from '../network.ts';
import type { Actions } from './actions.ts';
import { DropCheck } from './drop-check.ts';
import { kindOfRefusal, pauseAfter } from './failure.ts';
import type { Announcement, Planned } from './planned.ts';
import { LEAST_BETWEEN_REMINDERS, type PlanSettings, REMIND_AFTER } from './settings.ts';

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Sends the address signals (ADD_ADDR, RM_ADDR) that a plan asks for, one at a time: while one waits to leave, the kernel
 * drops the next without a word (net/mptcp/pm.c, mptcp_pm_announce_addr and mptcp_pm_remove_addr).
 */
export class Announcer {
  readonly #network: Network;
  readonly #actions: Actions;
  /** What was removed while a connection is looked at. */
  readonly #removed = new Set<AddrId>();
  readonly drops = new DropCheck();

  constructor(network: Network, actions: Actions) {
    this.#network = network;
    this.#actions = actions;
  }

  /** Takes back what is no longer wanted; at once where the address is gone. @returns when to look again */
  withdraw(connection: ConnectionRecord, planned: Planned, now: number, settings: PlanSettings): number {
    this.#removed.clear();
    let at = NEVER;
    for (const known of planned.signalled) {
      // Found, and nobody has said yet whether it is wanted.
      if (planned.announcements.includes(known) || (known.found && !planned.said)) continue;
      const next = planned.signalAt + settings.announceGap;
      if (next > now && !this.#network.isGone(known.ip)) at = Math.min(at, next);
      else if (known.asked) continue;
      else if (known.forgotten && known.until > now) at = Math.min(at, known.until);
      else if (known.forgotten) {
        this.#announce(planned, known, now, settings);
        at = Math.min(at, now + settings.announceGap);
      } else if (known.id !== undefined && !this.#carriesAll(connection, known)) {
        this.#remove(planned, known.id);
        planned.signalAt = now;
      }
    }
    return at;
  }

  /** The peer would close all that is left: an address that is still there waits until another subflow is. */
  #carriesAll({ subflows }: ConnectionRecord, { ip, id }: Announcement): boolean {
    if (this.#network.isGone(ip)) return false;
    const live = subflows.filter(isLive);
    return live.length > 0 && live.every(({ local }) => local.id === id);
  }

  /** The address of a subflow is gone: the peer is to close its end too. */
  withdrawGone({ subflows }: ConnectionRecord, planned: Planned, gone: SubflowRecord, now: number): void {
    const known = [...planned.signalled].find(({ ip }) => sameIp(ip, gone.local.ip));
    const id = known?.id ?? gone.local.id;
    const isLeft = subflows.some(
      (each) =>
        each !== gone && each.local.id === gone.local.id && !each.leaving && !this.#network.isGone(each.local.ip),
    );
    if (isLeft || this.#removed.has(id)) return;
    this.#remove(planned, id);
    planned.signalAt = now;
  }

  /**
   * The kernel has forgotten an address, as it does with any subflow of it that is destroyed or refused
   * (net/mptcp/pm_userspace.c, mptcp_userspace_pm_delete_local_addr). It removes only what it knows: where the peer was
   * told of the address, it is announced again.
   */
  forgotten(planned: Planned, ip: Ip, now: number): void {
    for (const known of planned.signalled) {
      if (!sameIp(known.ip, ip)) continue;
      known.forgotten = true;
      this.#actions.again(planned.token, now);
    }
  }

  /**
   * The peer has joined. If it passes over an address that it was told of, its path manager may have been started anew since:
   * of such addresses nothing is left to it where no subflow led there. It is told once more.
   */
  joined(connection: ConnectionRecord, planned: Planned, now: number): void {
    for (const known of planned.signalled) {
      if (known.id === undefined || known.remindAt < NEVER || isUsed(connection, known)) continue;
      known.remindAt = Math.max(now + REMIND_AFTER, known.sentAt + LEAST_BETWEEN_REMINDERS);
      this.#actions.again(planned.token, known.remindAt);
    }
  }

  /** Announces what is wanted and not known to the peer. @returns when to look again */
  announce(connection: ConnectionRecord, planned: Planned, now: number, settings: PlanSettings): number {
    const wanted = planned.announcements.filter((each) => !isKnown(connection, planned, each));
    let at = NEVER;
    for (const announcement of wanted.slice(0, settings.maxAnnounced)) {
      if (this.#network.isGone(announcement.ip)) continue;
      if (announcement.remindAt <= now) {
        announcement.remindAt = NEVER;
        announcement.repeat ||= announcement.id !== undefined && !isUsed(connection, announcement);
      }
      at = Math.min(at, announcement.remindAt);
      if (!isDue(announcement)) continue;
      const next = Math.max(announcement.until, planned.signalAt + settings.announceGap);
      if (next > now) at = Math.min(at, next);
      else this.#announce(planned, announcement, now, settings);
    }
    return at;
  }

  #announce(planned: Planned, announcement: Announcement, now: number, settings: PlanSettings): void {
    const { ip, port, backup, listen, id } = announcement;
    planned.signalAt = now;
    announcement.asked = true;
    const { forgotten } = announcement;
    announcement.repeat = false;
    announcement.forgotten = false;
    announcement.sentAt = now;
    announcement.remindAt = NEVER;
    if (this.drops.sending(announcement, planned.token, now, settings.announceGap)) this.#actions.readDrops();
    const address = { ip, ...(port === undefined ? {} : { port }), ...(id === undefined ? {} : { id }) };
    const args = { token: planned.token, address, ...(backup ? { backup } : {}), ...(listen ? { listen } : {}) };
    this.#actions.send({ name: 'announce', args }, (outcome, then) => {
      announcement.asked = false;
      announcement.since = then;
      if (outcome.ok) {
        announcement.id = (outcome.value as { id: AddrId }).id;
        announcement.failures = 0;
        announcement.failure = undefined;
        planned.signalled.add(announcement);
        return;
      }
      announcement.failures++;
      // With EINVAL the kernel has the address under another id by now: nothing brings this one back.
      announcement.forgotten = forgotten && outcome.error.errno !== 'EINVAL';
      const kind = kindOfRefusal(outcome.error);
      announcement.failure = { kind, words: outcome.error.message, at: then };
      announcement.until = then + pauseAfter(announcement.failures, kind ?? 'refused', settings, ip);
      if (outcome.error.code !== 'UNKNOWN_TOKEN') this.#actions.again(planned.token, announcement.until);
      if (outcome.error.errno === 'EINVAL') this.#actions.checkForeign(planned);
    });
  }

  #remove(planned: Planned, id: AddrId): void {
    this.#removed.add(id);
    if (id === 0) planned.initialRemoved = true;
    for (const known of planned.signalled) {
      if (known.id !== id) continue;
      known.id = undefined;
      planned.signalled.delete(known);
    }
    // Where the kernel knows of no such address, the peer does not either.
    this.#actions.send({ name: 'remove', args: { token: planned.token, id } }, () => undefined);
  }
}

const isUsed = ({ subflows }: ConnectionRecord, { ip }: Announcement): boolean =>
  subflows.some((each) => isLive(each) && sameIp(each.local.ip, ip));

const isDue = ({ id, asked, repeat, forgotten }: Announcement): boolean =>
  !asked && (id === undefined || repeat || forgotten);

/** The peer knows the address that the connection began with, under the id 0, until it is told to forget it. */
export const isKnown = (
  { local }: ConnectionRecord,
  { initialRemoved }: Planned,
  { ip, port }: Announcement,
): boolean => !initialRemoved && sameIp(local.ip, ip) && (port === undefined || port === local.port);
