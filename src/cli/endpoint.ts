import type { EndpointFlag } from '../core/model/commands.ts';
import { type AddrId, asAddrId, type IfIndex, type Ip } from '../core/model/ids.ts';
import type { Result } from '../netlink/errors.ts';
import { ops } from '../netlink/families/mptcp-pm.ts';
import { writtenFamily } from '../netlink/types.ts';
import { CliError, missingArgument, refused, status, unknownCommand, wrongArgument } from './cli-error.ts';
import type { Context } from './context.ts';
import type { Json } from './json.ts';
import { usageText } from './usage.ts';
import { address, matches, pick, showIp, unsigned, Words } from './words.ts';

type Verb = 'add' | 'change' | 'delete' | 'show';

/** What the words of a command say of an endpoint. */
export interface Given {
  readonly ip: Ip | undefined;
  readonly id: AddrId | undefined;
  /** 0 where none is given. */
  readonly port: number;
  readonly flags: ReadonlySet<EndpointFlag>;
  /** What `nobackup` and `nofullmesh` take away. */
  readonly cleared: ReadonlySet<EndpointFlag>;
  readonly ifIndex: IfIndex | undefined;
}

/** An endpoint as the kernel tells of it. */
export interface Endpoint {
  readonly ip: Ip;
  readonly id: AddrId;
  readonly port?: number | undefined;
  readonly flags?: readonly EndpointFlag[] | undefined;
  readonly ifIndex?: IfIndex | undefined;
}

const flagWords: readonly string[] = ['signal', 'subflow', 'backup', 'fullmesh', 'implicit', 'laminar'];
const changeable: readonly EndpointFlag[] = ['backup', 'fullmesh'];

export function run([word = 'show', ...words]: readonly string[], context: Context): number {
  const verb = pick(word, ['add', 'change', 'delete', 'show', 'flush', 'list', 'lst', 'help']);
  if (verb === undefined) throw unknownCommand(word);
  if (verb === 'help') throw new CliError(status.usage, usageText);
  if (verb === 'add') add(parse(verb, words, context), context);
  else if (verb === 'change') change(parse(verb, words, context), context);
  else if (verb === 'delete') remove(parse(verb, words, context), context);
  else if (verb === 'flush') answer(context.pm.request(ops.flushAddrs, {}));
  else if (words.length === 0) list(context);
  else showOne(parse('show', words, context), context);
  return status.done;
}

function add(given: Given, context: Context): void {
  answer(context.pm.request(ops.addAddr, { addr: { ...attributes(given, given.flags), ...place(given.ip ?? '') } }));
}

function remove(given: Given, context: Context): void {
  const id = given.id ?? asAddrId(0);
  answer(context.pm.request(ops.delAddr, { addr: { ...attributes(given, given.flags), ...optionalPlace(given), id } }));
}

/**
 * The kernel replaces both flags that it can change. So that the one that is not spoken of stays, the endpoint is read
 * first; where that fails, the kernel is asked all the same, and says why not.
 */
function change(given: Given, context: Context): void {
  const present = find(given, context)?.flags ?? [];
  const flags = new Set(
    changeable.filter((flag) => given.flags.has(flag) || (present.includes(flag) && !given.cleared.has(flag))),
  );
  answer(context.pm.request(ops.setFlags, { addr: { ...attributes(given, flags), ...optionalPlace(given) } }));
}

/** The endpoint that the kernel would change: an address goes over an id. */
function find(given: Given, context: Context): Endpoint | undefined {
  const all = context.pm.dump(ops.listAddrs, {});
  const endpoints = all.ok ? all.value.map(({ addr }) => addr) : [];
  const { ip } = given;
  if (ip === undefined) return endpoints.find(({ id }) => id === given.id);
  return endpoints.find(({ ip: other, port = 0 }) => other === ip && (port === 0 || port === given.port));
}

function list(context: Context): void {
  const all = context.pm.dump(ops.listAddrs, {});
  if (!all.ok) throw new CliError(status.refused, `${refused(all.error).message}Dump terminated\n`);
  show(
    all.value.map(({ addr }) => addr),
    context,
  );
}

function showOne(given: Given, context: Context): void {
  const addr = { ...attributes(given, given.flags), ...optionalPlace(given), id: given.id ?? asAddrId(0) };
  const found = answer(context.pm.request(ops.getAddr, { addr }));
  show(found ? [found.addr] : [], context);
}

/** The answer, or the kernel's refusal as what ends the program. */
export function answer<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw refused(result.error);
}

/** An address as a request has it, in the form in which it was written. */
export const place = (ip: Ip) => ({ family: writtenFamily(ip), ip });

const optionalPlace = ({ ip }: Given) => (ip === undefined ? {} : place(ip));

