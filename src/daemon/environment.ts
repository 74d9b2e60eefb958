import { readFileSync } from 'node:fs';
import type { Logger } from '../log/index.ts';
import { PROTOCOL } from '../netlink/families/nlctrl.ts';
import type { OpenSocket } from '../netlink/socket.ts';
import {
  inNetworkNamespace,
  MptcpListener,
  NetlinkSocket,
  namespacePath,
  SystemError,
  UnixDatagram,
} from '../os/index.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Listen, Listening } from './listeners.ts';

/** The world outside: the kernel's in earnest, another one in tests. */
export interface Environment {
  readonly openSocket: OpenSocket;
  /** Opens a listener for joins. */
  readonly listen: Listen;
  /**
   * Marks the network namespace as managed, until the end of the process or until the answer is called.
   * @returns undefined where another mptcpd manages it
   */
  claim(): (() => void) | undefined;
  /** Whether some process listens to a multicast group of generic netlink in the namespace. */
  subscribed(group: number): boolean;
  /** A setting of net.mptcp, such as `enabled`; undefined where the kernel has no such one. */
  sysctl(name: string): string | undefined;
  /** A counter of MPTCP's of the namespace, such as `AddAddrTxDrop`; undefined where the kernel has no such one. */
  counter(name: string): number | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The running kernel.
 * @param netns the name of a network namespace in /run/netns, or the path of one; none for the own one
 */
export function systemEnvironment(log: Logger, netns?: string): Environment {
  const inside = <T>(task: () => T): T =>
    netns === undefined ? task() : inNetworkNamespace(namespacePath(netns), task);
  return {
    openSocket: (protocol) => inside(() => new NetlinkSocket(protocol)),
    listen: (ip, port) => inside(() => openListener(ip, port)),
    claim: () => inside(claimNamespace),
    subscribed: (group) => inside(() => isSubscribed(group)),
    sysctl: (name) => inside(() => readSysctl(name)),
    counter: (name) => inside(() => readCounter(name)),
    clock: systemClock,
    log,
  };
}

/** Somebody connects to what is for joins alone: joins are not accepted, they come with their connection. */
function openListener(ip: string, port: number): Listening | undefined {
  try {
    const listener = new MptcpListener({ ip, port });
    listener.watch(() => {
      for (let stranger = listener.accept(); stranger; stranger = listener.accept()) stranger.abort();
    });
    return { port: listener.local.port, close: () => listener.close() };
  } catch (error) {
    if (error instanceof SystemError && error.code === 'EADDRINUSE') return undefined;
    throw error;
  }
}

/**
 * Anybody may take the name; that its holder is an mptcpd, a subscription to the events shows, which takes CAP_NET_ADMIN.
 * An abstract unix socket belongs to its network namespace, and goes with its process whatever becomes of it.
 */
function claimNamespace(): (() => void) | undefined {
  try {
    const socket = new UnixDatagram('@mptcpd');
    return () => socket.close();
  } catch (error) {
    if (error instanceof SystemError && error.code === 'EADDRINUSE') return undefined;
    throw error;
  }
}

/** /proc/net/netlink shows the first 32 groups of each socket; of others nothing is known, and the answer is yes. */
function isSubscribed(group: number): boolean {
  if (group > 32) return true;
  const sockets = readFileSync('/proc/thread-self/net/netlink', 'utf8').trim().split('\n').slice(1);
  return sockets.some((socket) => {
    const [, protocol, , groups = '0'] = socket.trim().split(/\s+/);
    return Number(protocol) === PROTOCOL && ((Number.parseInt(groups, 16) >>> (group - 1)) & 1) === 1;
  });
}

function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/net/mptcp/${name}`, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** /proc/net/netstat has two lines for each group: the names, and the numbers in the same order. */
function readCounter(name: string): number | undefined {
  const lines = readFileSync('/proc/thread-self/net/netstat', 'utf8').split('\n');
  const [names = [], numbers = []] = lines
    .filter((line) => line.startsWith('MPTcpExt:'))
    .map((line) => line.split(' '));
  const at = names.indexOf(name);
  return at < 0 ? undefined : Number(numbers[at]);
}
