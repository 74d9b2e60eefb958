import type { Command, Outcome } from '../core/model/commands.ts';
import type { AddrId, Ip, Token } from '../core/model/ids.ts';
import type { Perform } from './path-manager.ts';

/** An MPTCP socket that listens. */
export interface Listening {
  /** The port that the kernel chose, where none was asked for. */
  readonly port: number;
  close(): void;
}

/** Opens a listener at exactly an address and port; undefined where somebody listens there already. */
export type Listen = (ip: Ip, port: number) => Listening | undefined;

interface Held {
  readonly id: AddrId;
  readonly key: string;
}

/**
 * Listens for joins to announced addresses: one listener for all connections that announce the same address and port, or
 * such as a translator leads to the same, for as long as one of them does.
 */
export class Listeners {
  readonly #listen: Listen;
  readonly #open = new Map<string, { listening: Listening; users: number }>();
  readonly #held = new Map<Token, Held[]>();

  constructor(listen: Listen) {
    this.#listen = listen;
  }

  /** How many sockets listen. */
  get size(): number {
    return this.#open.size;
  }

  /** Listens before an announcement goes out and no longer than it stands; everything else is passed on. */
  around(perform: Perform): Perform {
    return (command) => {
      if (command.name === 'announce' && command.args.listen) return this.#announce(command, perform);
      const outcome = perform(command);
      if (command.name === 'remove' && outcome.ok) this.#drop(command.args.token, command.args.id);
      return outcome;
    };
  }

  /** A connection is closed: what was announced on it is announced no more. */
  release(token: Token): void {
    for (const { id } of [...(this.#held.get(token) ?? [])]) this.#drop(token, id);
  }

  /** Closes all of them. */
  close(): void {
    for (const { listening } of this.#open.values()) listening.close();
    this.#open.clear();
    this.#held.clear();
  }

  #announce(command: Command & { name: 'announce' }, perform: Perform): Outcome<unknown> {
    const { token, address, listen, listenPort = address.port ?? 0 } = command.args;
    let held: { key: string; port: number } | undefined;
    try {
      held = this.#take(typeof listen === 'string' ? listen : address.ip, listenPort);
    } catch (error) {
      return { ok: false, error: { code: 'FAILED', message: `announce: cannot listen: ${(error as Error).message}` } };
    }
    // The one that the kernel chose, where any was as good.
    const port = address.port === 0 ? held.port : address.port;
    const place = port === undefined ? address : { ...address, port };
    const outcome = perform({ name: 'announce', args: { ...command.args, address: place } });
    if (!outcome.ok) {
      this.#leave(held.key);
      return outcome;
    }
    const { id } = address;
    const before = this.#held.get(token)?.some((each) => each.id === id);
    // Announced again, it is sent again; it does not count twice.
    if (before || id === undefined) this.#leave(held.key);
    else this.#held.set(token, [...(this.#held.get(token) ?? []), { id, key: held.key }]);
    return { ok: true, value: { port: port ?? 0 } };
  }

  /** @throws SystemError where nobody can listen there (EADDRNOTAVAIL) */
  #take(ip: Ip, port: number): { key: string; port: number } {
    const known = this.#open.get(keyOf(ip, port));
    if (known) {
      known.users++;
      return { key: keyOf(ip, port), port };
    }
    const listening = this.#listen(ip, port);
    if (!listening) return { key: '', port };
    const key = keyOf(ip, listening.port);
    this.#open.set(key, { listening, users: 1 });
    return { key, port: listening.port };
  }

  #drop(token: Token, id: AddrId): void {
    const all = this.#held.get(token) ?? [];
    const gone = all.find((each) => each.id === id);
    if (!gone) return;
    const left = all.filter((each) => each !== gone);
    if (left.length > 0) this.#held.set(token, left);
    else this.#held.delete(token);
    this.#leave(gone.key);
  }

  #leave(key: string): void {
    const known = this.#open.get(key);
    if (!known || --known.users > 0) return;
    known.listening.close();
    this.#open.delete(key);
  }
}

const keyOf = (ip: Ip, port: number): string => `${ip} ${port}`;
