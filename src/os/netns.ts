import { CLONE_NEWNET } from './constants.ts';
import * as libc from './libc.ts';
import { check } from './system-error.ts';

const O_RDONLY_CLOEXEC = 0o2000000;

function openNamespace(path: string): number {
  return check(libc.open(path, O_RDONLY_CLOEXEC), 'open', path);
}

/** The file of a namespace that is given by a path, or by a name as ip-netns(8) has it. */
export const namespacePath = (netns: string): string => (netns.includes('/') ? netns : `/run/netns/${netns}`);

/**
 * Runs `task` with the calling thread inside another network namespace; sockets that it opens stay there.
 * `task` must be synchronous: between two turns of the event loop the thread is where it always was.
 *
 * @param path the namespace's file, such as `/run/netns/blue` or `/proc/4711/ns/net`
 * @throws SystemError where the namespace is not there (ENOENT), is no network namespace (EINVAL) or is not to be
 *   entered (EPERM: CAP_SYS_ADMIN is needed in both user namespaces)
 */
export function inNetworkNamespace<T>(path: string, task: () => T): T {
  const home = openNamespace('/proc/thread-self/ns/net');
  try {
    const target = openNamespace(path);
    try {
      check(libc.setns(target, CLONE_NEWNET), 'setns', path);
    } finally {
      libc.close(target);
    }
    try {
      return task();
    } finally {
      // A thread that cannot go home would act on the wrong network from here on.
      const back = libc.setns(home, CLONE_NEWNET);
      if (back < 0) {
        process.stderr.write('mptcpd: cannot return to the network namespace; giving up\n');
        process.abort();
      }
    }
  } finally {
    libc.close(home);
  }
}
