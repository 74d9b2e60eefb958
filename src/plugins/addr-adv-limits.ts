import type { Limits, Pm } from '../plugin-api/index.ts';

const names = ['subflows', 'addAddrAccepted'] as const;

/** The limits of the kernel's path manager, never lower than others want them. */
export class SharedLimits {
  readonly #pm: Pm;
  /** As others set them, last. */
  readonly #others = { subflows: 0, addAddrAccepted: 0 };
  /** As they were left here, last: what differs from it was set by others since. */
  #left: Limits | undefined;

  constructor(pm: Pm) {
    this.#pm = pm;
  }

  /** Sets them to at least this much. */
  async raise(least: Limits): Promise<void> {
    const now = await this.#read();
    if (!now) return;
    const wanted = {
      subflows: Math.max(this.#others.subflows, least.subflows),
      addAddrAccepted: Math.max(this.#others.addAddrAccepted, least.addAddrAccepted),
    };
    await this.#write(now, wanted);
  }

  /** Sets them as others want them. */
  async restore(): Promise<void> {
    const now = await this.#read();
    if (now) await this.#write(now, { ...this.#others });
  }

  async #read(): Promise<Limits | undefined> {
    const read = await this.#pm.getLimits();
    if (!read.ok) return undefined;
    for (const name of names) if (read.value[name] !== this.#left?.[name]) this.#others[name] = read.value[name];
    return read.value;
  }

  async #write(now: Limits, wanted: Limits): Promise<void> {
    const same = names.every((name) => now[name] === wanted[name]);
    if (same || (await this.#pm.setLimits(wanted)).ok) this.#left = wanted;
  }
}
