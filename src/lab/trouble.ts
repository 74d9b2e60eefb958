import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabHost } from './host.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Things that go wrong in a host again and again, until they are stopped. */
export class Trouble {
  readonly #running: Promise<void>[] = [];
  readonly #chance: () => number;
  #on = true;
  flaps = 0;
  storms = 0;

  constructor(chance: () => number) {
    this.#chance = chance;
  }

  /** A number between two. */
  between(from: number, to: number): number {
    return from + this.#chance() * (to - from);
  }

  /** Does something again and again, with pauses between two lengths. */
  again(from: number, to: number, task: () => Promise<void>): void {
    const run = async (): Promise<void> => {
      for (;;) {
        const end = performance.now() + this.between(from, to);
        while (this.#on && performance.now() < end) await pause(Math.min(50, end - performance.now()));
        if (!this.#on) return;
        await task();
      }
    };
    this.#running.push(run());
  }

  /** Switches one of some links off, and on again after a while. Never two of them at a time. */
  flap(host: LabHost, links: readonly string[], { every, down }: Record<'every' | 'down', readonly [number, number]>) {
    this.again(...every, async () => {
      const link = links[Math.floor(this.between(0, links.length))] as string;
      await host.run('ip', 'link', 'set', link, 'down');
      await pause(this.between(...down));
      await host.run('ip', 'link', 'set', link, 'up');
      this.flaps++;
    });
  }

  /** Hundreds of addresses come at once on a link, and go again. @param dir where a file may be written */
  storm(host: LabHost, link: string, dir: string, addresses: number, every: readonly [number, number]): void {
    const file = (verb: string): string => {
      const path = join(dir, `storm-${verb}`);
      const lines = Array.from({ length: addresses }, (_, i) => {
        const ip = i % 4 === 3 ? `fd99::${(i + 1).toString(16)}/128` : `10.99.${i >> 8}.${i & 255}/32`;
        return `addr ${verb} ${ip} dev ${link}`;
      });
      writeFileSync(path, `${lines.join('\n')}\n`);
      return path;
    };
    const [add, del] = [file('add'), file('del')];
    this.again(...every, async () => {
      await host.run('ip', '-batch', add);
      await pause(this.between(0, 500));
      await host.run('ip', '-batch', del);
      this.storms++;
    });
  }

  /** Ends it all: links are up again, and the addresses of storms gone. @throws what went wrong on the way */
  async stop(): Promise<void> {
    this.#on = false;
    await Promise.all(this.#running);
  }

  /** Whether something went wrong in earnest: it does not go on then. */
  get failure(): Promise<never> {
    return Promise.all(this.#running).then(() => new Promise<never>(() => undefined));
  }
}
