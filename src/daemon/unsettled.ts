import type { Logger } from '../log/index.ts';
import type { Clock } from './clock.ts';
import type { Lanes } from './lanes.ts';

/** An asynchronous hook that has not settled after this is named in the log. */
const UNSETTLED_MS = 10_000;
/** After so many times that, what follows it waits for it no longer. */
const MOST_ROUNDS = 6;

interface Owner {
  readonly log: Logger;
  readonly lanes: Lanes;
}

/** Names plugins whose hooks do not settle: what comes after them in their lane waits, but not for ever. */
export class Unsettled {
  readonly #clock: Clock;
  readonly #owners: () => Iterable<Owner>;
  #watching = false;
  /** What each plugin's lanes waited for, the longest ago first. */
  readonly #rounds: { readonly owner: Owner; readonly since: ReturnType<Lanes['since']> }[][] = [];

  constructor(clock: Clock, owners: () => Iterable<Owner>) {
    this.#clock = clock;
    this.#owners = owners;
  }

  /** Looks after the lanes for as long as one is busy. One timer for all. */
  watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    // One that is set up anew has other lanes.
    this.#rounds.push([...this.#owners()].map(({ log, lanes }) => ({ owner: { log, lanes }, since: lanes.since() })));
    this.#clock.after(UNSETTLED_MS, () => {
      this.#watching = false;
      for (const { owner, since } of this.#rounds.at(-1) ?? []) {
        const count = owner.lanes.stillBusy(since);
        const seconds = UNSETTLED_MS / 1000;
        if (count > 0) owner.log.warn({ lanes: count, seconds }, 'hooks do not settle: what follows them waits');
      }
      if (this.#rounds.length >= MOST_ROUNDS) this.#letGo();
      if ([...this.#owners()].some(({ lanes }) => lanes.busy > 0)) this.watch();
      else this.#rounds.length = 0;
    });
  }

  #letGo(): void {
    const seconds = (MOST_ROUNDS * UNSETTLED_MS) / 1000;
    for (const { owner, since } of this.#rounds.shift() ?? []) {
      const count = owner.lanes.letGo(since);
      if (count > 0) owner.log.warn({ lanes: count, seconds }, 'hooks have not settled: they are waited for no longer');
    }
  }
}
