import { unmapped } from '../core/ip.ts';
import { asToken, type Token } from '../core/model/ids.ts';
import { Client } from '../netlink/client.ts';
import { type Connection, findByToken, readConnections } from '../netlink/diag.ts';
import { PROTOCOL } from '../netlink/families/sock-diag.ts';
import type { Endpoint } from '../os/index.ts';
import { CliError, refused, status, unknownCommand, wrongArgument } from './cli-error.ts';
import type { Context } from './context.ts';
import { usageText } from './usage.ts';
import { address, pick, unsigned, Words } from './words.ts';

/** Which connections or subflows are wanted. What is undefined wants all. */
export interface ConnectionFilter {
  readonly token?: Token;
  readonly local?: string;
  readonly remote?: string;
  /** Of either end. */
  readonly port?: number;
}

/** Reads `[ show ] [ token TOKEN ] [ local ADDRESS ] [ remote ADDRESS ] [ port NR ]`, in any order. @throws CliError */
export function readFilter(given: readonly string[]): ConnectionFilter {
  const [first = 'show', ...rest] = given;
  const words = new Words(pick(first, ['show']) ? rest : given);
  let filter: ConnectionFilter = {};
  for (let word = words.next(); word !== undefined; word = words.next()) {
    const keyword = pick(word, ['token', 'local', 'remote', 'port', 'help']);
    if (keyword === undefined) throw unknownCommand(word);
    if (keyword === 'help') throw new CliError(status.usage, usageText);
    const value = words.value();
    if (keyword === 'local' || keyword === 'remote') {
      filter = { ...filter, [keyword]: unmapped(address(value)) };
    } else if (keyword === 'port') {
      const port = unsigned(value, 0xffff);
      if (port === undefined) throw wrongArgument('expected port', value);
      filter = { ...filter, port };
    } else {
      const token = unsigned(value, 0xffffffff);
      if (token === undefined) throw wrongArgument('no token: decimal, or hexadecimal after 0x', value);
      filter = { ...filter, token: asToken(token) };
    }
  }
  return filter;
}

/** The connections of the token that is asked for, or all. @throws CliError */
export function findConnections({ token }: ConnectionFilter, context: Context): readonly Connection[] {
  const client = new Client(context.openSocket(PROTOCOL));
  try {
    if (token === undefined) {
      const all = readConnections(client);
      if (all.ok) return all.value;
      // Nobody handles the protocol (net/ipv4/inet_diag.c, inet_diag_lock_handler): CONFIG_INET_MPTCP_DIAG or its module.
      if (all.error.errno !== 'ENOENT') throw refused(all.error);
      throw new CliError(status.failed, 'Error: this kernel cannot list MPTCP sockets: mptcp_diag is missing.\n');
    }
    const one = findByToken(client, token);
    if (one.ok) return [one.value];
    if (one.error.errno !== 'ENOENT') throw refused(one.error);
    throw new CliError(status.refused, 'Error: no connection has this token.\n');
  } finally {
    client.close();
  }
}

interface Ends {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** Whether the ends of a connection or of a subflow are wanted; an IPv4-mapped address is its IPv4 address too. */
export const isWanted = ({ local, remote, port }: ConnectionFilter, ends: Ends): boolean =>
  (local === undefined || local === unmapped(ends.local.ip)) &&
  (remote === undefined || remote === unmapped(ends.remote.ip)) &&
  (port === undefined || port === ends.local.port || port === ends.remote.port);
