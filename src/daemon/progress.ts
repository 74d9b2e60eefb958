import type { SubflowProgress } from '../core/core-types.ts';
import type { Token } from '../core/model/ids.ts';
import type { Logger } from '../log/index.ts';
import { Client } from '../netlink/client.ts';
import { readCounters } from '../netlink/diag.ts';
import { PROTOCOL, type SubflowCounters } from '../netlink/families/sock-diag.ts';
import type { OpenSocket } from '../netlink/socket.ts';
import type { Clock } from './clock.ts';

export interface ProgressOptions {
  readonly openSocket: OpenSocket;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether somebody asks how the subflows of a connection get on. */
  readonly wanted: (token: Token) => boolean;
  readonly feed: (samples: readonly SubflowProgress[]) => void;
}

/** Reads the counters of subflows again and again, for as long as somebody asks. */
export class Progress {
  readonly #options: ProgressOptions;
  #client: Client | undefined;
  #every: number | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #cancel = (): void => undefined;
  /** What went wrong the last time: it is said once. */
  #trouble: string | undefined;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** Reads every so many milliseconds from now on, at once if that is due; undefined: no longer. */
  watch(every: number | undefined): void {
    const { clock } = this.#options;
    this.#cancel();
    this.#every = every;
    if (every !== undefined) this.#arm(Math.max(0, this.#readAt + every - clock.now()));
  }

  close(): void {
    this.watch(undefined);
    this.#client?.close();
    this.#client = undefined;
  }

  #arm(ms: number): void {
    this.#cancel = this.#options.clock.after(ms, () => {
      this.#readAt = this.#options.clock.now();
      if (this.#every !== undefined) this.#arm(this.#every);
      const samples = this.#read();
      if (samples.length > 0) this.#options.feed(samples);
    });
  }

  #read(): readonly SubflowProgress[] {
    const { openSocket, wanted, log } = this.#options;
    try {
      this.#client ??= new Client(openSocket(PROTOCOL));
      const counters = readCounters(this.#client, wanted);
      if (!counters.ok) throw counters.error;
      if (this.#trouble !== undefined) log.info('the counters of subflows can be read again');
      this.#trouble = undefined;
      return counters.value.map(toSample);
    } catch (error) {
      const words = String(error);
      if (words !== this.#trouble) log.error({ error: words }, 'cannot read the counters of subflows; trying again');
      this.#trouble = words;
      // The next one begins with nothing half read.
      this.#client?.close();
      this.#client = undefined;
      return [];
    }
  }
}

/**
 * A peer that takes nothing for now (its window is closed) is not a path that fails: it answers probes, and nothing is on
 * its way meanwhile. One probe may be.
 */
function toSample({ token, local, localPort, remote, remotePort, ...counters }: SubflowCounters): SubflowProgress {
  const { bytesAcked, unacked, notSent, probes } = counters;
  return {
    token,
    localIp: local,
    localPort,
    remoteIp: remote,
    remotePort,
    acked: Number(bytesAcked),
    outstanding: unacked > 0 || (notSent > 0 && probes > 1),
  };
}
