import type { Command, CommandName, EndpointFlag } from './model/commands.ts';
import { wordsOf } from './words-of.ts';

/** Takes one value apart: its copy. @throws TypeError that says what it must be, after the name of the member */
type Read = (value: unknown) => unknown;
interface Members {
  readonly [name: string]: Read | Members;
}

/** Longer than any IP address in text (INET6_ADDRSTRLEN). */
const MOST_LETTERS = 45;
const flagWords: readonly EndpointFlag[] = ['signal', 'subflow', 'backup', 'fullmesh', 'implicit', 'laminar'];

const must = (condition: boolean, words: string): void => {
  if (!condition) throw new TypeError(`must be ${words}`);
};
const whole =
  (low: number, high: number, words: string): Read =>
  (value) => {
    must(Number.isInteger(value) && (value as number) >= low && (value as number) <= high, words);
    return value;
  };
const token = whole(0, 0xffffffff, "a connection's token");
const id = whole(0, 255, 'an address id, 0 … 255');
const port = whole(0, 0xffff, 'a port, 0 … 65535');
const ifIndex = whole(1, 0x7fffffff, 'the index of an interface');
const count = whole(0, 0xffffffff, 'a whole number');
const ip: Read = (value) => {
  must(isIpText(value), 'an IP address in text');
  return value;
};
const bool: Read = (value) => {
  must(typeof value === 'boolean', 'true or false');
  return value;
};
const listen: Read = (value) => {
  must(typeof value === 'boolean' || isIpText(value), 'true, false or an IP address in text');
  return value;
};
const flags: Read = (value) => {
  const words = `a list of flags (${flagWords.join(', ')})`;
  must(Array.isArray(value), words);
  const given = (value as readonly unknown[]).slice(0, flagWords.length + 1);
  must(given.length <= flagWords.length && given.every((each) => flagWords.includes(each as EndpointFlag)), words);
  return given;
};
/** A member that may be absent. */
const may =
  (read: Read): Read =>
  (value) =>
    value === undefined ? undefined : read(value);

const end = { ip, port, id: may(id) };
/** Every member of every command: what is not here is not passed on. */
const commands: Readonly<Record<CommandName, Members | undefined>> = {
  announce: {
    token,
    address: { ip, port: may(port), id: may(id) },
    ifIndex: may(ifIndex),
    backup: may(bool),
    listen: may(listen),
    listenPort: may(port),
  },
  remove: { token, id },
  createSubflow: {
    token,
    local: { ip, port: may(port), id: may(id) },
    remote: end,
    ifIndex: may(ifIndex),
    backup: may(bool),
  },
  destroySubflow: { token, local: end, remote: end },
  setBackup: { token, local: end, remote: end, backup: bool },
  listAddresses: { token },
  addEndpoint: { ip, port: may(port), id: may(id), flags: may(flags), ifIndex: may(ifIndex) },
  removeEndpoint: { id, ip: may(ip) },
  getEndpoint: { id },
  listEndpoints: undefined,
  flushEndpoints: undefined,
  setEndpointFlags: { id, flags },
  getLimits: undefined,
  setLimits: { subflows: may(count), addAddrAccepted: may(count) },
};

/** Whether a value may be an IP address in text, as far as that can be told at a glance. */
export const isIpText = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 1 && value.length <= MOST_LETTERS;

/**
 * A plugin's command with a copy of its arguments: plugins need not be typed, and members may be getters, each of which is
 * asked once. Or what is wrong, at the first mistake.
 */
export function readArguments({ name, args }: Command): Command | string {
  const members = commands[name];
  if (!members) return { name, args: undefined } as Command;
  try {
    return { name, args: copy(args, members, '') } as Command;
  } catch (error) {
    return wordsOf(error);
  }
}

function copy(value: unknown, members: Members, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    throw new TypeError(`${path || 'the argument'} must be an object with ${Object.keys(members).join(', ')}`);
  }
  const copied: Record<string, unknown> = {};
  for (const [key, read] of Object.entries(members)) {
    const name = path ? `${path}.${key}` : key;
    const member: unknown = Reflect.get(value, key);
    const result = typeof read === 'function' ? readMember(member, read, name) : copy(member, read, name);
    if (result !== undefined) copied[key] = result;
  }
  return copied;
}

function readMember(value: unknown, read: Read, name: string): unknown {
  try {
    return read(value);
  } catch (error) {
    throw new TypeError(`${name} ${wordsOf(error)}`);
  }
}
