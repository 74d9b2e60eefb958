import type { Limits } from '../model/commands.ts';

const names = ['subflows', 'addAddrAccepted'] as const;

/** The limits of the kernel's path manager, never lower than others want them. */
export class SharedLimits {
  /** As others set them, last. */
  readonly #others = { subflows: 0, addAddrAccepted: 0 };
  /** As they were left here, last: what differs from it was set by others since. */
  #left: Limits | undefined;

  /**
   * What the limits are to be.
   * @param now what they are
   * @param least what they are to be at least; without it, as others want them
   * @returns undefined where they are so already
   */
  wanted(now: Limits, least: Partial<Limits> = {}): Limits | undefined {
    for (const name of names) if (now[name] !== this.#left?.[name]) this.#others[name] = now[name];
    const wanted = {
      subflows: Math.max(this.#others.subflows, least.subflows ?? 0),
      addAddrAccepted: Math.max(this.#others.addAddrAccepted, least.addAddrAccepted ?? 0),
    };
    if (names.some((name) => now[name] !== wanted[name])) return wanted;
    this.#left = wanted;
    return undefined;
  }

  /** They have been set so. */
  set(limits: Limits): void {
    this.#left = limits;
  }
}
