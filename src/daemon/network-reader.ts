import type { Client } from '../netlink/client.ts';
import type { Environment } from './environment.ts';
import type { Host } from './host.ts';
import { readAll } from './kernel.ts';

/** Between two readings: messages that go on being lost must not make the daemon do nothing else. */
const LEAST_BETWEEN_MS = 500;
const AGAIN_MS = 1000;

/** Reads interfaces and addresses again after a loss; what cannot be read now is tried again until it can. */
export class NetworkReader {
  readonly #host: Host;
  readonly #client: Client;
  readonly #environment: Environment;
  #readAt = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;
  #trouble: string | undefined;

  constructor(host: Host, client: Client, environment: Environment) {
    this.#host = host;
    this.#client = client;
    this.#environment = environment;
  }

  /** Now, or as soon as it may be done again. */
  read(): void {
    if (this.#cancel) return;
    const wait = this.#readAt + LEAST_BETWEEN_MS - this.#environment.clock.now();
    if (wait > 0) this.#after(wait);
    else this.#read();
  }

  close(): void {
    this.#cancel?.();
  }

  #after(ms: number): void {
    this.#cancel = this.#environment.clock.after(ms, () => {
      this.#cancel = undefined;
      this.#read();
    });
  }

  #read(): void {
    const { clock, log } = this.#environment;
    this.#readAt = clock.now();
    try {
      readAll(this.#host, this.#client);
      if (this.#trouble !== undefined) log.info('the network can be read again');
      this.#trouble = undefined;
    } catch (error) {
      const words = String(error);
      if (words !== this.#trouble) log.error({ error: words }, 'cannot read the network; trying again every second');
      this.#trouble = words;
      this.#after(AGAIN_MS);
    }
  }
}
