import { choice, definePlugin, type LocalAddress } from '../plugin-api/index.ts';

/** The kernel allows 8 subflows beside the initial one, and as many announced addresses of a peer. */
const KERNEL_MAX = 8;

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
  endpoints({ addresses, addressFlags, options }) {
    // One address may be there twice on an interface, with two lengths of its prefix.
    const wanted = new Map(
      addresses.filter(isReachable).map(({ ip, ifIndex }) => [`${ip} ${ifIndex}`, { ip, ifIndex }]),
    );
    // Room for a subflow of each address beside the usual two.
    const subflows = Math.min(2 + wanted.size, KERNEL_MAX);
    return {
      endpoints: [...wanted.values()].map((place) => ({ ...place, flags: addressFlags })),
      limits: { subflows, addAddrAccepted: addressFlags.includes('subflow') ? subflows : 0 },
      keepAtExit: options['on-exit'] === 'keep',
    };
  },
});

/** Peers do not reach addresses of host scope, such as 127.0.0.1, nor does a subflow from there reach them. */
const isReachable = ({ scope }: LocalAddress): boolean => scope !== 'host';
