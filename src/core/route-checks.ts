import type { LocalAddress } from './model/network.ts';

/** The first wait after a check that found no route; doubled each time up to the longest. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5000;
/** Routes change in bursts: all addresses are looked at again this often at the most. */
const BURST_MS = 50;

interface Check {
  readonly address: LocalAddress;
  /** undefined until the first answer. */
  found: boolean | undefined;
  /** When it is to be checked; Infinity where only a change of routes can bring news. */
  next: number;
  wait: number;
  /** When repeating ends. */
  readonly until: number;
  /** It was said that repeating has ended. */
  gaveUp: boolean;
}

/**
 * Which addresses have a default route over their interface. A route may come later than the address, as with DHCP: a
 * check that fails is repeated for a while, and whenever routes change.
 */
export class RouteChecks {
  #total: number;
  readonly #checks = new Map<string, Check>();
  #lastLook = Number.NEGATIVE_INFINITY;

  /** @param total milliseconds for which a check is repeated */
  constructor(total: number) {
    this.#total = total;
  }

  /** For how long checks that begin from now on are repeated. */
  set total(milliseconds: number) {
    this.#total = milliseconds;
  }

  /**
   * Whether an address has a route; one that is not known yet is due for a check.
   * @param until what counts until the first answer
   */
  found(key: string, address: LocalAddress, now: number, until = false): boolean {
    const check = this.#checks.get(key);
    if (check) return check.found === true;
    this.#checks.set(key, {
      address,
      found: until || undefined,
      next: now,
      wait: FIRST_WAIT_MS,
      until: now + this.#total,
      gaveUp: false,
    });
    return until;
  }

  /** What was found is no longer of use: the address is gone, or its interface is. */
  forget(key: string): void {
    this.#checks.delete(key);
  }

  /** Routes changed: what was found, and what was not, may be wrong. */
  routesChanged(now: number): void {
    const next = Math.max(now, this.#lastLook + BURST_MS);
    for (const check of this.#checks.values()) check.next = Math.min(check.next, next);
  }

  /** The addresses to look at now. Each is answered with {@link answer}. */
  due(now: number): LocalAddress[] {
    const due: LocalAddress[] = [];
    for (const check of this.#checks.values()) {
      if (check.next > now) continue;
      check.next = Number.POSITIVE_INFINITY;
      due.push(check.address);
    }
    if (due.length > 0) this.#lastLook = now;
    return due;
  }

  /** Notes what a check found. @returns whether it was repeated in vain until its time was over */
  answer(key: string, found: boolean, now: number): boolean {
    const check = this.#checks.get(key);
    if (!check) return false;
    check.found = found;
    if (found) return false;
    if (now < check.until) {
      check.next = Math.min(now + check.wait, check.until);
      check.wait = Math.min(check.wait * 2, LONGEST_WAIT_MS);
      return false;
    }
    const news = !check.gaveUp;
    check.gaveUp = true;
    return news;
  }

  /** When the next check is due; undefined where none is. */
  get next(): number | undefined {
    let next = Number.POSITIVE_INFINITY;
    for (const check of this.#checks.values()) next = Math.min(next, check.next);
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }
}