const attributes = ({ id, ifIndex, port }: Given, flags: ReadonlySet<EndpointFlag>) => ({
  ...(id === undefined ? {} : { id }),
  ...(flags.size === 0 ? {} : { flags: [...flags] }),
  ...(ifIndex === undefined ? {} : { ifIndex }),
  ...(port === 0 ? {} : { port }),
});

/**
 * Reads the words of a command in any order, with iproute2's own checks and messages.
 * @throws CliError
 */
export function parse(verb: Verb, given: readonly string[], links: Pick<Context, 'linkIndex'>): Given {
  const words = new Words(given);
  const flags = new Set<EndpointFlag>();
  const cleared = new Set<EndpointFlag>();
  let ip: Ip | undefined;
  let id: AddrId | undefined;
  let port = 0;
  let ifIndex: IfIndex | undefined;

  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (flagWords.includes(word) || word === 'nobackup' || word === 'nofullmesh') {
      if (word.startsWith('no')) cleared.add(word.slice(2) as EndpointFlag);
      else flags.add(word as EndpointFlag);
      checkFlags(verb, flags, word);
    } else if (matches(word, 'id')) {
      const value = words.value();
      const number = unsigned(value, 0xff);
      if (number === undefined) throw wrongArgument('invalid ID\n', value);
      id = asAddrId(number);
    } else if (matches(word, 'dev')) {
      ifIndex = link(words.value(), links);
    } else if (matches(word, 'port')) {
      const value = words.value();
      const number = unsigned(value, 0xffff);
      if (number === undefined) throw wrongArgument('expected port', value);
      port = number;
    } else {
      ip = address(word);
    }
  }
  const result = { ip, id, port, flags, cleared, ifIndex };
  checkWhole(verb, result);
  return result;
}

function checkFlags(verb: Verb, flags: ReadonlySet<EndpointFlag>, word: string): void {
  if (verb === 'add' && flags.has('signal') && flags.has('fullmesh')) {
    throw wrongArgument("flags mustn't have both signal and fullmesh", word);
  }
  if (verb === 'change' && [...flags].some((flag) => !changeable.includes(flag))) {
    throw wrongArgument('invalid flags, backup and fullmesh only', word);
  }
}

function checkWhole(verb: Verb, { ip, id, port, flags }: Given): void {
  if (verb === 'add' && ip === undefined) throw missingArgument('ADDRESS');
  if (verb === 'delete') {
    if (id === undefined) throw missingArgument('ID');
    if (id !== 0 && ip !== undefined) throw wrongArgument('invalid for non-zero id address\n', 'ADDRESS');
    if (id === 0 && ip === undefined) throw wrongArgument('address is needed for deleting id 0 address\n', 'ID');
  } else if (id === 0) {
    throw wrongArgument('cannot be 0\n', 'ID');
  }
  if (verb === 'add' && port !== 0 && !flags.has('signal')) {
    throw wrongArgument('flags must have signal when using port', 'port');
  }
  if (verb === 'change' && id !== undefined && port !== 0) throw wrongArgument("port can't be used with id", 'port');
}

/** The index of the interface that a word names. @throws CliError */
export function link(name: string, links: Pick<Context, 'linkIndex'>): IfIndex {
  if (!isLinkName(name)) throw wrongArgument('invalid interface name\n', name);
  const index = links.linkIndex(name);
  if (index === undefined) throw wrongArgument('device does not exist\n', name);
  return index;
}

/** net/core/dev.c, dev_valid_name: fewer than IFNAMSIZ bytes, no slash, no blank. */
const isLinkName = (name: string): boolean =>
  /^[^/\s]+$/.test(name) && Buffer.byteLength(name) < 16 && name !== '.' && name !== '..';

function show(endpoints: readonly Endpoint[], context: Context): void {
  const names = { linkName: (index: IfIndex) => context.linkName(index) };
  context.show(
    endpoints,
    (endpoint) => toValue(endpoint, names),
    (endpoint) => toLine(endpoint, names),
  );
}

/** An endpoint as JSON has it. */
export function toValue(endpoint: Endpoint, links: Pick<Context, 'linkName'>): Record<string, Json> {
  const { ip, id, port = 0, flags = [], ifIndex } = endpoint;
  return {
    address: showIp(ip),
    ...(port === 0 ? {} : { port }),
    id,
    ...Object.fromEntries(flags.map((flag) => [flag, true])),
    ...(ifIndex === undefined || ifIndex === 0 ? {} : { dev: links.linkName(ifIndex) }),
  };
}

/** An endpoint as one line of text; a blank follows each word, the last one too. */
export function toLine(endpoint: Endpoint, links: Pick<Context, 'linkName'>): string {
  const { address: ip, ...rest } = toValue(endpoint, links);
  const words = Object.entries(rest).map(([key, value]) => (value === true ? `${key} ` : `${key} ${value} `));
  return `${ip} ${words.join('')}`;
}
