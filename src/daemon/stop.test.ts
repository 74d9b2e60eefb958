import { describe, expect, test } from 'vitest';
import { parseConfig, settle } from '../config/index.ts';
import { createLog } from '../log/index.ts';
import type { Plugin } from '../plugin-api/plugin.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { FakeRefusal } from '../testing/fake-netlink.ts';
import { Daemon } from './daemon.ts';
import type { Environment } from './environment.ts';

const REASON = 'SIGTERM';

/** A daemon's surroundings, and what is still open of them. */
function surroundings() {
  const kernel = new FakeKernel();
  const held = new Set<object>();
  const hold = (thing: { close(): void }): void => {
    const close = thing.close.bind(thing);
    held.add(thing);
    thing.close = () => {
      held.delete(thing);
      close();
    };
  };
  const clock = new FakeClock();
  const environment: Environment = {
    openSocket(protocol) {
      const socket = kernel.openSocket(protocol);
      hold(socket);
      return socket;
    },
    sysctl: (name) => kernel.sysctls.get(name),
    listen: (_, port) => ({ port: port || 45_000, close: () => undefined }),
    claim() {
      const mark = { close: () => undefined };
      hold(mark);
      return () => mark.close();
    },
    subscribed: () => false,
    counter: () => undefined,
    clock,
    log: createLog('null', 'error'),
  };
  const abort = new AbortController();
  const start = (text: string, plugins: readonly Plugin[]): Promise<Daemon> => {
    const { core, plugins: options } = parseConfig(text, 'm.conf');
    return Daemon.start(settle(options, core), environment, plugins, abort.signal);
  };
  return { kernel, clock, start, stop: () => abort.abort(REASON), held };
}

const never = new Promise<never>(() => undefined);
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

/** A plugin that notes its end; its setup waits for something. */
function noting(name: string, trace: string[], waits: Promise<void> = Promise.resolve()): Plugin {
  return {
    name,
    api: 1,
    async setup() {
      trace.push(`${name} begins`);
      await waits;
      return { close: (reason) => void trace.push(`${name} closes: ${reason}`) };
    },
  };
}

describe('a start that is called off', () => {
  test('while a plugin sets itself up: those that are set up are closed', async () => {
    const { start, stop, held } = surroundings();
    const trace: string[] = [];
    const starting = start('[core]\nload-plugins = a, b, c\n', [
      noting('a', trace),
      noting('b', trace, never),
      noting('c', trace),
    ]);
    await turn();
    stop();
    await expect(starting).rejects.toBe(REASON);
    expect(trace).toEqual(['a begins', 'b begins', 'a closes: stop']);
    expect(held.size).toBe(0);
  });

  test('while the kernel’s interface is waited for', async () => {
    const { kernel, start, stop, held } = surroundings();
    kernel.netlink.add(16, () => {
      throw new FakeRefusal('ENOENT');
    });
    const starting = start('[core]\n', []);
    await turn();
    stop();
    await expect(starting).rejects.toBe(REASON);
    expect(held.size).toBe(0);
  });

  test('before it has begun', async () => {
    const { start, stop, held } = surroundings();
    stop();
    await expect(start('[core]\n', [])).rejects.toBe(REASON);
    expect(held.size).toBe(0);
  });
});

test('a plugin whose setup fails after the start was called off disturbs nobody', async () => {
  const { start, stop } = surroundings();
  let fail = (_: Error): void => undefined;
  const failing = new Promise<void>((_, reject) => {
    fail = reject;
  });
  const starting = start('[core]\nload-plugins = a\n', [noting('a', [], failing)]);
  await turn();
  stop();
  await expect(starting).rejects.toBe(REASON);
  // An unhandled rejection would fail this test.
  fail(new Error('too late'));
  await turn();
});

test('a plugin that a reload is setting up when mptcpd stops is closed as soon as it is set up', async () => {
  const { start, held } = surroundings();
  const trace: string[] = [];
  let finish = (): void => undefined;
  let waits: Promise<void> = Promise.resolve();
  const option = { kind: 'text', default: '', help: '', parse: (text: string) => text };
  const plugin: Plugin = {
    name: 'a',
    api: 1,
    options: { n: option },
    async setup({ options }) {
      await waits;
      return { close: (reason) => void trace.push(`${(options as { n: string }).n} closes: ${reason}`) };
    },
  };
  const config = (n: number): string => `[core]\nload-plugins = a\n[plugin a]\nn = ${n}\n`;
  const daemon = await start(config(1), [plugin]);
  waits = new Promise((done) => {
    finish = done;
  });
  const { core, plugins } = parseConfig(config(2), 'm.conf');
  const reloading = daemon.reload(settle(plugins, core));
  await turn();
  await daemon.stop();
  finish();
  await reloading;
  expect(trace).toEqual(['1 closes: reload', '2 closes: stop']);
  expect(held.size).toBe(0);
});
