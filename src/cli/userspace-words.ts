import type { EndpointFlag } from '../core/model/commands.ts';
import { type AddrId, asAddrId, asToken, type IfIndex, type Ip, type Token } from '../core/model/ids.ts';
import { missingArgument, wrongArgument } from './cli-error.ts';
import type { Context } from './context.ts';
import { link } from './endpoint.ts';
import { address, matches, unsigned, Words } from './words.ts';

/** One end of a subflow, or an address to announce, as far as the words tell. */
export interface Place {
  readonly ip?: Ip;
  readonly id?: AddrId;
  readonly port?: number;
  readonly ifIndex?: IfIndex;
}

/** What the words of a command for one connection say. */
export interface Given {
  readonly token: Token;
  /** What stands before `remote`, whether `local` stands before it or not. */
  readonly local: Place;
  readonly remote: Place;
  /** What the local address is for, `backup` among it. */
  readonly flags: ReadonlySet<EndpointFlag>;
  /** Whether `backup` or `nobackup` was said. */
  readonly backup: boolean | undefined;
  /** For how many seconds to wait; undefined where `wait` is not said. */
  readonly wait: number | undefined;
}

/** Written in full, as for endpoints. */
const flagWords: readonly EndpointFlag[] = ['signal', 'subflow', 'backup', 'fullmesh', 'implicit', 'laminar'];

/**
 * Time for the SYN and at least four more (net.ipv4.tcp_syn_retries allows six, over more than a minute): who has not
 * answered by then will hardly do so.
 */
const DEFAULT_WAIT = 30;
const LONGEST_WAIT = 86_400;

/**
 * Reads `TOKEN [ local ] ADDRESS … [ remote ADDRESS … ] [ FLAG ]… [ wait [ SECONDS ] ]`, where `id`, `port` and `dev`
 * belong to the end that was named last.
 * @throws CliError
 */
export function parse([first, ...given]: readonly string[], links: Pick<Context, 'linkIndex'>): Given {
  if (first === undefined || first === '') throw missingArgument('TOKEN');
  const token = unsigned(first, 0xffffffff);
  if (token === undefined) throw wrongArgument('no token: decimal, or hexadecimal after 0x', first);
  const words = new Words(given);
  const places: Record<'local' | 'remote', Place> = { local: {}, remote: {} };
  const flags = new Set<EndpointFlag>();
  let side: 'local' | 'remote' = 'local';
  let backup: boolean | undefined;
  let wait: number | undefined;
  const set = (more: Place): void => {
    places[side] = { ...places[side], ...more };
  };
  for (let word = words.next(); word !== undefined; word = words.next()) {
    const flag = flagWords.find((known) => known === word);
    if (flag !== undefined) flags.add(flag);
    if (word === 'backup' || word === 'nobackup') backup = word === 'backup';
    else if (flag !== undefined) continue;
    else if (matches(word, 'local') || matches(word, 'remote')) {
      side = matches(word, 'local') ? 'local' : 'remote';
      set({ ip: address(words.value()) });
    } else if (matches(word, 'id')) set({ id: asAddrId(number(words.value(), 0xff, 'invalid ID\n')) });
    else if (matches(word, 'port')) set({ port: number(words.value(), 0xffff, 'expected port') });
    else if (matches(word, 'dev')) set({ ifIndex: link(words.value(), links) });
    else if (matches(word, 'wait')) wait = /^[\d.]/.test(words.peek() ?? '') ? seconds(words.value()) : DEFAULT_WAIT;
    else if (word.startsWith('--wait=')) wait = seconds(word.slice('--wait='.length));
    else if (word === '--wait') wait = DEFAULT_WAIT;
    else set({ ip: address(word) });
  }
  if (backup === false) flags.delete('backup');
  return { token: asToken(token), ...places, flags, backup, wait };
}

/** Puts `--wait` and `--wait=SECONDS`, which may stand anywhere, behind the other words. */
export function waitLast(words: readonly string[]): readonly string[] {
  const isWait = (word: string): boolean => word === '--wait' || word.startsWith('--wait=');
  return [...words.filter((word) => !isWait(word)), ...words.filter(isWait)];
}

function number(word: string, most: number, why: string): number {
  const value = unsigned(word, most);
  if (value === undefined) throw wrongArgument(why, word);
  return value;
}

function seconds(word: string): number {
  const value = /^\d+(\.\d+)?$/.test(word) ? Number(word) : 0;
  if (value <= 0 || value > LONGEST_WAIT) throw wrongArgument(`expected seconds, up to ${LONGEST_WAIT}`, word);
  return value;
}
