/** What the plans have in common that use one interface first and the others when that fails. */
import {
  type End,
  type IfIndex,
  type LocalAddress,
  type Option,
  type PlanView,
  type Subflow,
  sameIp,
  unmapped,
  type WantedSubflow,
} from '../plugin-api/index.ts';
import { alternatives, locals, nameOf, onePerInterface } from './paths.ts';
import { sameSubnet } from './subnet.ts';

/** The word for the interface that a connection began with. */
const INITIAL = 'initial';

/** Which interfaces come first: patterns in order. */
export const preferOption: Option<readonly string[]> = {
  kind: 'list',
  default: [INITIAL],
  help: 'the interfaces to use first, names or patterns (wlan*) between commas; initial: the one that the connection began with',
  parse: (text) =>
    text
      .split(',')
      .map((word) => word.trim())
      .filter(Boolean),
};

/** One interface of this host, with what leads from it to the peer. */
export interface Way {
  readonly local: LocalAddress;
  /** Where a subflow of it may lead. */
  readonly remote: readonly End[];
  /** The subflows that it has. */
  readonly live: readonly Subflow[];
}

/** The interfaces from which a connection's subflows may leave, the preferred ones first. */
export function waysOf(view: PlanView, prefer: readonly string[], families: 'same' | 'both'): readonly Way[] {
  const { connection, interfaces, remotes, subflows } = view;
  const own = locals(view.addresses, connection, families);
  const liveOf = (local: LocalAddress): readonly Subflow[] =>
    subflows.filter((each) => each.state === 'established' && leavesFrom(each, local));
  const began = interfaceOf(own, unmapped(connection.local.ip));
  const place = (local: LocalAddress): number => {
    const name = nameOf(interfaces, local);
    const at = prefer.findIndex((word) => (word === INITIAL ? local.ifIndex === began : matches(name, word)));
    return at < 0 ? prefer.length : at;
  };
  const inOrder = [...own].sort((a, b) => place(a) - place(b));
  // Of several addresses of an interface the one that is in use counts most.
  const inUse = (local: LocalAddress): boolean => liveOf(local).length > 0;
  const order = onePerInterface(inOrder).map(({ ifIndex }) => ifIndex);
  const chosen = onePerInterface([...inOrder.filter(inUse), ...inOrder.filter((each) => !inUse(each))]);
  return [...chosen]
    .sort((a, b) => order.indexOf(a.ifIndex) - order.indexOf(b.ifIndex))
    .map((local) => ({
      local,
      remote: nearFirst(alternatives(remotes, connection, local), local),
      live: liveOf(local),
    }))
    .filter(({ remote }) => remote.length > 0);
}

/** The subflow of a way, to the first of the peer's addresses that can be reached. */
export const over = ({ local, remote }: Way, backup: boolean): WantedSubflow => ({ local, remote, backup });

/**
 * The subflow of a way that is needed at once: as long as there is none, all of the peer's addresses are tried together,
 * because one that swallows packets takes TCP two minutes to give up.
 */
export function overAny({ local, remote, live: [first] }: Way, backup: boolean): readonly WantedSubflow[] {
  const wanted = first ? [first.remote] : remote;
  return wanted.map((each) => ({ local, remote: each, backup }));
}

/** Whether the connection began with a way, and its first subflow lives. */
export const hasInitial = ({ live }: Way): boolean => live.some(({ initial }) => initial);

/** Whose address it is; or was, by its prefix: a network may give an interface that comes back another one. */
const interfaceOf = (own: readonly LocalAddress[], ip: string): IfIndex | undefined =>
  (own.find((local) => local.ip === ip) ?? own.find((local) => sameSubnet(local, ip)))?.ifIndex;

/** Those on the same link fail with it alone. */
const nearFirst = (remote: readonly End[], local: LocalAddress): readonly End[] => [
  ...remote.filter(({ ip }) => sameSubnet(local, unmapped(ip))),
  ...remote.filter(({ ip }) => !sameSubnet(local, unmapped(ip))),
];

const leavesFrom = ({ local, ifIndex }: Subflow, { ip, ifIndex: own }: LocalAddress): boolean =>
  sameIp(local.ip, ip) && (ifIndex === undefined || ifIndex === own);

/** Whether a name fits a pattern, in which `*` stands for any letters. */
function matches(name: string, pattern: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return name === pattern;
  if (!name.startsWith(head) || !name.endsWith(tail) || name.length < head.length + tail.length) return false;
  let at = head.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= name.length - tail.length;
}
