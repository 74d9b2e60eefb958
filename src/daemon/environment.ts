import { readFileSync } from 'node:fs';
import type { Logger } from '../log/index.ts';
import type { OpenSocket } from '../netlink/socket.ts';
import { inNetworkNamespace, NetlinkSocket } from '../os/index.ts';
import { type Clock, systemClock } from './clock.ts';

/** The world outside: the kernel's in earnest, another one in tests. */
export interface Environment {
  readonly openSocket: OpenSocket;
  /** A setting of net.mptcp, such as `enabled`; undefined where the kernel has no such one. */
  sysctl(name: string): string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The running kernel.
 * @param netns the name of a network namespace in /run/netns, or the path of one; none for the own one
 */
export function systemEnvironment(log: Logger, netns?: string): Environment {
  const path = netns?.includes('/') ? netns : `/run/netns/${netns}`;
  const inside = <T>(task: () => T): T => (netns === undefined ? task() : inNetworkNamespace(path, task));
  return {
    openSocket: (protocol) => inside(() => new NetlinkSocket(protocol)),
    sysctl: (name) => inside(() => readSysctl(name)),
    clock: systemClock,
    log,
  };
}

function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/net/mptcp/${name}`, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
