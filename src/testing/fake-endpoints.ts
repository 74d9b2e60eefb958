import type { HeldAddress } from '../core/model/commands.ts';
import { asAddrId } from '../core/model/ids.ts';
import { FakeRefusal } from './fake-netlink.ts';

/** MPTCP_PM_ADDR_MAX (net/mptcp/pm_kernel.c). */
const MAX = 8;

const tooMany = (errno: 'EEXIST' | 'EBUSY' | 'ERANGE' | 'EINVAL', number: number): FakeRefusal =>
  new FakeRefusal(errno, `too many addresses or duplicate one: -${number}`);

/** The endpoints and limits of the kernel's path manager, with its rules and words (net/mptcp/pm_kernel.c). */
export class FakeEndpoints {
  readonly #endpoints = new Map<number, HeldAddress>();
  limits = { subflows: 2, rcvAddAddrs: 0 };
  #highest = 0;

  list(): readonly HeldAddress[] {
    return [...this.#endpoints.values()].sort((a, b) => a.id - b.id);
  }

  get(id: number | undefined): HeldAddress {
    const endpoint = this.#endpoints.get(id ?? 0);
    if (!endpoint) throw new FakeRefusal('EINVAL', 'address not found');
    return endpoint;
  }

  add({ ip, port = 0, id: wanted, flags = [], ifIndex }: Partial<HeldAddress>): void {
    if (ip === undefined) throw new FakeRefusal('EINVAL', 'missing address data');
    if (port !== 0 && (!flags.includes('signal') || flags.includes('subflow'))) {
      throw new FakeRefusal('EINVAL', 'flags must have signal and not subflow when using port');
    }
    if (flags.includes('signal') && flags.includes('fullmesh')) {
      throw new FakeRefusal('EINVAL', "flags mustn't have both signal and fullmesh");
    }
    if (this.#endpoints.size >= MAX) throw tooMany('ERANGE', 34);
    const twin = this.list().find((each) => each.ip === ip && each.port === port);
    // What the kernel made for itself (implicit) gives way, and leaves its id.
    if (twin && !twin.flags.includes('implicit')) throw tooMany('EEXIST', 17);
    if (twin && wanted) throw tooMany('EINVAL', 22);
    if (wanted !== undefined && this.#endpoints.has(wanted)) throw tooMany('EBUSY', 16);
    const id = twin?.id ?? asAddrId(wanted || this.#highest + 1);
    this.#highest = Math.max(this.#highest, id);
    this.#endpoints.set(id, { ip, port, id, flags, ifIndex });
  }

  delete(id: number | undefined): void {
    if (!id) return; // id 0 is the connections' initial address, not an endpoint
    this.get(id);
    this.#endpoints.delete(id);
  }

  flush(): void {
    this.#endpoints.clear();
    this.#highest = 0;
  }

  /** Replaces both flags that can change. */
  setFlags(id: number | undefined, flags: HeldAddress['flags'] = []): void {
    if (!id) throw new FakeRefusal('EOPNOTSUPP', 'missing address ID');
    const endpoint = this.get(id);
    const kept = endpoint.flags.filter((flag) => flag !== 'backup' && flag !== 'fullmesh');
    const set = flags.filter((flag) => flag === 'backup' || flag === 'fullmesh');
    this.#endpoints.set(id, { ...endpoint, flags: [...kept, ...set] });
  }

  setLimits(limits: { subflows?: number; rcvAddAddrs?: number }): void {
    for (const value of Object.values(limits)) {
      if (value !== undefined && value > MAX) throw new FakeRefusal('EINVAL', 'limit greater than maximum (8)');
    }
    this.limits = { ...this.limits, ...limits };
  }
}
