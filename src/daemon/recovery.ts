import type { Token } from '../core/model/ids.ts';
import type { FoundConnection, FoundSubflow } from '../core/recovery.ts';
import { Client } from '../netlink/client.ts';
import { type Connection, isThere, readConnectionsInBrief, type Subflow } from '../netlink/diag.ts';
import { PROTOCOL } from '../netlink/families/sock-diag.ts';
import type { Environment } from './environment.ts';
import type { Host } from './host.ts';

/** A reading that failed is tried again after this time. */
const RETRY_MS = 1000;
/** Between two readings of all connections: events that go on being lost must not make the daemon do nothing else. */
const LEAST_BETWEEN_MS = 500;
/** Within this time each connection is asked for once, whether it is there still. */
const SWEEP_MS = 60_000;
/** … a part of them at a time. */
const SWEEP_PARTS = 12;

/** Finds out by sock_diag what no event has told: connections that were there before, and those that went unheard. */
export class Recovery {
  readonly #host: Host;
  readonly #environment: Environment;
  #client: Client | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #waiting = false;
  #cancelRead = (): void => undefined;
  #cancelSweep = (): void => undefined;
  /** The connections of this round of the sweep that are still to be asked for. */
  #toSweep: Token[] = [];
  #part = 0;
  #trouble: string | undefined;
  /** All connections could be read once: a kernel without its part for MPTCP says of each that it is not there. */
  #canTell = false;

  constructor(host: Host, environment: Environment) {
    this.#host = host;
    this.#environment = environment;
  }

  /** Reads all connections and hands them on: now, or as soon as it may be done again. */
  read(): void {
    if (this.#waiting) return;
    const wait = this.#readAt + LEAST_BETWEEN_MS - this.#environment.clock.now();
    if (wait <= 0) this.#read();
    else this.#readIn(wait);
  }

  /** Asks from now on, a few at a time, whether the connections that are known are there still. */
  sweep(): void {
    this.#cancelSweep = this.#environment.clock.after(SWEEP_MS / SWEEP_PARTS, () => {
      this.#sweepPart();
      this.sweep();
    });
  }

  close(): void {
    this.#cancelRead();
    this.#cancelSweep();
    this.#client?.close();
    this.#client = undefined;
  }

  #readIn(ms: number): void {
    this.#waiting = true;
    this.#cancelRead = this.#environment.clock.after(ms, () => {
      this.#waiting = false;
      this.#read();
    });
  }

  #read(): void {
    const { clock, log } = this.#environment;
    this.#readAt = clock.now();
    const found = this.#ask((client) => readConnectionsInBrief(client));
    if (!found) {
      this.#readIn(RETRY_MS);
      return;
    }
    this.#canTell = true;
    const ports = new Set(found.filter(({ listening }) => listening).map(({ local }) => local.port));
    const connections = found.filter(isAlive).map((each) => toFound(each, ports));
    log.debug({ connections: connections.length }, 'connections read');
    this.#host.feed({ type: 'connections', found: connections });
  }

  #sweepPart(): void {
    const { core } = this.#host;
    if (!this.#canTell) return;
    if (this.#part === 0) this.#toSweep = [...core.connections].map(({ token }) => token);
    const size = Math.ceil(this.#toSweep.length / (SWEEP_PARTS - this.#part));
    this.#part = (this.#part + 1) % SWEEP_PARTS;
    for (const token of this.#toSweep.splice(0, size)) {
      if (!core.connection(token)) continue;
      const there = this.#ask((client) => isThere(client, token));
      if (there === undefined) return;
      if (!there) this.#host.feed({ type: 'vanished', token });
    }
  }

  /** @returns undefined where it could not be read: the log says why, once */
  #ask<T>(
    read: (client: Client) => { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Error },
  ): T | undefined {
    const { openSocket, log } = this.#environment;
    try {
      this.#client ??= new Client(openSocket(PROTOCOL));
      const result = read(this.#client);
      if (!result.ok) throw result.error;
      if (this.#trouble !== undefined) log.info('the connections of this host can be read again');
      this.#trouble = undefined;
      return result.value;
    } catch (error) {
      const words = String(error);
      if (words !== this.#trouble) {
        const lost = 'connections that were there before, or whose events were lost, stay unknown';
        log.error({ error: words }, `cannot read the connections of this host: ${lost}`);
      }
      this.#trouble = words;
      this.#client?.close();
      this.#client = undefined;
      return undefined;
    }
  }
}

/**
 * Whether a connection lives, for a path manager. One that the application has closed may be there until its last bytes are
 * acknowledged: it has no inode any more. One that waits to be accepted has none yet.
 */
function isAlive({ listening, fallback, token, state, inode }: Connection): boolean {
  if (listening || fallback || token === 0) return false;
  if (state === 'established' || state === 'close-wait') return true;
  return inode !== 0 && (state === 'fin-wait-1' || state === 'fin-wait-2');
}

/** @param listening the ports at which somebody listens */
function toFound(
  { token, side, local, remote, subflows }: Connection,
  listening: ReadonlySet<number>,
): FoundConnection {
  const initial = subflows.find((each) => each.initial);
  // Without its initial subflow nothing tells which side a connection is of, but that somebody listens at its port.
  const serverSide = side === undefined ? listening.has(local.port) : side === 'server';
  return {
    token,
    serverSide,
    // A join is only accepted once both ends are fully established (RFC 8684 section 3.2).
    established: initial === undefined || subflows.some((each) => each.fullyEstablished || !each.initial),
    local,
    remote,
    subflows: subflows.flatMap(toFoundSubflow),
  };
}

/** Those that are about to end are no longer there, for a path manager. */
function toFoundSubflow(subflow: Subflow): FoundSubflow[] {
  const { local, remote, locId, remId, initial, madeHere, backup, backupRemote, ifIndex } = subflow;
  const trying = subflow.state === 'syn-sent' || subflow.state === 'syn-received';
  if (!trying && subflow.state !== 'established' && subflow.state !== 'close-wait') return [];
  return [
    {
      local: { ...local, id: locId },
      remote: { ...remote, id: remId },
      state: trying ? 'trying' : 'established',
      initial,
      own: madeHere && !initial,
      backup: backupRemote,
      askedBackup: backup,
      ifIndex,
    },
  ];
}
