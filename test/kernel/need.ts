import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { inNetworkNamespace } from '../../src/os/index.ts';

/** What a test may need of the machine: each says what is missing, or undefined where nothing is. */
const needs = {
  MPTCP: () =>
    readFileSync('/proc/sys/net/mptcp/enabled', 'utf8').trim() === '1' ? undefined : 'net.mptcp.enabled is 0',
  'IPv6 on the loopback': () =>
    /^0{31}1 .* lo$/m.test(readFileSync('/proc/net/if_inet6', 'utf8')) ? undefined : 'the loopback has no ::1',
  'namespaces to enter': () => {
    execFileSync('unshare', ['-Urn', 'ip', 'link'], { stdio: 'ignore' });
    return inNetworkNamespace('/proc/thread-self/ns/net', () => undefined);
  },
  'CAP_NET_ADMIN of the machine': () => {
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/thread-self/status', 'utf8'))?.[1] ?? '0';
    if (((BigInt(`0x${effective}`) >> 12n) & 1n) === 0n) return 'this process does not have it';
    const wholeMachine = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
    return wholeMachine ? undefined : 'this process has it in a user namespace only';
  },
  'a checkout that every user may read': () => {
    const files = [process.execPath, new URL('../../bin/mptcpd', import.meta.url).pathname];
    const argv = ['--reuid=65534', '--regid=65534', '--clear-groups', 'cat', ...files];
    execFileSync('setpriv', argv, { stdio: 'ignore', maxBuffer: 1 << 28 });
    return undefined;
  },
} satisfies Record<string, () => string | undefined>;

function missing(need: keyof typeof needs): string | undefined {
  try {
    return needs[need]();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * `test` where the machine has what is needed. Elsewhere the tests are skipped, and the reason is said on stderr; or,
 * with MPTCPD_NEED_KERNEL=1 in the environment, it is an error: a machine that ought to run them all.
 */
export function kernelTest(...all: (keyof typeof needs)[]): typeof test | typeof test.skip {
  const reasons = all.flatMap((need) => {
    const reason = missing(need);
    return reason === undefined ? [] : [`${need} (${reason})`];
  });
  if (reasons.length === 0) return test;
  const reason = `kernel tests need ${reasons.join(' and ')}`;
  if (process.env['MPTCPD_NEED_KERNEL'] === '1') throw new Error(reason);
  process.stderr.write(`SKIPPED: ${reason}\n`);
  return test.skip;
}

/** A network namespace without a name, for a test. */
export interface Namespace {
  /** Its file, for inNetworkNamespace. */
  readonly path: string;
  /** Runs a program inside, and gives what it prints. */
  run(argv: readonly string[], input?: string): string;
  close(): Promise<void>;
}

/** Opens a namespace with the loopback up. It lives as long as the `cat` that holds it, which ends with this process. */
export async function openNamespace(): Promise<Namespace> {
  const holder = spawn('unshare', ['-Urn', 'sh', '-c', 'ip link set lo up && echo ready && exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = once(holder, 'exit');
  const ready = await Promise.race([once(holder.stdout, 'data'), gone]);
  if (String(ready[0]) !== 'ready\n') throw new Error(`a network namespace could not be made: ${ready.join(' ')}`);
  return {
    path: `/proc/${holder.pid}/ns/net`,
    run: (argv, input = '') =>
      execFileSync('nsenter', ['-t', `${holder.pid}`, '-U', '-n', '--preserve-credentials', ...argv], {
        encoding: 'utf8',
        input,
      }),
    close: async () => {
      holder.stdin.end();
      await gone;
    },
  };
}
