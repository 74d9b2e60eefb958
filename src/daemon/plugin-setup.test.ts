import { describe, expect, test, vi } from 'vitest';
import { address, created, established, everything, facts, link, T } from '../../test/fixtures/core/inputs.ts';
import type { RawOption } from '../config/index.ts';
import { createLog } from '../log/index.ts';
import { bool, int } from '../plugin-api/index.ts';
import type { Context, Plugin, PluginHooks } from '../plugin-api/plugin.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { Host } from './host.ts';
import { PluginError } from './plugin-error.ts';
import { setUp } from './plugin-setup.ts';

type AnyContext = Context<NonNullable<Plugin['options']>>;

function world() {
  const lines: { level: number; plugin?: string; msg: string; error?: string }[] = [];
  const clock = new FakeClock();
  const log = createLog({ write: (json) => void lines.push(JSON.parse(json)) }, 'info');
  const host = new Host(
    {
      perform: () => ({ ok: true, value: undefined }),
      clock,
      log,
      reread: () => undefined,
      unlisten: () => undefined,
      watchProgress: () => undefined,
      droppedAnnouncements: () => undefined,
      hasRoute: () => true,
      notifyFlags: everything,
      pathManager: undefined,
    },
    [facts('p'), facts('q')],
  );
  const start = (more: Partial<Plugin>, options: Readonly<Record<string, string>> = {}) => {
    const places = Object.entries(options).map(
      ([key, value], i) => [key, { value, place: `m.conf:${i + 1}` }] as [string, RawOption],
    );
    const plugin: Plugin = { name: 'p', api: 1, setup: () => ({}), ...more };
    return setUp(plugin, { host, clock, log, addressFlags: ['signal'], options: new Map(places) });
  };
  return { host, clock, lines, start };
}

async function error(started: Promise<unknown>): Promise<PluginError> {
  const thrown = await started.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (thrown instanceof PluginError) return thrown;
  throw new Error(`no PluginError but ${thrown}`);
}

describe('options', () => {
  const options = {
    most: int({ default: 2, min: 1, max: 8, help: 'a number' }),
    eager: bool({ default: false, help: 'a switch' }),
  };
  const given = async (raw: Readonly<Record<string, string>>): Promise<unknown> => {
    const setup = vi.fn((_: AnyContext): PluginHooks => ({}));
    await world().start({ options, setup }, raw);
    return setup.mock.calls[0]?.[0].options;
  };

  test('are as by default where the file has none', async () => {
    expect(await given({})).toEqual({ most: 2, eager: false });
  });
  test('are parsed', async () => {
    expect(await given({ most: '3', eager: 'yes' })).toEqual({ most: 3, eager: true });
  });
  test.each([
    ['moste', 'm.conf:1: it has no option "moste"; did you mean "most"?'],
    ['zzzzzz', 'm.conf:1: it has no option "zzzzzz"; there are most, eager'],
    ['constructor', 'm.conf:1: it has no option "constructor"'],
    ['__proto__', 'm.conf:1: it has no option "__proto__"'],
  ])('%s is unknown', async (key, words) => {
    const wrong = await error(world().start({ options }, Object.fromEntries([[key, '1']])));
    expect([wrong.code, wrong.plugin]).toEqual(['PLUGIN_BAD_OPTION', 'p']);
    expect(wrong.message).toContain(words);
  });
  test('a plugin without any says so', async () => {
    expect((await error(world().start({}, { a: '1' }))).message).toContain('it has no option "a"; there are none');
  });
  test('a bad value is told with its place and what would be right', async () => {
    const wrong = await error(world().start({ options }, { eager: 'no', most: '9' }));
    expect(wrong.code).toBe('PLUGIN_BAD_OPTION');
    expect(wrong.message).toContain('m.conf:2: most takes a whole number from 1 to 8, not "9"');
  });
  test('a plugin’s own option may throw any error', async () => {
    const parse = (): never => {
      throw new Error('takes something else');
    };
    const own = { own: { kind: 'own', default: 0, help: '', parse } };
    const wrong = await error(world().start({ options: own }, { own: 'x' }));
    expect([wrong.code, wrong.message]).toEqual([
      'PLUGIN_BAD_OPTION',
      expect.stringContaining('m.conf:1: own takes something else'),
    ]);
  });
  test('setup is not called where one is wrong', async () => {
    const setup = vi.fn(() => ({}));
    await error(world().start({ options, setup }, { most: 'x' }));
    expect(setup).not.toHaveBeenCalled();
  });
});

