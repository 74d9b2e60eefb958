import type { ConnectionRecord } from '../connection-table.ts';
import { familyOf, samePlace, unmapped } from '../ip.ts';
import { type Pair, type Place, remoteOf } from './planned.ts';

/** Why neither the kernel nor the peer would ever have a pair as it is now; undefined where they may. */
export const whyNever = (connection: ConnectionRecord, pair: Pair): string | undefined =>
  hindrance(connection, pair, remoteOf(pair));

/** Turns a pair that cannot lead where it does, or rests, to the first place of which neither is true. */
export function choose(connection: ConnectionRecord, pair: Pair, rests: (place: Place) => boolean): void {
  if (pair.remotes.length === 1) return;
  const isOut = (place: Place): boolean => hindrance(connection, pair, place) !== undefined || rests(place);
  if (!isOut(remoteOf(pair))) return;
  const first = pair.remotes.findIndex((place) => !isOut(place));
  if (first >= 0) pair.choice = first;
  else if (whyNever(connection, pair) !== undefined) pair.choice = Math.max(nextOf(connection, pair, 0), 0);
}

/**
 * Turns a pair that has failed to the next place where it can lead.
 * @returns whether there was one, before all begins anew
 */
export function chooseNext(connection: ConnectionRecord, pair: Pair): boolean {
  const next = nextOf(connection, pair, pair.choice + 1);
  pair.choice = next >= 0 ? next : Math.max(nextOf(connection, pair, 0), 0);
  return next >= 0;
}

const nextOf = (connection: ConnectionRecord, pair: Pair, from: number): number =>
  pair.remotes.findIndex((place, i) => i >= from && hindrance(connection, pair, place) === undefined);

function hindrance(connection: ConnectionRecord, { local }: Pair, remote: Place): string | undefined {
  const initial = connection.remote;
  if (samePlace(remote, initial)) {
    if (connection.denyJoinId0) return 'the peer forbids subflows to its initial address';
    if (connection.remoteGone && !announces(connection, remote)) return 'the peer has removed its initial address';
  }
  if (familyOf(local.ip) !== familyOf(remote.ip)) return 'its ends are of two families';
  // A socket of AF_INET takes no IPv6; one of AF_INET6 shows IPv4 addresses in their mapped form.
  const onlyIpv4 = familyOf(connection.local.ip) === 'ipv4' && unmapped(connection.local.ip) === connection.local.ip;
  return onlyIpv4 && familyOf(remote.ip) === 'ipv6' ? 'the connection is of IPv4 alone' : undefined;
}

const announces = ({ remoteAddresses }: ConnectionRecord, place: Place): boolean =>
  remoteAddresses.some((each) => samePlace(each, place));
