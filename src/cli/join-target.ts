import { sameIp, unmapped } from '../core/ip.ts';
import type { Listener } from '../netlink/listeners.ts';
import type { Endpoint } from '../os/index.ts';

/**
 * Who takes a peer's join to an announced address: a listener; nobody; or, of no use, one that is bound to all
 * addresses. For a port other than the connection's the kernel wants the listener's own address and port to be among
 * the announced ones (net/mptcp/subflow.c, subflow_check_req; MIB MismatchPortSynRx).
 * @param port the port of this host's end of the connection
 */
export function joinTarget(
  to: Endpoint,
  port: number,
  listeners: readonly Listener[],
): 'listener' | 'nobody' | Listener {
  const there = listeners.filter((listener) => listener.port === to.port);
  if (there.some(({ ip }) => sameIp(ip, to.ip))) return 'listener';
  const wide = there.find((listener) => takesAll(listener, to.ip));
  if (!wide) return 'nobody';
  return to.port === port ? 'listener' : wide;
}

/** Whether a listener is bound to all addresses of a family, this one's. */
function takesAll({ ip, v6Only }: Listener, address: string): boolean {
  const isIpv4 = !unmapped(address).includes(':');
  if (isIpv4) return ip === '0.0.0.0' || ip === '::ffff:0.0.0.0' || (ip === '::' && !v6Only);
  return ip === '::';
}
