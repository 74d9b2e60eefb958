import type { Ip } from './model/ids.ts';

const MAPPED = '::ffff:';

/** The IPv4 address inside an IPv4-mapped one; any other address as it is. */
export function unmapped(ip: Ip): Ip {
  return ip.startsWith(MAPPED) && ip.includes('.') ? ip.slice(MAPPED.length) : ip;
}

/** Whether two addresses are the same, IPv4-mapped or not. */
export function sameIp(a: Ip, b: Ip): boolean {
  return a === b || unmapped(a) === unmapped(b);
}

/** Whether two places, an address and a port each, are the same. */
export const samePlace = (
  a: { readonly ip: Ip; readonly port: number },
  b: { readonly ip: Ip; readonly port: number },
): boolean => a.port === b.port && sameIp(a.ip, b.ip);

/** The family in which packets to an address travel: an IPv4-mapped address is IPv4. */
export function familyOf(ip: Ip): 'ipv4' | 'ipv6' {
  return unmapped(ip).includes(':') ? 'ipv6' : 'ipv4';
}

/** An address in the form that another one has: IPv4-mapped if that is, plain if that is. */
export function inFormOf(ip: Ip, model: Ip): Ip {
  const plain = unmapped(ip);
  return model !== unmapped(model) && !plain.includes(':') ? MAPPED + plain : plain;
}
