import { unmapped } from './ip.ts';
import type { IfIndex, Ip } from './model/ids.ts';

/** Addresses of this host that went: beyond it the one that went first is forgotten. */
const MOST = 4096;

/**
 * Which addresses this host had and has no longer. One that it never had is not among them: connections may have local
 * addresses that no interface has (routes of type local, transparent proxies), and theirs is no loss.
 */
export class GoneAddresses {
  /** How often an address is at work, anywhere and on one interface. */
  readonly #alive = new Map<string, number>();
  readonly #gone = new Set<string>();

  /** An address can carry packets from now on. */
  came(ip: Ip, ifIndex: IfIndex): void {
    for (const key of [ip, at(ip, ifIndex)]) {
      this.#alive.set(key, (this.#alive.get(key) ?? 0) + 1);
      this.#gone.delete(key);
    }
  }

  /** An address can no longer. An interface may have it twice, with two lengths of its prefix. */
  went(ip: Ip, ifIndex: IfIndex): void {
    for (const key of [ip, at(ip, ifIndex)]) {
      const left = (this.#alive.get(key) ?? 1) - 1;
      if (left > 0) this.#alive.set(key, left);
      else {
        this.#alive.delete(key);
        this.#gone.add(key);
      }
    }
    for (const first of this.#gone) {
      if (this.#gone.size <= MOST) break;
      this.#gone.delete(first);
    }
  }

  /** Whether packets from an address, over an interface if one is given, could leave and no longer can. */
  has(ip: Ip, ifIndex?: IfIndex): boolean {
    if (this.#gone.size === 0) return false;
    const plain = unmapped(ip);
    return this.#gone.has(plain) || (ifIndex !== undefined && this.#gone.has(at(plain, ifIndex)));
  }
}

const at = (ip: Ip, ifIndex: IfIndex): string => `${ip}%${ifIndex}`;
