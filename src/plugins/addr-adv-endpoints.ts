import {
  asAddrId,
  type Context,
  type EndpointFlag,
  type HeldAddress,
  type LocalAddress,
  type Options,
  sameIp,
} from '../plugin-api/index.ts';

/** The kernel allows 8 endpoints, and 8 subflows beside the initial one (net/mptcp/pm_kernel.c, MPTCP_PM_ADDR_MAX). */
export const KERNEL_MAX = 8;

/** What tells the addresses of this host apart; one may be there twice, with two lengths of its prefix. */
export const keyOf = ({ ip, ifIndex }: Pick<HeldAddress, 'ip' | 'ifIndex'>): string => `${ip} ${ifIndex}`;

/** The flags that an endpoint keeps for as long as it lives: backup and fullmesh can be changed. */
const fixed = (flags: readonly EndpointFlag[]): readonly EndpointFlag[] =>
  flags.filter((flag) => flag !== 'backup' && flag !== 'fullmesh');

const same = (a: readonly EndpointFlag[], b: readonly EndpointFlag[]): boolean =>
  a.length === b.length && a.every((flag) => b.includes(flag));

/**
 * The endpoints that follow the addresses of this host, among those of others.
 *
 * An endpoint is an own one if it has an address of this host, the device of that address, no port, and exactly the
 * flags of addr-flags, whoever made it: so what a run before this one left behind is taken up again. It stays an own one
 * when others change its flags. Every other endpoint is somebody else's: it is left alone, and so is the address that it
 * has, because the kernel takes no second one.
 */
export class OwnEndpoints {
  readonly #context: Context<Options>;
  /** The addresses that have an own endpoint. */
  readonly #own = new Set<string>();
  /** The addresses of which the log has said why they have none. */
  readonly #explained = new Set<string>();
  #toldOfMax = false;

  constructor(context: Context<Options>) {
    this.#context = context;
  }

  /** Holds the kernel's endpoints against the addresses that there are now, the earlier ones first. */
  async follow(addresses: readonly LocalAddress[]): Promise<void> {
    const present = new Set(addresses.map(keyOf));
    for (const key of this.#explained) if (!present.has(key)) this.#explained.delete(key);
    const endpoints = await this.#removeExcept(present);
    if (!endpoints) return;
    const waiting: string[] = [];
    for (const address of addresses) {
      const there = endpoints.find((each) => each.port === 0 && sameIp(each.ip, address.ip));
      // One that the kernel made for itself gives way to another.
      if (there && !there.flags.includes('implicit')) this.#keepOrLeave(address, there);
      else if (endpoints.length < KERNEL_MAX) await this.#add(address, endpoints, there);
      else waiting.push(address.ip);
    }
    if (waiting.length > 0 && !this.#toldOfMax) {
      this.#toldOfMax = true;
      const { log } = this.#context;
      log.warn({ waiting }, `the kernel takes ${KERNEL_MAX} endpoints: further addresses wait until one of them goes`);
    }
  }

  /** Removes all own endpoints. */
  async clear(): Promise<void> {
    await this.#removeExcept(new Set());
  }

  /** @returns the endpoints that are left; undefined where the kernel does not tell */
  async #removeExcept(kept: ReadonlySet<string>): Promise<HeldAddress[] | undefined> {
    const { pm } = this.#context;
    const listed = await pm.listEndpoints();
    if (!listed.ok) return undefined;
    const left: HeldAddress[] = [];
    for (const endpoint of listed.value) {
      const key = keyOf(endpoint);
      const goes = this.#own.has(key) && !kept.has(key) && this.#isOwn(endpoint);
      if (!goes || !(await pm.removeEndpoint({ id: endpoint.id })).ok) left.push(endpoint);
    }
    for (const key of this.#own) if (!kept.has(key)) this.#own.delete(key);
    return left;
  }

  /** Whether an endpoint that has an address of this host and its device is an own one. */
  #isOwn(endpoint: HeldAddress): boolean {
    const { addressFlags } = this.#context;
    if (endpoint.port !== 0) return false;
    if (this.#own.has(keyOf(endpoint))) return same(fixed(endpoint.flags), fixed(addressFlags));
    return same(endpoint.flags, addressFlags);
  }

  #keepOrLeave(address: LocalAddress, there: HeldAddress): void {
    const key = keyOf(address);
    if (key === keyOf(there) && this.#isOwn(there)) {
      this.#own.add(key);
      return;
    }
    this.#own.delete(key);
    const whose = this.#own.has(keyOf(there)) ? 'another interface has it too' : 'it has an endpoint of somebody else';
    this.#explain('debug', address, { id: there.id }, `no endpoint for this address: ${whose}`);
  }

  async #add({ ip, ifIndex }: LocalAddress, endpoints: HeldAddress[], implicit?: HeldAddress): Promise<void> {
    const { pm, addressFlags: flags } = this.#context;
    // The lowest free id, so that peers see the same ones again; the kernel's own choice only ever grows. An endpoint
    // that takes the place of an implicit one must bring none.
    let id = 1;
    while (endpoints.some((each) => each.id === id)) id++;
    const added = await pm.addEndpoint({ ip, flags, ifIndex, ...(implicit ? {} : { id: asAddrId(id) }) });
    if (!added.ok) {
      const { message } = added.error;
      this.#explain('warn', { ip, ifIndex }, { error: message }, 'no endpoint for this address');
      return;
    }
    this.#own.add(keyOf({ ip, ifIndex }));
    if (!implicit) endpoints.push({ ip, ifIndex, flags, id: asAddrId(id), port: 0 });
  }

  /** Says once why an address has no endpoint. */
  #explain(
    level: 'debug' | 'warn',
    address: Pick<LocalAddress, 'ip' | 'ifIndex'>,
    fields: Readonly<Record<string, unknown>>,
    message: string,
  ): void {
    const key = keyOf(address);
    if (this.#explained.has(key)) return;
    this.#explained.add(key);
    this.#context.log[level]({ address: address.ip, ...fields }, message);
  }
}
