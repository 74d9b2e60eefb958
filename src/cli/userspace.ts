/** The userspace path manager by hand: what a plugin can do for a connection, as commands. */
import { type AddrId, asAddrId, asToken, type IfIndex, type Ip, type Token } from '../core/model/ids.ts';
import type { Result } from '../netlink/errors.ts';
import { ops } from '../netlink/families/mptcp-pm.ts';
import { CliError, missingArgument, status, unknownCommand, wrongArgument } from './cli-error.ts';
import type { Context } from './context.ts';
import { answer, link, place, toLine, toValue } from './endpoint.ts';
import { usageText } from './usage.ts';
import { address, matches, pick, unsigned, Words } from './words.ts';

type Links = Pick<Context, 'linkIndex'>;

/** One end of a subflow, or an address to announce, as far as the words tell. */
export interface Place {
  readonly ip?: Ip;
  readonly id?: AddrId;
  readonly port?: number;
  readonly ifIndex?: IfIndex;
}

/** What the words of a command say. */
export interface Given {
  readonly token: Token;
  /** What stands before `remote`, whether `local` stands before it or not. */
  readonly local: Place;
  readonly remote: Place;
  readonly backup: boolean | undefined;
}

export function announce(words: readonly string[], context: Context): number {
  const { token, local, backup } = parse(words, context);
  const { ip } = local;
  if (ip === undefined) throw missingArgument('ADDRESS');
  if (local.id === undefined) throw missingArgument('ID');
  const flags = backup ? (['signal', 'backup'] as const) : (['signal'] as const);
  const addr = { ...local, ...place(ip), id: local.id, flags };
  return done(context.pm.request(ops.announce, { token, addr }));
}

export function remove(words: readonly string[], context: Context): number {
  const { token, local } = parse(words, context);
  if (local.id === undefined) throw missingArgument('ID');
  return done(context.pm.request(ops.remove, { token, locId: local.id }));
}

export function subflow([word = '', ...words]: readonly string[], context: Context): number {
  const verb = pick(word, ['create', 'destroy', 'change', 'help']);
  if (verb === undefined) throw word === '' ? new CliError(status.usage, usageText) : unknownCommand(word);
  if (verb === 'help') throw new CliError(status.usage, usageText);
  const { token, local, remote, backup } = parse(words, context);
  const [here, there] = [end('local', local), end('remote', remote)];
  if (verb === 'create') {
    const addr = { ...here, ...(backup ? { flags: ['backup'] as const } : {}) };
    const port = needed(remote.port, 'remote port');
    return done(context.pm.request(ops.createSubflow, { token, addr, addrRemote: { ...there, port } }));
  }
  if (verb === 'destroy') {
    const addr = { ...here, port: needed(local.port, 'local port') };
    const addrRemote = { ...there, port: needed(remote.port, 'remote port') };
    return done(context.pm.request(ops.destroySubflow, { token, addr, addrRemote }));
  }
  if (backup === undefined) throw missingArgument('backup | nobackup');
  const addr = { ...here, flags: backup ? (['backup'] as const) : [] };
  return done(context.pm.request(ops.setFlags, { token, addr, addrRemote: there }));
}

/** What the kernel holds for a connection of the userspace path manager. */
export function addresses([word = '', ...words]: readonly string[], context: Context): number {
  const verb = pick(word, ['show', 'list', 'lst', 'help']);
  if (verb === 'help') throw new CliError(status.usage, usageText);
  const { token, local } = parse(verb === undefined ? [word, ...words] : words, context);
  const all = answer(context.pm.dump(ops.listAddrs, { token }));
  const wanted = all.map(({ addr }) => addr).filter(({ id }) => local.id === undefined || id === local.id);
  context.show(
    wanted,
    (each) => toValue(each, context),
    (each) => toLine(each, context),
  );
  return status.done;
}

/**
 * Reads `TOKEN [ local ] ADDRESS … [ remote ADDRESS … ] [ backup | nobackup ]`, where `id`, `port` and `dev` belong to the
 * end that was named last.
 * @throws CliError
 */
export function parse([first, ...given]: readonly string[], links: Links): Given {
  if (first === undefined || first === '') throw missingArgument('TOKEN');
  const token = unsigned(first, 0xffffffff);
  if (token === undefined) throw wrongArgument('no token: decimal, or hexadecimal after 0x', first);
  const words = new Words(given);
  const places: Record<'local' | 'remote', Place> = { local: {}, remote: {} };
  let side: 'local' | 'remote' = 'local';
  let backup: boolean | undefined;
  const set = (more: Place): void => {
    places[side] = { ...places[side], ...more };
  };
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (word === 'backup' || word === 'nobackup') backup = word === 'backup';
    else if (matches(word, 'local') || matches(word, 'remote')) {
      side = matches(word, 'local') ? 'local' : 'remote';
      set({ ip: address(words.value()) });
    } else if (matches(word, 'id')) set({ id: asAddrId(number(words.value(), 0xff, 'invalid ID\n')) });
    else if (matches(word, 'port')) set({ port: number(words.value(), 0xffff, 'expected port') });
    else if (matches(word, 'dev')) set({ ifIndex: link(words.value(), links) });
    else set({ ip: address(word) });
  }
  return { token: asToken(token), ...places, backup };
}

function number(word: string, most: number, why: string): number {
  const value = unsigned(word, most);
  if (value === undefined) throw wrongArgument(why, word);
  return value;
}

/** An end that must have an address. It goes to the kernel as it is written: IPv4-mapped is not IPv4 there. */
function end(name: string, given: Place) {
  const { ip } = given;
  if (ip === undefined) throw missingArgument(name);
  return { ...given, ...place(ip) };
}

function needed(port: number | undefined, name: string): number {
  if (port === undefined) throw missingArgument(name);
  return port;
}

function done(result: Result<unknown>): number {
  answer(result);
  return status.done;
}
