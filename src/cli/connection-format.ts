import { formatToken, type IfIndex, type Token } from '../core/model/ids.ts';
import type { Connection, Subflow } from '../netlink/diag.ts';
import type { Endpoint } from '../os/index.ts';
import type { Json } from './json.ts';
import { showIp } from './words.ts';

export type LinkName = (index: IfIndex) => string;

/** A subflow and the connection that it belongs to. */
export interface OwnedSubflow extends Subflow {
  readonly token: Token;
}

/** A connection as JSON has it, its subflows in it. What is not so, or not known, is not there. */
export function connectionValue(c: Connection, linkName: LinkName): Record<string, Json | undefined> {
  return {
    token: c.listening ? undefined : formatToken(c.token),
    side: c.side,
    state: c.state,
    ...ends(c),
    listening: c.listening || undefined,
    fallback: c.fallback || undefined,
    subflow_count: c.subflowCount,
    ...counters(c),
    last_data_sent_ms: c.lastDataSent,
    last_data_received_ms: c.lastDataReceived,
    last_ack_received_ms: c.lastAckReceived,
    mark: c.mark || undefined,
    uid: c.uid,
    inode: c.inode,
    subflows: c.subflows.map((s) => subflowValue(s, linkName)),
  };
}

export function subflowValue(s: Subflow, linkName: LinkName): Record<string, Json | undefined> {
  return {
    locid: s.locId,
    remid: s.remId,
    state: s.state,
    ...ends(s),
    ifindex: s.ifIndex,
    dev: s.ifIndex === undefined ? undefined : linkName(s.ifIndex),
    initial: s.initial || undefined,
    made_here: s.madeHere || undefined,
    fully_established: s.fullyEstablished || undefined,
    backup: s.backup || undefined,
    backup_remote: s.backupRemote || undefined,
    rtt_us: s.rtt,
    rttvar_us: s.rttVariance,
    cwnd: s.cwnd,
    ...counters(s),
  };
}

const ends = ({ local, remote }: Connection | Subflow) => ({
  ...{ local: showIp(local.ip), local_port: local.port },
  ...{ remote: showIp(remote.ip), remote_port: remote.port },
});
const counters = (c: Connection | Subflow) => ({
  ...{ bytes_sent: c.bytesSent, bytes_received: c.bytesReceived, bytes_acked: c.bytesAcked },
  ...{ bytes_retrans: c.bytesRetransmitted, retransmits: c.retransmits },
});

/** Connections as text: one a line, its subflows in lines of their own below it. */
export function connectionLines(connections: readonly Connection[], linkName: LinkName): readonly string[][] {
  const heads = aligned(connections.map(connectionCells));
  const flows = aligned(connections.flatMap((c) => c.subflows.map((s) => subflowCells(s, linkName))));
  let at = 0;
  return connections.map((c, i) => {
    const below = flows.slice(at, at + c.subflows.length);
    at += c.subflows.length;
    return [heads[i] ?? '', ...below.map((line) => `    ${line}`)];
  });
}

/** Subflows as text: one a line, its connection first. */
export const subflowLines = (subflows: readonly OwnedSubflow[], linkName: LinkName): readonly string[] =>
  aligned(subflows.map((s) => [formatToken(s.token), ...subflowCells(s, linkName)]));

const connectionCells = (c: Connection): string[] => [
  c.listening ? '-' : formatToken(c.token),
  c.side ?? '-',
  `${c.state}`,
  place(c.local),
  c.listening ? '*' : place(c.remote),
  `subflows ${c.subflowCount}`,
  ...counterCells(c),
  c.fallback ? 'fallback' : '',
];

const subflowCells = (s: Subflow, linkName: LinkName): string[] => [
  `id ${s.locId}/${s.remId}`,
  `${s.state}`,
  place(s.local, s.ifIndex === undefined ? '' : `%${linkName(s.ifIndex)}`),
  place(s.remote),
  s.madeHere ? 'out' : 'in',
  `rtt ${s.rtt === undefined ? '-' : `${(s.rtt / 1000).toFixed(3)}ms`}`,
  `cwnd ${shown(s.cwnd)}`,
  ...counterCells(s),
  [
    s.initial ? 'initial' : '',
    s.backup ? 'backup' : '',
    s.backupRemote ? 'backup-remote' : '',
    s.fullyEstablished ? '' : 'not-fully-established',
  ]
    .filter(Boolean)
    .join(' '),
];

const counterCells = (c: Connection | Subflow): string[] => [
  `sent ${shown(c.bytesSent)}`,
  `received ${shown(c.bytesReceived)}`,
  `acked ${shown(c.bytesAcked)}`,
  `retrans ${shown(c.bytesRetransmitted)}`,
  `retransmits ${shown(c.retransmits)}`,
];

const shown = (value: number | undefined): string => (value === undefined ? '-' : `${value}`);

/** As `ss` shows it: the interface stands with the address. */
function place({ ip, port }: Endpoint, dev = ''): string {
  return ip.includes(':') ? `[${showIp(ip)}]${dev}:${port}` : `${ip}${dev}:${port}`;
}

/** Rows of cells as lines in which every column is as wide as its widest cell. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, i) => Math.max(cell.length, all[i] ?? 0)), []);
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
