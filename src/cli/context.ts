import type { IfIndex } from '../core/model/ids.ts';
import { asIfIndex } from '../core/model/ids.ts';
import { Client } from '../netlink/client.ts';
import * as pm from '../netlink/families/mptcp-pm.ts';
import * as nlctrl from '../netlink/families/nlctrl.ts';
import * as route from '../netlink/families/route.ts';
import { Family } from '../netlink/family.ts';
import type { OpenSocket } from '../netlink/socket.ts';
import { inNetworkNamespace, NetlinkSocket, namespacePath, SystemError } from '../os/index.ts';
import { CliError, refused, status } from './cli-error.ts';
import { describeErrno } from './errno-words.ts';
import { type Json, toJson } from './json.ts';
import type { Options } from './options.ts';

/** Where the output goes; a test may stand another one in. */
export interface Output {
  out(text: string): void;
  err(text: string): void;
  /** How many characters or bytes wait for their reader. */
  readonly waiting?: number;
  /** Once nothing waits any more. */
  flushed?(): Promise<void>;
  /** Whether somebody watches stderr as it comes. */
  readonly watched?: boolean;
}

/**
 * What every command has at hand: the options, the output, and the kernel. Sockets are opened at their first use, inside
 * the namespace that `-n` names.
 */
export class Context {
  readonly options: Options;
  readonly #output: Output;
  readonly #open: OpenSocket;
  #generic: Client | undefined;
  #route: Client | undefined;
  #pm: Family | undefined;

  constructor(options: Options, output: Output, open?: OpenSocket) {
    this.options = options;
    this.#output = output;
    this.#open = open ?? ((protocol) => this.inside(() => new NetlinkSocket(protocol)));
  }

  /** Runs a synchronous task inside the namespace that `-n` names: sockets that it opens stay there. @throws CliError */
  inside<T>(task: () => T): T {
    const { netns } = this.options;
    return netns === undefined ? task() : inNamespace(netns, task);
  }

  /** Writes to stdout. */
  out(text: string): void {
    this.#output.out(text);
  }

  /** How much of the output waits for its reader. */
  get waiting(): number {
    return this.#output.waiting ?? 0;
  }

  /** Once the reader has taken all of the output. */
  async flushed(): Promise<void> {
    await this.#output.flushed?.();
  }

  /** Writes to stderr. */
  err(text: string): void {
    this.#output.err(text);
  }

  /** Says that what was done may not have the effect that is hoped for. */
  warn(text: string): void {
    this.err(`Warning: ${text}\n`);
  }

  /** Whether somebody watches stderr as it comes. */
  get watched(): boolean {
    return this.#output.watched ?? false;
  }

  /** Writes a list of records: one JSON array with -j, otherwise what `line` makes of each. */
  show<T>(records: readonly T[], toValue: (record: T) => Json, line: (record: T) => string): void {
    if (this.options.json) this.out(`${toJson(records.map(toValue), this.options.pretty)}\n`);
    else this.out(records.map((record) => `${line(record)}\n`).join(''));
  }

  /** Opens one more netlink socket. The caller closes it, or the end of the program does. */
  openSocket(protocol: number): ReturnType<OpenSocket> {
    return this.#open(protocol);
  }

  /** Generic netlink. */
  get generic(): Client {
    this.#generic ??= new Client(this.#open(nlctrl.PROTOCOL));
    return this.#generic;
  }

  /** rtnetlink. */
  get route(): Client {
    this.#route ??= new Client(this.#open(route.PROTOCOL));
    return this.#route;
  }

  /** The kernel's path managers. */
  get pm(): Family {
    if (!this.#pm) {
      const found = Family.find(this.generic, pm.FAMILY);
      if (!found.ok) throw new CliError(status.failed, refused(found.error).message);
      this.#pm = found.value;
    }
    return this.#pm;
  }

  /** The name of an interface; `if7` where there is none with the index, as iproute2 has it. */
  linkName(index: IfIndex): string {
    const found = this.route.request(route.link.get, route.link.types.get, { index });
    return (found.ok ? found.value?.name : undefined) ?? `if${index >>> 0}`;
  }

  /** The index of an interface, its other names included; undefined where there is none. */
  linkIndex(name: string): IfIndex | undefined {
    const found = this.route.request(route.link.get, route.link.types.get, { name });
    if (found.ok) return found.value?.index;
    // As iproute2 reads it, by sscanf(3): whatever follows the digits is left unread, and there are 32 bits.
    const [, digits = '0'] = /^if(\d+)/.exec(name) ?? [];
    const index = Number(digits) | 0;
    return index === 0 ? undefined : asIfIndex(index);
  }
}

function inNamespace<T>(netns: string, task: () => T): T {
  let entered = false;
  try {
    return inNetworkNamespace(namespacePath(netns), () => {
      entered = true;
      return task();
    });
  } catch (error) {
    if (entered || !(error instanceof SystemError)) throw error;
    const what = error.syscall === 'open' ? 'Cannot open' : 'Cannot enter';
    throw new CliError(status.usage, `${what} network namespace "${netns}": ${describeErrno(error.errno)}\n`);
  }
}
