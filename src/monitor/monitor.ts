import type { Interface, LocalAddress, NetworkInput } from '../core/model/network.ts';
import type { Client } from '../netlink/client.ts';
import type { Result } from '../netlink/errors.ts';
import * as route from '../netlink/families/route.ts';
import type { Socket } from '../netlink/socket.ts';
import { subscribe } from '../netlink/subscription.ts';
import { writtenFamily } from '../netlink/types.ts';
import { toInterface, toLocalAddress } from './translate.ts';

export interface MonitorListener {
  change(input: NetworkInput): void;
  lost(count: number): void;
  malformed(error: unknown): void;
}

/**
 * Subscribes to what {@link watchNetwork} reads: from now on changes queue.
 * @param routes follow routes and rules too: a router's tables may change often
 */
export function joinNetwork(socket: Socket, routes: boolean): void {
  const { link, ipv4Address, ipv6Address, ipv4Route, ipv6Route, ipv4Rule, ipv6Rule } = route.groups;
  for (const group of [link, ipv4Address, ipv6Address]) socket.join(group);
  if (routes) for (const group of [ipv4Route, ipv6Route, ipv4Rule, ipv6Rule]) socket.join(group);
}

/** Follows interfaces and addresses. */
export function watchNetwork(socket: Socket, listener: MonitorListener): void {
  subscribe(
    socket,
    {
      message(b, body, end, type) {
        const input = decode(b, body, end, type);
        if (input) listener.change(input);
      },
      lost: (count) => listener.lost(count),
      malformed: (error) => listener.malformed(error),
    },
    0,
  );
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
    case route.route.types.added:
    case route.route.types.removed:
      return isDefault(route.route.decode(b, body, end).dstLength) ? { type: 'routes' } : undefined;
    case route.rule.added:
    case route.rule.removed:
      return { type: 'routes' };
    default:
      return undefined;
  }
}

/** Two routes to half of all addresses each stand over a default route without replacing it: VPNs do that. */
const isDefault = (prefixLength: number): boolean => prefixLength <= 1;

/**
 * Somewhere in the net: addresses for documentation (RFC 5737, RFC 3849, RFC 9637). More than one of a family, should
 * one of them have a route of its own.
 */
const somewhere = {
  ipv4: ['192.0.2.1', '198.51.100.1', '203.0.113.1'],
  ipv6: ['2001:db8::1', '3fff::1'],
} as const;

/**
 * Whether a default route leads from an address over its interface, looked up as the kernel would for a packet: rules and
 * all tables count (RTM_GETROUTE with RTM_F_FIB_MATCH).
 */
export function hasDefaultRoute(client: Client, { ip, ifIndex }: LocalAddress): boolean {
  const family = writtenFamily(ip);
  const length = family === 'ipv6' ? 128 : 32;
  const leads = (dst: string, from: { readonly src?: string; readonly srcLength?: number }): boolean => {
    const request = { family, dst, dstLength: length, outIndex: ifIndex, flags: ['fibMatch'], ...from } as const;
    const found = client.request(route.route.get, route.route.types.get, request);
    if (!found.ok || !found.value) return false;
    const { dstLength, type, outIndex } = found.value;
    return isDefault(dstLength) && type === 'unicast' && (outIndex === undefined || outIndex === ifIndex);
  };
  // IPv6 keeps to the interface only where no source is given (net/ipv6/route.c, ip6_route_output_flags_noref), and
  // then rules for the source do not count: one lookup for each.
  return somewhere[family].some(
    (dst) => leads(dst, { src: ip, srcLength: length }) || (family === 'ipv6' && leads(dst, {})),
  );
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
