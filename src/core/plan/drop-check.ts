import type { Token } from '../model/ids.ts';
import type { Announcement } from './planned.ts';

/** How often an announcement that was dropped is sent again. */
const MOST_REPEATS = 3;

/**
 * Whether announcements left the host. The kernel says nothing of one that it drops, but counts them for the whole
 * namespace (AddAddrTxDrop in net/mptcp/mib.h): where the count has grown, all that were sent meanwhile are sent again,
 * which does no harm.
 */
export class DropCheck {
  readonly #sent = new Map<Announcement, Token>();
  /** The kernel's count, last; undefined where it is not known. */
  #count: number | undefined;
  /** When it is to be read again. */
  at = Number.POSITIVE_INFINITY;

  /** An announcement is being sent. @returns whether the count is to be read before */
  sending(announcement: Announcement, token: Token, now: number, gap: number): boolean {
    this.#sent.set(announcement, token);
    this.at = Math.min(this.at, now + gap);
    return this.#count === undefined;
  }

  /**
   * The count was read.
   * @param count undefined where the kernel has none
   * @returns the connections on which an announcement is to be sent again
   */
  read(count: number | undefined, now: number): readonly Token[] {
    const before = this.#count;
    this.#count = count;
    if (now < this.at && before === undefined && count !== undefined) return [];
    this.at = Number.POSITIVE_INFINITY;
    const sent = [...this.#sent];
    this.#sent.clear();
    if (count === undefined || before === undefined || count <= before) return [];
    const again = new Set<Token>();
    for (const [announcement, token] of sent) {
      if (announcement.id === undefined || announcement.dropped >= MOST_REPEATS) continue;
      announcement.dropped++;
      announcement.repeat = true;
      again.add(token);
    }
    return [...again];
  }
}
