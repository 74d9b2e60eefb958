import type { EndpointFlag } from '../../../src/core/model/commands.ts';

/** What a scenario may do and see: the same on a kernel made of tables and on the real one. */
export interface World {
  /** Two hosts joined by links `v1`, `v2`, …: 10.0.N.1 and fd00:N::1 on the client, .2 and ::2 on the server. */
  pair(options: {
    links: number;
    pathManager: PathManager;
    /** Where the server has another one. */
    server?: PathManager;
  }): Promise<{ client: Host; server: Host }>;
  close(): Promise<void>;
}

export type PathManager = 'kernel' | 'userspace';

export interface Host {
  /** Starts the daemon with these lines of `[core]` and, by name, of plugins. */
  start(config: Config): Promise<RunningDaemon>;
  addAddress(link: string, ip: string): Promise<void>;
  removeAddress(link: string, ip: string): Promise<void>;
  /** Switches an interface off or on. The other end loses and regains its carrier. */
  setLink(link: string, up: boolean): Promise<void>;
  /** Packets over a link to the other host vanish in both directions, or no more; both ends keep link and addresses. */
  setBlackhole(link: string, there: boolean): Promise<void>;
  /** From now on peers may not join the address that their connections begin with (RFC 8684 section 3.1, the C flag). */
  denyJoinId0(): Promise<void>;
  /** A new interface without a peer, switched on or off, with carrier if it is on. */
  addLink(link: string, up: boolean): Promise<void>;
  /** A default route over an interface comes or goes: of the main table, or for packets from one address only. */
  setDefaultRoute(family: 'ipv4' | 'ipv6', link: string, there: boolean, from?: string): Promise<void>;
  /** The kernel's endpoints, as `10.0.1.1 subflow dev v1`. */
  endpoints(): Promise<string[]>;
  limits(): Promise<{ subflows: number; addAddrAccepted: number }>;
  addEndpoint(ip: string, flags: readonly EndpointFlag[]): Promise<void>;
  setLimits(limits: { subflows: number; addAddrAccepted: number }): Promise<void>;
  /**
   * Connects to a server that listens and starts to send.
   * @param options dualStack: by sockets of IPv6; bound: the server listens at that address alone
   */
  connect(to: Host, ip: string, options?: { dualStack?: boolean; bound?: boolean }): Promise<Connection>;
  /** The live subflows of this host's connections, initial ones included, as `10.0.1.1 > 10.0.1.2`; sorted. */
  subflows(): Promise<string[]>;
  /** The same with the ports: `10.0.1.1:40001 > 10.0.1.2:8000`. */
  sockets(): Promise<string[]>;
  /** Those of them that this host asks the other one to use only when there is no other; sorted. */
  backups(): Promise<string[]>;
  /** The times, in milliseconds, at which subflows of this host were closed: by the peer, refused, or for want of an answer. */
  closings(): Promise<readonly number[]>;
  /** How many joins this host has sent, without those sent again. */
  tries(): Promise<number>;
}

export interface Config {
  readonly core: Readonly<Record<string, string>>;
  readonly plugins?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface Connection {
  /** Sends as much as it takes, for as long as it lives. */
  send(): Promise<void>;
  /** The bytes that the other end has got. */
  received(): Promise<number>;
  /** Data without end, up to the server or down from it. */
  transfer(direction: 'up' | 'down'): Promise<Flow>;
  /** Small messages from the client, each answered by the server before the next. */
  talk(): Promise<Flow>;
  close(): Promise<void>;
}

/** Data that moves over a connection. */
export interface Flow {
  /** The longest time, in milliseconds, in which nothing arrived, since this was asked last. */
  gap(): Promise<number>;
}

export interface RunningDaemon {
  /** The messages of its log, with their fields. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  stop(): Promise<void>;
  /** Ends it by SIGKILL: it can do nothing more. */
  kill(): Promise<void>;
  /** What it says of its connections when it is asked why they have the subflows that they have; sorted. */
  report(): Promise<string[]>;
}

/** The configuration file that a {@link Config} is. */
export function toIni({ core, plugins = {} }: Config): string {
  const lines = (entries: Readonly<Record<string, string>>): string[] =>
    Object.entries(entries).map(([k, v]) => `${k} = ${v}`);
  const sections = Object.entries(plugins).flatMap(([name, options]) => [`[plugin ${name}]`, ...lines(options)]);
  return ['[core]', ...lines(core), ...sections, ''].join('\n');
}

type Line = Readonly<Record<string, unknown>>;

/** Whether a line of a report is about a connection, or about one thing that is wanted of it. */
export const isOfReport = (line: Line): boolean => 'token' in line;

/** Without the times, that pass. */
export const showReported = ({ msg }: Line): string => String(msg).replaceAll(/ (?:since|for) .*$/g, '');
