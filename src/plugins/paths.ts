/** What the shipped plans have in common. */
import {
  choice,
  type End,
  familyOf,
  type Interface,
  type LocalAddress,
  type PlannedConnection,
  sameIp,
  unmapped,
} from '../plugin-api/index.ts';

export const familiesOption = choice({
  of: ['same', 'both'],
  default: 'same',
  help: 'same: only the IP version that the connection began with; both: the other one too, where its socket takes it',
});

/** Whether subflows of a connection may use an address. */
export function suits(ip: string, { local }: PlannedConnection, families: 'same' | 'both'): boolean {
  // A socket of AF_INET takes no IPv6 at all: addresses of the other kind show themselves IPv4-mapped.
  const onlyIpv4 = familyOf(local.ip) === 'ipv4' && unmapped(local.ip) === local.ip;
  return families === 'both' && !onlyIpv4 ? true : familyOf(ip) === familyOf(local.ip);
}

/**
 * The addresses of this host from which a connection's subflows may leave, each once: those that lead beyond their link
 * and their host, the one that it began with first, then the lasting before the passing ones.
 */
export function locals(
  addresses: readonly LocalAddress[],
  connection: PlannedConnection,
  families: 'same' | 'both' = 'same',
): readonly LocalAddress[] {
  const initial = (address: LocalAddress): boolean => sameIp(address.ip, connection.local.ip);
  const fit = addresses.filter((address) => {
    const leads = address.scope !== 'link' && address.scope !== 'host';
    return (leads || initial(address)) && suits(address.ip, connection, families);
  });
  const once = fit.filter(({ ip }, i) => fit.findIndex((other) => other.ip === ip) === i);
  return once.sort((a, b) => rank(a, initial(a)) - rank(b, initial(b)));
}

/** The peer's addresses that a connection's subflows may lead to, of the family of a local one. */
export const targets = (remotes: readonly End[], { ip }: Pick<LocalAddress, 'ip'>): readonly End[] =>
  remotes.filter((remote) => familyOf(remote.ip) === familyOf(ip));

/**
 * The peer's addresses of which one is enough for a local address. Where the connection began there may be a subflow
 * that is there already, though the peer takes no others.
 */
export function alternatives(
  remotes: readonly End[],
  { local: { ip }, remote }: PlannedConnection,
  local: LocalAddress,
): readonly End[] {
  const found = targets(remotes, local);
  return sameIp(local.ip, ip) && !found.includes(remote) ? [...found, remote] : found;
}

/** The best address of each interface, in the order of the addresses. */
export function onePerInterface(addresses: readonly LocalAddress[]): readonly LocalAddress[] {
  return addresses.filter((each, i) => addresses.findIndex(({ ifIndex }) => ifIndex === each.ifIndex) === i);
}

/** The name of an address's interface. */
export const nameOf = (interfaces: readonly Interface[], { ifIndex }: LocalAddress): string =>
  interfaces.find(({ index }) => index === ifIndex)?.name ?? '';

const rank = ({ deprecated, temporary }: LocalAddress, initial: boolean): number =>
  initial ? -1 : (deprecated ? 2 : 0) + (temporary ? 1 : 0);
