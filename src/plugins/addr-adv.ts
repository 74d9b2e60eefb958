import { choice, definePlugin, type LocalAddress } from '../plugin-api/index.ts';
import { KERNEL_MAX, keyOf, OwnEndpoints } from './addr-adv-endpoints.ts';
import { SharedLimits } from './addr-adv-limits.ts';

/**
 * The kernel's path manager: an endpoint for each address of this host, and limits that let each be used. What others
 * added is left alone, and at the end all is as it was before. The kernel closes the subflows of an endpoint that is
 * removed: with `on-exit = keep` endpoints and limits stay instead, and the next run takes them up.
 */
export default definePlugin({
  name: 'addr_adv',
  api: 1,
  drives: 'kernel',
  priority: 0,
  options: {
    'on-exit': choice({
      of: ['keep', 'clean'],
      default: 'clean',
      help: 'when mptcpd stops: leave all as it was found, which closes the subflows of its endpoints, or keep them',
    }),
  },
  description: "endpoints of the kernel's path manager follow the addresses of this host",
  async setup(context) {
    const { pm, state, addressFlags, options } = context;
    const endpoints = new OwnEndpoints(context);
    const limits = new SharedLimits(pm);
    let closed = false;

    /** All that follows from the addresses of this moment: whatever was missed before is made good. */
    async function follow(): Promise<void> {
      if (closed) return;
      const addresses = [...new Map(state.addresses.filter(isReachable).map((each) => [keyOf(each), each])).values()];
      await endpoints.follow(addresses);
      await setLimits(addresses.length);
    }

    /** Room for a subflow of each address beside the usual two. */
    async function setLimits(addresses: number): Promise<void> {
      const subflows = Math.min(2 + addresses, KERNEL_MAX);
      await limits.raise({ subflows, addAddrAccepted: addressFlags.includes('subflow') ? subflows : 0 });
    }

    await setLimits(0);
    return {
      localAddressAdded: follow,
      localAddressRemoved: follow,
      async close(reason) {
        closed = true;
        if (reason === 'stop' && options['on-exit'] === 'keep') return;
        await endpoints.clear();
        await limits.restore();
      },
    };
  },
});

/** Peers do not reach addresses of host scope, such as 127.0.0.1, nor does a subflow from there reach them. */
const isReachable = ({ scope }: LocalAddress): boolean => scope !== 'host';
