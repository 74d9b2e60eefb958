import { unmapped } from './ip.ts';
import type { IfIndex, Ip } from './model/ids.ts';

/** Addresses of this host that went: beyond it the one that went first is forgotten. */
const MOST = 4096;

/**
 * Which addresses this host had and has no longer. One that it never had is not among them: connections may have local
 * addresses that no interface has (routes of type local, transparent proxies), and theirs is no loss.
 */
export class GoneAddresses {
  /** How many interfaces have an address at work. */
  readonly #alive = new Map<Ip, number>();
  readonly #gone = new Set<string>();

  /** An address can carry packets from now on. */
  came(ip: Ip, ifIndex: IfIndex): void {
    this.#alive.set(ip, (this.#alive.get(ip) ?? 0) + 1);
    this.#gone.delete(ip);
    this.#gone.delete(at(ip, ifIndex));
  }

  /** An address can no longer. */
  went(ip: Ip, ifIndex: IfIndex): void {
    const left = (this.#alive.get(ip) ?? 1) - 1;
    if (left > 0) this.#alive.set(ip, left);
    else {
      this.#alive.delete(ip);
      this.#gone.add(ip);
    }
    this.#gone.add(at(ip, ifIndex));
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
