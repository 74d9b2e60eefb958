import { asToken } from '../core/model/ids.ts';
import type { FakeKernel } from './fake-kernel.ts';
import type { FakeConnectionSocket, FakeSocket } from './fake-sockets.ts';
import { count, type Link, other, type Place, type Side, type Wire } from './fake-wire.ts';

/** A subflow seen from one of its ends. */
interface WireAt {
  readonly link: Link;
  readonly wire: Wire;
  readonly end: 'a' | 'b';
}

/** The subflows that live at a host. */
export const wiresOf = (links: readonly Link[], kernel: FakeKernel): WireAt[] =>
  links.flatMap((link) => {
    const end = endOf(link, kernel);
    return end ? link.wires.filter(({ open }) => open[end]).map((wire) => ({ link, wire, end })) : [];
  });

/** What a host's TCP has: its subflows, and those that it tries to open. */
export function subflowSockets(links: readonly Link[], kernel: FakeKernel, now: number): FakeSocket[] {
  const live = wiresOf(links, kernel);
  for (const { link, wire } of live) count(link, wire, now);
  const tries = links.flatMap((link) => {
    const end = endOf(link, kernel);
    return [...link.tries].flatMap((wire) => (wire.madeBy === end ? [{ link, wire, end }] : []));
  });
  return [...live.map((each) => socket(each, 'established')), ...tries.map((each) => socket(each, 'syn-sent'))];
}

/** What a host's MPTCP has: its connections and its listeners, mptcpd's among them. */
export function connectionSockets(
  links: readonly Link[],
  kernel: FakeKernel,
  listening: readonly Place[],
): FakeConnectionSocket[] {
  const own = [...kernel.listeners].map((each) => {
    const [ip = '', port] = each.split(' ');
    return { ip, port: Number(port) };
  });
  const listeners = [...listening, ...own].map((local) => {
    const remote = { ip: local.ip.includes(':') ? '::' : '0.0.0.0', port: 0 };
    return { token: asToken(0), state: 'listen' as const, local, remote, inode: 1 };
  });
  const connections = links.flatMap((link) => {
    const end = endOf(link, kernel);
    if (!end) return [];
    const at = ({ initial, port }: Side): Place => ({ ip: initial, port });
    const { token } = link[end];
    return [{ token, state: 'established' as const, local: at(link[end]), remote: at(link[other(end)]), inode: token }];
  });
  return [...listeners, ...connections];
}

const endOf = ({ a, b }: Link, kernel: FakeKernel): 'a' | 'b' | undefined =>
  a.kernel === kernel ? 'a' : b.kernel === kernel ? 'b' : undefined;

function socket({ link, wire, end }: WireAt, state: FakeSocket['state']): FakeSocket {
  const { acked, unacked } = end === 'a' ? wire.flow : { acked: 0, unacked: 0 };
  return {
    token: link[end].token,
    local: wire[end],
    remote: wire[other(end)],
    state,
    initial: wire.initial,
    madeHere: wire.madeBy === end,
    fullyEstablished: state === 'established',
    backup: wire[end].backup,
    backupRemote: wire[other(end)].backup,
    bytesAcked: acked,
    unacked,
  };
}