describe('a setup that fails', () => {
  const boom = (): never => {
    throw new Error('boom');
  };
  test.each<[how: string, setup: () => unknown, words: string]>([
    ['throws', boom, 'setup failed: boom'],
    ['rejects', async () => boom(), 'setup failed: boom'],
    ['rejects with a word', () => Promise.reject('boom'), 'setup failed: boom'],
    ['rejects with nothing', () => Promise.reject(undefined), 'setup failed: undefined'],
    ['returns nothing', () => undefined, 'setup failed: it returned no hooks; return an object'],
    ['returns a word', () => 'hooks', 'setup failed: it returned no hooks'],
    ['returns null later', async () => null, 'setup failed: it returned no hooks'],
  ])('because it %s is told with the plugin’s name', async (_, setup, words) => {
    const { start, clock } = world();
    const wrong = await error(start({ setup: setup as NonNullable<Plugin['setup']> }));
    expect([wrong.code, wrong.plugin]).toEqual(['PLUGIN_SETUP_FAILED', 'p']);
    expect(wrong.message).toContain(`plugin p: ${words}`);
    expect(clock.waiting).toBe(0);
  });

  test('keeps what it threw', async () => {
    expect((await error(world().start({ setup: boom }))).cause).toMatchObject({ message: 'boom' });
  });

  test('because it never settles is given up after ten seconds', async () => {
    const { start, clock } = world();
    let over = false;
    const started = error(start({ setup: () => new Promise<PluginHooks>(() => undefined) })).finally(() => {
      over = true;
    });
    await clock.advance(9999);
    expect(over).toBe(false);
    await clock.advance(1);
    const wrong = await started;
    expect(wrong.code).toBe('PLUGIN_SETUP_TIMEOUT');
    expect(wrong.message).toContain('setup has not finished after 10 s');
  });
});

describe('what setup is given', () => {
  test('addr-flags, the state, commands', async () => {
    const { start, host } = world();
    const setup = vi.fn((_: AnyContext): PluginHooks => ({}));
    await start({ setup });
    const context = setup.mock.calls[0]?.[0] as AnyContext;
    expect(context.addressFlags).toEqual(['signal']);
    for (const input of [link(1), address('10.0.1.1'), created(), established()]) host.feed(input);
    expect(context.state.addresses.map(({ ip }) => ip)).toEqual(['10.0.1.1']);
    expect(context.state.interfaces.map(({ name }) => name)).toEqual(['eth1']);
    expect(context.state.connection(T)?.state).toBe('established');
    expect([...context.state.connections()].map(({ token }) => token)).toEqual([T]);
    await expect(context.pm.flushEndpoints()).resolves.toEqual({ ok: true, value: undefined });
  });

  test('its own connections only', async () => {
    const { start, host } = world();
    const setup = vi.fn((_: AnyContext): PluginHooks => ({}));
    await start({ name: 'q', setup });
    host.feed(created());
    const state = setup.mock.calls[0]?.[0].state;
    expect([...(state?.connections() ?? [])]).toEqual([]);
    expect(state?.connection(T)?.owner).toBe('p');
  });

  test('a log whose lines carry its name', async () => {
    const { start, lines } = world();
    await start({
      setup({ log }) {
        log.warn({ error: 'x' }, 'careful');
        return {};
      },
    });
    expect(lines).toMatchObject([{ plugin: 'p', msg: 'careful', error: 'x' }]);
  });

  test('hooks are heard once it is set up', async () => {
    const { start, host } = world();
    const interfaceAdded = vi.fn();
    const started = start({ setup: async () => ({ interfaceAdded }) });
    host.feed(link(1));
    await started;
    host.feed(link(2));
    expect(interfaceAdded.mock.calls.map(([{ name }]) => name)).toEqual(['eth2']);
  });
});

