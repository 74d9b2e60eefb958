/** What the kernel says, asked with other people's programs. */
import { readFileSync } from 'node:fs';
import type { LabHost, LogLine } from './host.ts';

/** A subflow, those that are being tried included. */
export interface KernelSubflow {
  /** Of its connection, as mptcpd writes it. */
  readonly token: string;
  readonly state: string;
  /** `10.0.1.1 > 10.0.1.2`: its addresses. */
  readonly pair: string;
}

export interface KernelState {
  /** Those of live connections, as mptcpd writes them. */
  readonly tokens: readonly string[];
  readonly subflows: readonly KernelSubflow[];
}

export async function kernelState(host: LabHost): Promise<KernelState> {
  const [connections, sockets] = await Promise.all([
    host.run('ss', '-HMnie', 'state', 'established'),
    host.run('ss', '-Htnie', 'state', 'established', 'state', 'syn-sent'),
  ]);
  // A connection that has become plain TCP has no token.
  const tokens = [...connections.matchAll(/\btoken:([0-9a-f]+)/g)].map(([, token]) => asToken(token));
  const subflows = records(sockets).flatMap((record) => {
    const [, token] = /\btcp-ulp-mptcp\b.*\btoken:[0-9a-f]+\(id:\d+\)\/([0-9a-f]+)\(/s.exec(record) ?? [];
    const [state = '', , , local = '', remote = ''] = record.trim().split(/\s+/);
    return token === undefined ? [] : [{ token: asToken(token), state, pair: `${ipOf(local)} > ${ipOf(remote)}` }];
  });
  return { tokens: tokens.sort(), subflows };
}

/** The connections of which a report of mptcpd's tells other subflows than the kernel has, and what both say of them. */
export function differ(kernel: KernelState, report: readonly LogLine[]): string[] {
  const known = new Map<string, string[]>();
  for (const { token, msg } of report) {
    if (/^(client|server)'s connection/.test(`${msg}`)) known.set(`${token}`, []);
    else known.get(`${token}`)?.push(`${msg}`);
  }
  const differences: string[] = [];
  for (const token of new Set([...known.keys(), ...kernel.tokens])) {
    const lines = known.get(token);
    const told = lines?.filter((line) => line.includes(' > ') && !/: (waiting|not possible|about to)/.test(line));
    const there = kernel.subflows.filter((each) => each.token === token).map(({ state, pair }) => `${state} ${pair}`);
    // Of a plugin with hooks a report tells no subflows.
    if (told?.length === there.length || lines?.some((line) => line.startsWith('nothing: '))) continue;
    differences.push(`${token}: ss ${there.join(', ') || 'nothing'}; mptcpd ${told?.join(', ') ?? 'nothing'}`);
  }
  return differences;
}

/** Counters of MPTCP's, by their names in nstat without the prefix. */
export async function counters(host: LabHost): Promise<Readonly<Record<string, number>>> {
  const lines = (await host.run('nstat', '-asz', 'MPTcpExt*')).split('\n').slice(1);
  return Object.fromEntries(
    lines.filter(Boolean).map((line) => {
      const [name = '', value] = line.split(/\s+/);
      return [name.replace('MPTcpExt', ''), Number(value)] as const;
    }),
  );
}

/** The memory that a process holds, in megabytes. */
export function residentMegabytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1000;
}

/** A socket has one line, or more of which all but the first begin with a tab. */
const records = (text: string): string[] => text.split(/\n(?!\t)/).filter(Boolean);

const asToken = (hex = ''): string => `0x${hex.padStart(8, '0')}`;

/** The address without its port and the interface that it is bound to, and IPv4 as IPv4. */
const ipOf = (end: string): string =>
  end
    .replace(/:\d+$/, '')
    .replace(/%[^\]]+/, '')
    .replace(/^\[(?:::ffff:)?(?=[\d.]+\]$)|^\[|\]$/g, '')
    .replace(/\]$/, '');
