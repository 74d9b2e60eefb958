import type { Interface, LocalAddress } from '../core/model/network.ts';
import type * as route from '../netlink/families/route.ts';

type LinkMessage = ReturnType<typeof route.link.decode>;
type AddressMessage = ReturnType<typeof route.address.decode>;

/** AF_UNSPEC: the message is about the interface itself, not about its place in a bridge (AF_BRIDGE). */
const ANY_FAMILY = 0;

/** The interface that a message is about; undefined where it is about something else. */
export function toInterface(message: LinkMessage): Interface | undefined {
  if (message.family !== ANY_FAMILY) return undefined;
  const { flags } = message;
  return {
    index: message.index,
    name: message.name ?? `if${message.index}`,
    up: flags.includes('up'),
    // IFF_RUNNING says the same up to a second later (net/core/link_watch.c delays the operational state).
    running: flags.includes('lowerUp') && !flags.includes('dormant'),
    loopback: flags.includes('loopback'),
    mtu: message.mtu,
    kind: message.info?.kind,
  };
}

/**
 * The address that a message is about. On a point-to-point link the plain attribute is the peer's address and the local
 * one this end's (include/uapi/linux/if_addr.h).
 */
export function toLocalAddress(message: AddressMessage): LocalAddress | undefined {
  const ip = message.local ?? message.address;
  if (ip === undefined) return undefined;
  const flags = message.flags ?? [];
  const waits = flags.includes('tentative') && !flags.includes('optimistic');
  return {
    ip,
    prefixLength: message.prefixLength,
    ifIndex: message.ifIndex,
    scope: message.scope,
    tentative: waits || flags.includes('dadFailed'),
    deprecated: flags.includes('deprecated'),
    temporary: message.family === 'ipv6' && flags.includes('secondary'),
  };
}
