import { isIpText } from '../arguments.ts';
import type { EndpointFlag } from '../model/commands.ts';
import type { IfIndex } from '../model/ids.ts';
import type { EndpointsPlan, Plan, WantedAnnouncement, WantedEndpoint, WantedSubflow } from '../model/plan.ts';
import { wordsOf } from '../words-of.ts';

/** As many of each list count: no connection has more subflows, and no address more ids. */
export const MOST_WANTED = 256;
/** As many alternatives of one subflow count. */
const MOST_REMOTES = 64;
const flagWords: readonly string[] = ['signal', 'subflow', 'backup', 'fullmesh', 'implicit', 'laminar'];

/** A plan as it was read: a copy of it, or what is wrong with it, at its first mistake. */
export type ReadPlan<P> =
  | { readonly plan: P; readonly cut: boolean; readonly fault?: undefined }
  | { readonly plan?: undefined; readonly fault: string };

/** What a plugin has answered. Plugins need not be typed: members may be anything, and getters, each of which is asked once. */
export function readPlan(plan: unknown): ReadPlan<Plan> {
  return reading(() => {
    if (typeof plan !== 'object' || plan === null) throw new Fault('it must be an object with subflows and announce');
    const { subflows = [], announce = [] } = plan as { subflows?: unknown; announce?: unknown };
    const wanted = list(subflows, 'subflows', 'an array');
    const told = list(announce, 'announce', 'an array');
    return {
      plan: {
        subflows: wanted.items.map((each, i) => readSubflow(each, `subflows[${i}]`)),
        announce: told.items.map((each, i) => readAnnouncement(each, `announce[${i}]`)),
      },
      cut: wanted.cut || told.cut,
    };
  });
}

/** The same for the kernel's path manager. */
export function readEndpointsPlan(plan: unknown): ReadPlan<EndpointsPlan> {
  return reading(() => {
    const given = (plan ?? {}) as { endpoints?: unknown; limits?: unknown; keepAtExit?: unknown };
    const { items, cut } = list(given.endpoints, 'it', 'an object with endpoints, an array');
    const endpoints = items.map((each, i) => readEndpoint(each, `endpoints[${i}]`));
    const limits = readLimits(given.limits);
    const keepAtExit = readBool(given.keepAtExit, 'keepAtExit');
    return {
      plan: { endpoints, ...(limits ? { limits } : {}), ...(keepAtExit === undefined ? {} : { keepAtExit }) },
      cut,
    };
  });
}

/** What is wrong with a plan, at its first mistake; undefined where nothing is. */
export const faultOf = (plan: unknown): string | undefined => readPlan(plan).fault;
export const faultOfEndpoints = (plan: unknown): string | undefined => readEndpointsPlan(plan).fault;

class Fault extends Error {}

function reading<P>(read: () => { plan: P; cut: boolean }): ReadPlan<P> {
  try {
    return read();
  } catch (error) {
    return { fault: error instanceof Fault ? error.message : `it cannot be read: ${wordsOf(error)}` };
  }
}

function list(value: unknown, name: string, what: string): { items: readonly unknown[]; cut: boolean } {
  if (!Array.isArray(value)) throw new Fault(`${name} must be ${what}`);
  // Array.from fills the holes of a sparse one.
  return { items: Array.from(value.slice(0, MOST_WANTED)), cut: value.length > MOST_WANTED };
}

function readSubflow(wanted: unknown, name: string): WantedSubflow {
  const { local, remote, backup } = members(wanted);
  const { ip, ifIndex } = members(local);
  if (!isIpText(ip)) throw new Fault(`${name}.local.ip must be an IP address in text`);
  const remotes: readonly unknown[] = Array.isArray(remote) ? Array.from(remote.slice(0, MOST_REMOTES)) : [remote];
  if (remotes.length === 0) throw new Fault(`${name}.remote must name one address at least`);
  const places = remotes.map((each) => {
    const place = members(each);
    const [to, port] = [place['ip'], place['port']];
    if (!isIpText(to)) throw new Fault(`${name}.remote.ip must be an IP address in text`);
    if (!isPort(port)) throw new Fault(`${name}.remote.port must be a port, 1 … 65535`);
    return { ip: to, port };
  });
  return {
    local: { ip, ifIndex: readIfIndex(ifIndex, `${name}.local.ifIndex`) },
    remote: places,
    backup: readBool(backup, `${name}.backup`),
  };
}

function readAnnouncement(wanted: unknown, name: string): WantedAnnouncement {
  const { ip, port, backup, listen } = members(wanted);
  if (!isIpText(ip)) throw new Fault(`${name}.ip must be an IP address in text`);
  if (port !== undefined && port !== 0 && !isPort(port)) throw new Fault(`${name}.port must be a port, 0 … 65535`);
  if (listen !== undefined && typeof listen !== 'boolean' && !isIpText(listen)) {
    throw new Fault(`${name}.listen must be true, false or an IP address in text`);
  }
  return { ip, port: port as number | undefined, backup: readBool(backup, `${name}.backup`), listen };
}

function readEndpoint(wanted: unknown, name: string): WantedEndpoint {
  const { ip, ifIndex, port, flags } = members(wanted);
  if (!isIpText(ip)) throw new Fault(`${name}.ip must be an IP address in text`);
  const words = Array.isArray(flags) ? Array.from(flags.slice(0, flagWords.length + 1)) : undefined;
  if (!words) throw new Fault(`${name}.flags must be an array of words`);
  if (words.length > flagWords.length || !words.every((word) => flagWords.includes(word as string))) {
    throw new Fault(`${name}.flags has a word that is none of ${flagWords.join(', ')}`);
  }
  if (port !== undefined && !isPort(port)) throw new Fault(`${name}.port must be a port, 1 … 65535`);
  return { ip, ifIndex: readIfIndex(ifIndex, `${name}.ifIndex`), port, flags: words as EndpointFlag[] };
}

function readLimits(given: unknown): EndpointsPlan['limits'] {
  if (given === undefined) return undefined;
  const limits: { subflows?: number; addAddrAccepted?: number } = {};
  const values = members(given);
  for (const name of ['subflows', 'addAddrAccepted'] as const) {
    const value = values[name];
    if (value === undefined) continue;
    if (!(Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 8)) {
      throw new Fault(`limits.${name} must be a whole number from 0 to 8`);
    }
    limits[name] = value as number;
  }
  return limits;
}

const members = (value: unknown): Readonly<Record<string, unknown>> => {
  const { ip, ifIndex, port, local, remote, backup, listen, flags, subflows, addAddrAccepted } = (value ??
    {}) as Record<string, unknown>;
  return { ip, ifIndex, port, local, remote, backup, listen, flags, subflows, addAddrAccepted };
};

function readIfIndex(value: unknown, name: string): IfIndex | undefined {
  if (value !== undefined && !(Number.isInteger(value) && (value as number) > 0 && (value as number) <= 0x7fffffff)) {
    throw new Fault(`${name} must be a number`);
  }
  return value as IfIndex | undefined;
}

function readBool(value: unknown, name: string): boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean') throw new Fault(`${name} must be true or false`);
  return value;
}

const isPort = (port: unknown): port is number =>
  Number.isInteger(port) && (port as number) > 0 && (port as number) <= 0xffff;
