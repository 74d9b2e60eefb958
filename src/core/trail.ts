import type { Effect } from './core-types.ts';
import type { Connection, End, Subflow } from './model/connection.ts';
import { formatToken, type Ip } from './model/ids.ts';

/** What errors of subflows mean in words. */
const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused by the peer',
  ETIMEDOUT: 'timed out',
  ECONNRESET: 'reset by the peer',
  ECONNABORTED: 'aborted by this host',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  EADDRNOTAVAIL: 'the local address is gone',
};

type Closed = Pick<Subflow, 'error' | 'resetReason' | 'resetTransient'>;

/** Why a subflow closed, in words: `reset by the peer: prohibited, transient`. */
export function whyClosed({ error, resetReason, resetTransient }: Closed): string {
  const why = error === undefined ? 'closed in order' : (words[error] ?? error);
  if (resetReason === undefined || resetReason === 'unspecified') return why;
  const reason = typeof resetReason === 'number' ? `reason ${resetReason}` : resetReason;
  return `${why}: ${reason}${resetTransient ? ', transient' : ''}`;
}

/** An end as people write it: `10.0.1.1:443`, `[fd00::1]:443`. */
export function showEnd({ ip, port }: { readonly ip: Ip; readonly port: number }): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** Both ends for a log line. */
export const showEnds = ({ local, remote }: { readonly local: End; readonly remote: End }): Record<string, string> => ({
  local: showEnd(local),
  remote: showEnd(remote),
});

/** Which side of a connection this host is, and its ends. */
export const showSides = (connection: Connection): Readonly<Record<string, unknown>> => ({
  side: connection.serverSide ? 'server' : 'client',
  ...showEnds(connection),
});

/** Puts a line about a connection before other effects. */
export const traced = (
  { token }: Connection,
  message: string,
  fields: Readonly<Record<string, unknown>>,
  effects: readonly Effect[],
): readonly Effect[] => [
  { type: 'log', level: 'debug', message, fields: { token: formatToken(token), ...fields } },
  ...effects,
];

/** The name of a hook as people would say it: `local address added`. */
export const inWords = (hook: string): string => hook.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
