import { sameIp } from '../ip.ts';
import type { EndpointFlag, HeldAddress } from '../model/commands.ts';
import { type AddrId, asAddrId } from '../model/ids.ts';
import type { WantedEndpoint } from '../model/plan.ts';

/** The kernel allows 8 endpoints (net/mptcp/pm_kernel.c, MPTCP_PM_ADDR_MAX). */
export const MOST_ENDPOINTS = 8;

/** What tells endpoints apart, wanted or there. */
export const endpointKey = ({ ip, ifIndex, port }: Pick<WantedEndpoint, 'ip' | 'ifIndex' | 'port'>): string =>
  `${ip} ${ifIndex ?? ''} ${port || ''}`;

/** What is to be done for one wanted endpoint. */
export type EndpointStep =
  | { readonly type: 'keep'; readonly wanted: WantedEndpoint }
  /** An id is chosen unless the kernel is to give it the one of an implicit endpoint whose place it takes. */
  | { readonly type: 'add'; readonly wanted: WantedEndpoint; readonly id: AddrId | undefined }
  | { readonly type: 'change'; readonly wanted: WantedEndpoint; readonly id: AddrId }
  /** The address has an endpoint already: somebody else's, or one of another interface. */
  | { readonly type: 'leave'; readonly wanted: WantedEndpoint; readonly held: HeldAddress }
  /** The kernel takes no more. */
  | { readonly type: 'wait'; readonly wanted: WantedEndpoint };

/**
 * Which of the kernel's endpoints are to go: own ones that are no longer wanted. One that others have changed meanwhile
 * is theirs.
 */
export function endpointsToRemove(
  held: readonly HeldAddress[],
  wanted: readonly WantedEndpoint[],
  own: ReadonlyMap<string, readonly EndpointFlag[]>,
): readonly HeldAddress[] {
  const byKey = new Map(wanted.map((each) => [endpointKey(each), each]));
  return held.filter((each) => {
    const flags = own.get(endpointKey(each));
    if (flags === undefined || !same(fixed(each.flags), fixed(flags))) return false;
    const still = byKey.get(endpointKey(each));
    return !still || !same(fixed(still.flags), fixed(flags));
  });
}

/**
 * What is to be done for each wanted endpoint, once those that had to go are gone. An endpoint is an own one if it was
 * made here, or if it is exactly what is wanted, whoever made it: so what an earlier run left is taken up again.
 * @param own the keys of those that were made here, with their flags
 */
export function endpointSteps(
  held: readonly HeldAddress[],
  wanted: readonly WantedEndpoint[],
  own: ReadonlyMap<string, readonly EndpointFlag[]>,
): readonly EndpointStep[] {
  const ids = new Set<number>(held.map(({ id }) => id));
  let count = held.length;
  const steps: EndpointStep[] = [];
  const added = new Map<string, WantedEndpoint>();
  for (const each of wanted) {
    const there = held.find((other) => other.port === (each.port ?? 0) && sameIp(other.ip, each.ip));
    const before = added.get(`${each.ip} ${each.port ?? 0}`);
    if (before) steps.push({ type: 'leave', wanted: each, held: asHeld(before) });
    // One that the kernel made for itself gives way to another.
    else if (there && !there.flags.includes('implicit')) steps.push(stepFor(each, there, own));
    else if (count >= MOST_ENDPOINTS && !there) steps.push({ type: 'wait', wanted: each });
    else {
      // The lowest free id, so that peers see the same ones again; the kernel's own choice only ever grows. An endpoint
      // that takes the place of an implicit one must bring none.
      const id = there ? undefined : lowestFree(ids);
      if (id !== undefined) ids.add(id);
      if (!there) count++;
      added.set(`${each.ip} ${each.port ?? 0}`, each);
      steps.push({ type: 'add', wanted: each, id });
    }
  }
  return steps;
}

function stepFor(
  wanted: WantedEndpoint,
  held: HeldAddress,
  own: ReadonlyMap<string, readonly EndpointFlag[]>,
): EndpointStep {
  const key = endpointKey(wanted);
  if (key !== endpointKey(held)) return { type: 'leave', wanted, held };
  if (same(held.flags, wanted.flags)) return { type: 'keep', wanted };
  const made = own.get(key);
  // Flags that can be changed are changed when the plan wants others than before; others may change them too.
  if (!made || !same(fixed(held.flags), fixed(made))) return { type: 'leave', wanted, held };
  return same(made, wanted.flags) ? { type: 'keep', wanted } : { type: 'change', wanted, id: held.id };
}

function lowestFree(ids: ReadonlySet<number>): AddrId {
  let id = 1;
  while (ids.has(id)) id++;
  return asAddrId(id);
}

const asHeld = ({ ip, ifIndex, port = 0, flags }: WantedEndpoint): HeldAddress => ({
  ip,
  ifIndex,
  port,
  flags,
  id: asAddrId(0),
});

/** The flags that an endpoint keeps for as long as it lives: backup and fullmesh can be changed. */
const fixed = (flags: readonly EndpointFlag[]): readonly EndpointFlag[] =>
  flags.filter((flag) => flag !== 'backup' && flag !== 'fullmesh');

const same = (a: readonly EndpointFlag[], b: readonly EndpointFlag[]): boolean =>
  a.length === b.length && a.every((flag) => b.includes(flag));
