import { sameIp } from './ip.ts';
import type { AddrId, Ip } from './model/ids.ts';
import { asAddrId } from './model/ids.ts';

/**
 * The first id given out. The kernel gives the lowest free one to an address that a peer joins unasked
 * (net/mptcp/pm_userspace.c, mptcp_userspace_pm_append_new_local_addr): starting above keeps out of its way.
 */
export const FIRST_OWN_ID = 16;
const LAST_ID = 255;

/** The local address ids of one connection: one id an address, one address an id. */
export class AddressIds {
  readonly #ids: { ip: Ip; id: AddrId }[];
  /** Ids that addresses had before the kernel gave them others: subflows may live under them still. */
  readonly #former = new Set<AddrId>();

  /** @param initial the address of the initial subflow, whose id is 0 */
  constructor(initial: Ip) {
    this.#ids = [{ ip: initial, id: asAddrId(0) }];
  }

  /** The id of an address, or undefined where it has none. */
  get(ip: Ip): AddrId | undefined {
    return this.#ids.find((entry) => sameIp(entry.ip, ip))?.id;
  }

  /** The id that an address has, or the lowest free one, which then is its own; undefined where none is left. */
  take(ip: Ip): AddrId | undefined {
    const known = this.get(ip);
    if (known !== undefined) return known;
    const free = this.#free();
    return free === undefined ? undefined : this.#add(ip, free);
  }

  /**
   * The id to announce an address with. The kernel announces none with 0 (net/mptcp/pm_userspace.c,
   * mptcp_pm_nl_announce_doit): the initial address gets another one, which is its own once it is learnt.
   */
  forSignal(ip: Ip): AddrId | undefined {
    return this.get(ip) === 0 ? this.#free() : this.take(ip);
  }

  /** Notes an id that the kernel uses for an address; it counts over what was noted before. */
  learn(ip: Ip, id: AddrId): void {
    const there = this.#ids.find((entry) => sameIp(entry.ip, ip));
    if (there?.id === id) return;
    for (let i = this.#ids.length - 1; i >= 0; i--) {
      const entry = this.#ids[i];
      if (entry && (entry.id === id || entry === there)) this.#ids.splice(i, 1);
    }
    if (there) this.#former.add(there.id);
    this.#former.delete(id);
    this.#add(ip, id);
  }

  /** Frees an id; 0 stays with the initial address for the connection's life. */
  release(id: AddrId): void {
    const at = this.#ids.findIndex((entry) => entry.id === id);
    if (id !== 0 && at >= 0) this.#ids.splice(at, 1);
  }

  /** The lowest id that no address has or has had; where there is none, that none has. */
  #free(): AddrId | undefined {
    const taken = new Set<number>(this.#ids.map((entry) => entry.id));
    let former: AddrId | undefined;
    for (let id = FIRST_OWN_ID; id <= LAST_ID; id++) {
      if (taken.has(id)) continue;
      if (!this.#former.has(asAddrId(id))) return asAddrId(id);
      former ??= asAddrId(id);
    }
    return former;
  }

  #add(ip: Ip, id: AddrId): AddrId {
    this.#ids.push({ ip, id });
    return id;
  }
}
