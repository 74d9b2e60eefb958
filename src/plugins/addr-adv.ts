import {
  definePlugin,
  type HeldAddress,
  type Ip,
  type Limits,
  type LocalAddress,
  sameIp,
} from '../plugin-api/index.ts';

/** The kernel allows 8 endpoints, and 8 subflows beside the initial one (net/mptcp/pm_kernel.c, MPTCP_PM_ADDR_MAX). */
const KERNEL_MAX = 8;

/**
 * The kernel's path manager: an endpoint for each address of this host, and limits that let each be used. What others
 * added is left alone.
 */
export default definePlugin({
  name: 'addr_adv',
  api: 1,
  drives: 'kernel',
  priority: 0,
  description: "endpoints of the kernel's path manager follow the addresses of this host",
  setup({ pm, state, log, addressFlags }) {
    /** The endpoints that this plugin added. */
    const own: { ip: Ip; ifIndex: number }[] = [];
    /** The limits as they were before. */
    let found: Limits | undefined;

    async function add({ ip, ifIndex }: LocalAddress): Promise<void> {
      if (own.some((o) => o.ip === ip)) return;
      const added = await pm.addEndpoint({ ip, flags: addressFlags, ifIndex });
      if (added.ok) own.push({ ip, ifIndex });
      else log.warn({ address: ip, error: added.error.message }, 'no endpoint for this address');
      await setLimits();
    }

    async function remove({ ip, ifIndex }: LocalAddress): Promise<void> {
      const at = own.findIndex((o) => o.ip === ip && o.ifIndex === ifIndex);
      if (at < 0) return;
      own.splice(at, 1);
      const endpoint = await find(ip, ifIndex);
      if (endpoint) await pm.removeEndpoint({ id: endpoint.id });
      // Another interface may have the same address, or one that found no room may fit now.
      for (const address of state.addresses) if (!own.some((o) => o.ip === address.ip)) await add(address);
      await setLimits();
    }

    async function find(ip: Ip, ifIndex: number): Promise<HeldAddress | undefined> {
      const endpoints = await pm.listEndpoints();
      if (!endpoints.ok) return undefined;
      return endpoints.value.find((e) => e.port === 0 && e.ifIndex === ifIndex && sameIp(e.ip, ip));
    }

    /** Room for a subflow of each endpoint beside the usual two; never less than what was found. */
    async function setLimits(): Promise<void> {
      if (!found) {
        const limits = await pm.getLimits();
        if (!limits.ok) return;
        found = limits.value;
      }
      const wanted = Math.min(2 + own.length, KERNEL_MAX);
      const subflows = Math.max(found.subflows, wanted);
      const accepted = addressFlags.includes('subflow') ? wanted : 0;
      await pm.setLimits({ subflows, addAddrAccepted: Math.max(found.addAddrAccepted, accepted) });
    }

    return { localAddressAdded: add, localAddressRemoved: remove };
  },
});
