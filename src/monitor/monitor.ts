import type { Interface, LocalAddress, NetworkInput } from '../core/model/network.ts';
import type { Client } from '../netlink/client.ts';
import type { Result } from '../netlink/errors.ts';
import * as route from '../netlink/families/route.ts';
import type { Socket } from '../netlink/socket.ts';
import { subscribe } from '../netlink/subscription.ts';
import { toInterface, toLocalAddress } from './translate.ts';

export interface MonitorListener {
  change(input: NetworkInput): void;
  lost(count: number): void;
  malformed(error: unknown): void;
}

/** Subscribes to what {@link watchNetwork} reads: from now on changes queue. */
export function joinNetwork(socket: Socket): void {
  const { link, ipv4Address, ipv6Address } = route.groups;
  for (const group of [link, ipv4Address, ipv6Address]) socket.join(group);
}

/** Follows interfaces and addresses. */
export function watchNetwork(socket: Socket, listener: MonitorListener): void {
  subscribe(socket, {
    message(b, body, end, type) {
      const input = decode(b, body, end, type);
      if (input) listener.change(input);
    },
    lost: (count) => listener.lost(count),
    malformed: (error) => listener.malformed(error),
  });
}

function decode(b: Buffer, body: number, end: number, type: number): NetworkInput | undefined {
  switch (type) {
    case route.link.types.added: {
      const link = toInterface(route.link.decode(b, body, end));
      return link && { type: 'link', link };
    }
    case route.link.types.removed: {
      const link = toInterface(route.link.decode(b, body, end));
      return link && { type: 'linkGone', ifIndex: link.index };
    }
    case route.address.types.added: {
      const address = toLocalAddress(route.address.decode(b, body, end));
      return address && { type: 'address', address };
    }
    case route.address.types.removed: {
      const address = toLocalAddress(route.address.decode(b, body, end));
      return address && { type: 'addressGone', address };
    }
    default:
      return undefined;
  }
}

/** Reads all interfaces and addresses there are. */
export function readNetwork(client: Client): Result<NetworkInput> {
  const links = client.dump(route.link.get, route.link.types.get, {});
  if (!links.ok) return links;
  // Family by family: addresses of others (MCTP, Phonet) are none of ours.
  const addresses: ReturnType<typeof route.address.decode>[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const found = client.dump(route.address.get, route.address.types.get, { family });
    if (!found.ok) return found;
    addresses.push(...found.value);
  }
  return {
    ok: true,
    value: {
      type: 'network',
      links: present<Interface>(links.value.map(toInterface)),
      addresses: present<LocalAddress>(addresses.map(toLocalAddress)),
    },
  };
}

const present = <T>(values: readonly (T | undefined)[]): T[] => values.filter((value) => value !== undefined) as T[];
