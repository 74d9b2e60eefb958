import { type Endpoint, MptcpStream } from '../os/index.ts';

export interface ChurnOptions {
  /** Where to connect to, in turn. */
  readonly to: readonly Endpoint[];
  /** How many connections there are at a time: as soon as one ends, the next one begins. */
  readonly atOnce: number;
  /** Each lives for up to so many milliseconds. */
  readonly live: number;
  /** One of so many is closed by a reset, of which the other end's path manager hears nothing; 0: none. */
  readonly resets: number;
}

/** What a churn has done. */
export interface Churned {
  readonly made: number;
  readonly failed: number;
  /** Those that are there now. */
  readonly live: number;
}

/** One that is not connected by then never will be: its link was cut. */
const CONNECT_MS = 5000;
const DATA = Buffer.alloc(1000, 'mptcp');

/** Makes short connections, one after the other and many at once: connect, send a little, close. */
export class Churn {
  readonly #options: ChurnOptions;
  #begun = 0;
  #made = 0;
  #failed = 0;
  #live = 0;
  #on = true;

  constructor(options: ChurnOptions) {
    this.#options = options;
    for (let i = 0; i < options.atOnce; i++) this.#next();
  }

  get counts(): Churned {
    return { made: this.#made, failed: this.#failed, live: this.#live };
  }

  /** Begins no new ones. */
  stop(): void {
    this.#on = false;
  }

  #next(): void {
    const { to } = this.#options;
    if (!this.#on) return;
    const place = to[this.#begun++ % to.length] as Endpoint;
    this.#live++;
    let stream: MptcpStream;
    try {
      stream = MptcpStream.connect(place);
    } catch {
      setTimeout(() => this.#over(false), 10); // no route while the link is cut
      return;
    }
    const late = setTimeout(() => this.#end(stream, false), CONNECT_MS);
    stream.watch(() => {
      clearTimeout(late);
      stream.unwatch();
      try {
        stream.connected();
        stream.write(DATA);
      } catch {
        this.#end(stream, false);
        return;
      }
      setTimeout(() => this.#end(stream, true), Math.random() * this.#options.live);
    }, 'writable');
  }

  #end(stream: MptcpStream, well: boolean): void {
    const { resets } = this.#options;
    if (well && resets > 0 && this.#made % resets === resets - 1) stream.abort();
    else stream.close();
    this.#over(well);
  }

  #over(well: boolean): void {
    this.#live--;
    if (well) this.#made++;
    else this.#failed++;
    this.#next();
  }
}
