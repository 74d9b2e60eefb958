import { readFileSync } from 'node:fs';
import type { Context } from './context.ts';

/** Counters by their names (net/mptcp/mib.c); those that the kernel does not have are not there. */
export type Counters = Readonly<Record<string, number>>;

/** The kernel's counters of Multipath TCP in the namespace. */
export function readCounters(context: Pick<Context, 'inside'>): Counters {
  const lines = readProc('net/netstat', context)?.split('\n') ?? [];
  const [names = [], values = []] = lines.filter((line) => line.startsWith('MPTcpExt:')).map((line) => line.split(' '));
  return Object.fromEntries(names.slice(1).map((name, i) => [name, Number(values[i + 1])]));
}

/** How much a counter has risen; undefined where there is none. */
export function rise(name: string, before: Counters, after: Counters): number | undefined {
  const [from, to] = [before[name], after[name]];
  return from === undefined || to === undefined ? undefined : to - from;
}

/** A number of /proc/sys in the namespace: `net/ipv4/tcp_timestamps`. */
export function readSysctl(name: string, context: Pick<Context, 'inside'>): number | undefined {
  const text = readProc(`sys/${name}`, context);
  return text === undefined ? undefined : Number(text);
}

/**
 * A file of /proc as it is in the namespace: what is below sys/net is that of the thread that reads, and net that of
 * the process's first thread unless thread-self is asked. Undefined where there is none, as in a container without
 * /proc: what is read here serves only to warn.
 */
export function readProc(name: string, context: Pick<Context, 'inside'>): string | undefined {
  const path = name.startsWith('net/') ? `/proc/thread-self/${name}` : `/proc/${name}`;
  try {
    return context.inside(() => readFileSync(path, 'utf8'));
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
