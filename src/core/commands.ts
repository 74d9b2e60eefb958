import { type ConnectionRecord, type ConnectionTable, idsOf } from './connection-table.ts';
import { inFormOf, samePlace } from './ip.ts';
import type { Command, Commands, HeldAddress, Outcome, Refusal, RefusalCode } from './model/commands.ts';
import { formatToken, type Token } from './model/ids.ts';

/** A command that may be sent, or the reason why not. */
export type Prepared =
  | {
      readonly ok: true;
      readonly command: Command;
      /** An address id was chosen for it: the kernel may know the address under another one. */
      readonly chosen?: boolean;
    }
  | { readonly ok: false; readonly error: Refusal };

const refuse = (code: RefusalCode, message: string): Prepared => ({ ok: false, error: { code, message } });

/** Completes a command (ids, the form of addresses), or refuses what the kernel or the peer would not bear. */
export function prepare(connections: ConnectionTable, command: Command): Prepared {
  if (!isTokenCommand(command)) return { ok: true, command };
  const { token } = command.args as { token: Token };
  const connection = connections.get(token);
  if (!connection) {
    return refuse('UNKNOWN_TOKEN', `${command.name}: no connection has the token ${formatToken(token)}`);
  }
  switch (command.name) {
    case 'createSubflow':
      return prepareCreate(connection, command);
    case 'announce':
      return prepareAnnounce(connection, command);
    default:
      return { ok: true, command };
  }
}

/**
 * The same command with the id under which the kernel knows its address, from the list that it holds for the connection,
 * or another one where that is an other address's; undefined where the list brings nothing new.
 */
export function withHeldId(
  connections: ConnectionTable,
  command: Command,
  held: readonly HeldAddress[],
): Command | undefined {
  const connection = connections.get((command.args as { token: Token }).token);
  if (!connection) return undefined;
  for (const { ip, id } of held) if (id !== 0) idsOf(connection).learn(ip, id);
  if (command.name === 'createSubflow') {
    const { local } = command.args;
    const id = idsOf(connection).take(local.ip);
    if (id === undefined || id === local.id) return undefined;
    return { name: 'createSubflow', args: { ...command.args, local: { ...local, id } } };
  }
  if (command.name === 'announce') {
    const { address } = command.args;
    const id = idsOf(connection).forSignal(address.ip);
    if (id === undefined || id === address.id) return undefined;
    return { name: 'announce', args: { ...command.args, address: { ...address, id } } };
  }
  return undefined;
}

/** Frees the id that was chosen for a command that was refused: nothing uses it. */
export function undo(connections: ConnectionTable, command: Command): void {
  const chosen =
    command.name === 'createSubflow'
      ? command.args.local
      : command.name === 'announce'
        ? command.args.address
        : undefined;
  const connection = chosen && connections.get((command.args as { token: Token }).token);
  if (!connection || chosen?.id === undefined) return;
  // The kernel may have told meanwhile that the id is another address's.
  if (idsOf(connection).get(chosen.ip) !== chosen.id) return;
  const used = connection.subflows.some(({ local }) => local.id === chosen.id);
  if (!used && !connection.announced.some(({ id }) => id === chosen.id)) idsOf(connection).release(chosen.id);
}

const tokenCommands = new Set<Command['name']>([
  'announce',
  'remove',
  'createSubflow',
  'destroySubflow',
  'setBackup',
  'listAddresses',
]);
const isTokenCommand = (command: Command): boolean => tokenCommands.has(command.name);

function prepareCreate(connection: ConnectionRecord, command: Command & { name: 'createSubflow' }): Prepared {
  const { args } = command;
  if (connection.state !== 'established') {
    return refuse('NOT_ESTABLISHED', `createSubflow: ${formatToken(connection.token)} is not established yet`);
  }
  const { remote } = connection;
  if (connection.denyJoinId0 && samePlace(args.remote, remote)) {
    return refuse('DENIED_BY_PEER', `createSubflow: the peer forbids subflows to its initial address ${remote.ip}`);
  }
  const id = args.local.id ?? idsOf(connection).take(args.local.ip);
  if (id === undefined) return refuse('NO_ADDRESS_ID', 'createSubflow: all address ids of the connection are in use');
  // The kernel refuses a pair of which one is IPv4-mapped and the other is not ("families mismatch").
  const local = { ...args.local, ip: inFormOf(args.local.ip, args.remote.ip), id };
  return {
    ok: true,
    command: { name: 'createSubflow', args: { ...args, local } },
    chosen: args.local.id === undefined,
  };
}

function prepareAnnounce(connection: ConnectionRecord, command: Command & { name: 'announce' }): Prepared {
  const { args } = command;
  const id = args.address.id ?? idsOf(connection).forSignal(args.address.ip);
  if (id === undefined) return refuse('NO_ADDRESS_ID', 'announce: all address ids of the connection are in use');
  const completed = { ...args, address: { ...args.address, id } };
  return {
    ok: true,
    command: { name: 'announce', args: withPort(connection, completed) },
    chosen: args.address.id === undefined,
  };
}

/**
 * Says where to listen. To a server's own port peers come without being told of it, and better so: with a port an IPv6
 * address does not fit beside timestamps (net/mptcp/options.c, mptcp_established_options_add_addr). A client's port is
 * another one for each subflow.
 */
function withPort({ local, serverSide }: ConnectionRecord, args: Commands['announce']['args']): typeof args {
  if (!args.listen || args.address.port !== undefined) return args;
  if (serverSide) return { ...args, listenPort: args.listenPort ?? local.port };
  return { ...args, address: { ...args.address, port: local.port } };
}

/** Notes what a command did, and makes its answer. */
export function complete(connections: ConnectionTable, command: Command, outcome: Outcome<unknown>): Outcome<unknown> {
  if (!outcome.ok) return outcome;
  switch (command.name) {
    case 'createSubflow': {
      const { token, local } = command.args;
      const connection = connections.get(token);
      const id = local.id;
      if (id === undefined) return outcome;
      if (connection) connections.trying(connection, id, command.args);
      return { ok: true, value: { id } };
    }
    case 'announce': {
      const { token, address, listen } = command.args;
      const { ip, id } = address;
      const connection = connections.get(token);
      if (id === undefined) return outcome;
      const port = (outcome.value as { port?: number } | undefined)?.port ?? address.port ?? 0;
      if (connection) {
        if (listen) connection.listens = true;
        idsOf(connection).learn(ip, id);
        if (!connection.announced.some((known) => known.id === id)) connection.announced.push({ ip, port, id });
      }
      return { ok: true, value: { id, port } };
    }
    case 'remove': {
      const { token, id } = command.args;
      const connection = connections.get(token);
      if (!connection) return outcome;
      const at = connection.announced.findIndex((known) => known.id === id);
      if (at >= 0) connection.announced.splice(at, 1);
      // The id stays with its address: the peer may still have subflows to it under that id.
      return outcome;
    }
    default:
      return outcome;
  }
}