describe('timers', () => {
  async function timed(task: () => void | Promise<void>, more: PluginHooks = {}) {
    const all = world();
    let cancel = (): void => undefined;
    const running = await all.start({
      setup({ after }) {
        cancel = after(100, task);
        return more;
      },
    });
    return { ...all, running, cancel: () => cancel() };
  }

  test('are called once, when their time has come', async () => {
    const task = vi.fn();
    const { clock } = await timed(task);
    await clock.advance(99);
    expect(task).not.toHaveBeenCalled();
    await clock.advance(1000);
    expect(task).toHaveBeenCalledOnce();
  });

  test('may be called off', async () => {
    const task = vi.fn();
    const { clock, cancel } = await timed(task);
    cancel();
    await clock.advance(1000);
    expect(task).not.toHaveBeenCalled();
  });

  test.each([
    [
      'throw',
      () => {
        throw new Error('boom');
      },
    ],
    ['reject', () => Promise.reject(new Error('boom'))],
  ])('that %s are logged', async (_, task) => {
    const { clock, lines } = await timed(task);
    await clock.advance(100, () => new Promise((done) => setImmediate(done)));
    expect(lines).toMatchObject([{ plugin: 'p', hook: 'timer', error: 'boom', msg: 'plugin failed' }]);
  });

  test('end when the plugin is closed', async () => {
    const task = vi.fn();
    const { clock, running } = await timed(task);
    await running.close(1000, 'stop');
    expect(clock.waiting).toBe(0);
    await clock.advance(1000);
    expect(task).not.toHaveBeenCalled();
  });
});

describe('close', () => {
  test('is awaited', async () => {
    let closed = false;
    const { start } = world();
    const running = await start({
      setup: () => ({
        async close() {
          await Promise.resolve();
          closed = true;
        },
      }),
    });
    await running.close(1000, 'stop');
    expect(closed).toBe(true);
  });

  test('a plugin need not have it', async () => {
    const running = await world().start({});
    await expect(running.close(1000, 'stop')).resolves.toBeUndefined();
  });

  test('that fails is logged, and does not stop the daemon from stopping', async () => {
    const { start, lines } = world();
    const running = await start({ setup: () => ({ close: () => Promise.reject(new Error('boom')) }) });
    await expect(running.close(1000, 'stop')).resolves.toBeUndefined();
    expect(lines).toMatchObject([{ plugin: 'p', hook: 'close', error: 'boom' }]);
  });

  test('that never finishes is left after its deadline', async () => {
    const { start, clock, lines } = world();
    const running = await start({ setup: () => ({ close: () => new Promise<void>(() => undefined) }) });
    const closing = running.close(700, 'stop');
    await clock.advance(700);
    await expect(closing).resolves.toBeUndefined();
    expect(lines).toMatchObject([{ level: 40, plugin: 'p', msg: expect.stringContaining('not waiting') }]);
    expect(clock.waiting).toBe(0);
  });
});

describe('a hook that does not exist', () => {
  test('is named, with the one that was meant', async () => {
    const { start, lines } = world();
    await start({ setup: () => ({ subflowClose: () => undefined, connectionClosed: () => undefined }) as never });
    expect(lines).toMatchObject([{ level: 40, hook: 'subflowClose', msg: expect.stringContaining('"subflowClosed"') }]);
  });
});
