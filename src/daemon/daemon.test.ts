import { describe, expect, test } from 'vitest';
import { parseConfig, settle } from '../config/index.ts';
import { asAddrId, asToken } from '../core/model/ids.ts';
import { createLog } from '../log/index.ts';
import * as nlctrl from '../netlink/families/nlctrl.ts';
import { SystemError } from '../os/index.ts';
import { int } from '../plugin-api/index.ts';
import type { Plugin, PluginHooks } from '../plugin-api/plugin.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { FakeRefusal } from '../testing/fake-netlink.ts';
import { Daemon } from './daemon.ts';
import type { Environment } from './environment.ts';

function world() {
  const kernel = new FakeKernel();
  const lines: { level: number; msg: string; plugin?: string }[] = [];
  const open = new Set<object>();
  const environment: Environment = {
    openSocket(protocol) {
      const socket = kernel.openSocket(protocol);
      const close = socket.close.bind(socket);
      open.add(socket);
      socket.close = () => {
        open.delete(socket);
        close();
      };
      return socket;
    },
    sysctl: (name) => kernel.sysctls.get(name),
    listen: (_ip, port) => ({ port: port || 45_000, close: () => undefined }),
    claim: () => () => undefined,
    subscribed: () => false,
    counter: () => undefined,
    clock: new FakeClock(),
    log: createLog({ write: (json) => void lines.push(JSON.parse(json)) }, 'info'),
  };
  const start = (text: string, extra: readonly Plugin[] = [], more: Partial<Environment> = {}): Promise<Daemon> => {
    const { core, plugins } = parseConfig(text, 'm.conf');
    return Daemon.start(settle(plugins, core), { ...environment, ...more }, extra);
  };
  return { kernel, lines, environment, start, openSockets: () => open.size };
}

/** Plugins that note when they are set up and closed. */
function noting(...priorities: readonly number[]) {
  const trace: string[] = [];
  const plugins = priorities.map((priority): Plugin => {
    const name = `p${priority}`.replace('-', '_');
    const hooks: PluginHooks = {
      localAddressAdded: ({ ip }) => void trace.push(`${name} hears ${ip}`),
      close: () => void trace.push(`${name} closes`),
    };
    return {
      name,
      api: 1,
      priority,
      setup() {
        trace.push(`${name} is set up`);
        return hooks;
      },
    };
  });
  return { trace, plugins };
}

describe('plugins', () => {
  test('are set up and hear in the order of their favour, and close in reverse', async () => {
    const { kernel, start, openSockets } = world();
    kernel.links.add('eth0');
    kernel.links.set('eth0', { up: true });
    kernel.links.addAddress('eth0', '10.0.1.1', 24);
    const { trace, plugins } = noting(5, -5, 0);
    const daemon = await start('[core]\nload-plugins = p5, p0, p_5\n', plugins);
    expect(trace.splice(0)).toEqual([
      'p_5 is set up',
      'p0 is set up',
      'p5 is set up',
      'p_5 hears 10.0.1.1',
      'p0 hears 10.0.1.1',
      'p5 hears 10.0.1.1',
    ]);
    await daemon.stop();
    expect(trace).toEqual(['p5 closes', 'p0 closes', 'p_5 closes']);
    expect(openSockets()).toBe(0);
  });

  test('that are set up are closed where a later one fails, and nothing is left open', async () => {
    const { start, openSockets } = world();
    const { trace, plugins } = noting(0, 1);
    const failing: Plugin = {
      name: 'failing',
      api: 1,
      priority: 2,
      setup() {
        throw new Error('boom');
      },
    };
    await expect(start('[core]\nload-plugins = p0,p1,failing\n', [...plugins, failing])).rejects.toThrow(
      'plugin failing: setup failed: boom',
    );
    expect(trace).toEqual(['p0 is set up', 'p1 is set up', 'p1 closes', 'p0 closes']);
    expect(openSockets()).toBe(0);
  });

  test('are told of bad options before they are set up', async () => {
    const { start } = world();
    const { trace, plugins } = noting(0);
    await expect(start('[core]\npath-manager = p0\n[plugin p0]\nx = 1\n', plugins)).rejects.toThrow(
      'm.conf:4: it has no option "x"',
    );
    expect(trace).toEqual([]);
  });

  test.each([
    ['addr_adv', 'userspace', 1],
    ['addr_adv', 'kernel', 0],
    ['fullmesh', 'kernel', 1],
    ['fullmesh', 'userspace', 0],
  ])('%s under the %s path manager: %i warnings', async (plugin, mode, count) => {
    const { kernel, start, lines } = world();
    kernel.sysctls.set('path_manager', mode);
    await (await start(`[core]\npath-manager = ${plugin}\n`)).stop();
    expect(lines.filter(({ level }) => level >= 40)).toHaveLength(count);
    if (count) expect(lines[0]).toMatchObject({ plugin, cure: expect.stringContaining('sysctl -w net.mptcp.') });
  });
});

test.each([
  ['[plugin fulmesh]\nmax-subflows = 2', /\[plugin fulmesh\] has no effect.*"fullmesh"/],
  ['[plugin addr_adv]\nx = 1', /\[plugin addr_adv\] has no effect/],
  ['[plugin addr_adv]', undefined],
])('options of a plugin that is not loaded are named: %j', async (section, words) => {
  const { kernel, start, lines } = world();
  kernel.sysctls.set('path_manager', 'userspace');
  await (await start(`[core]\nload-plugins = fullmesh\n${section}\n`)).stop();
  const said = lines.map(({ msg }) => msg).filter((msg) => msg.includes('no effect'));
  expect(said).toEqual(words ? [expect.stringMatching(words)] : []);
});

test('a path manager that the kernel does not have yet is waited for', async () => {
  const clock = new FakeClock();
  const { kernel, start, lines } = world();
  let there = false;
  kernel.netlink.add(nlctrl.PROTOCOL, ({ type }) => {
    if (type === nlctrl.FAMILY_ID && !there) throw new FakeRefusal('ENOENT');
    return undefined;
  });
  let started: Daemon | undefined;
  void start('', [], { clock }).then((daemon) => {
    started = daemon;
  });
  const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
  await turn();
  await clock.advance(60_000, turn);
  expect(started).toBeUndefined();
  expect(lines.filter(({ msg }) => msg.includes('waiting for it'))).toHaveLength(1);
  there = true;
  await clock.advance(1000, turn);
  await turn();
  expect(started).toBeDefined();
  await started?.stop();
});

describe('read again', () => {
  const reload = async (daemon: Daemon, text: string): Promise<void> => {
    const { core, plugins } = parseConfig(text, 'm.conf');
    await daemon.reload(settle(plugins, core));
  };
  /** A plugin that notes its option and what it hears. */
  function noted(name: string) {
    const trace: string[] = [];
    const plugin: Plugin = {
      name,
      api: 1,
      options: { n: int({ default: 1, min: 0, max: 9, help: 'a number' }) },
      setup({ options, addressFlags }) {
        trace.push(`set up with ${(options as { n: number }).n} ${addressFlags.join()}`);
        return {
          interfaceAdded: () => undefined,
          localAddressAdded: ({ ip }) => void trace.push(`hears ${ip}`),
          connectionEstablished: ({ token }) => void trace.push(`established ${token}`),
          close: () => void trace.push('closes'),
        };
      },
    };
    return { trace, plugin };
  }
  const two = '[core]\nload-plugins = a, b\n';

  test('a plugin whose options changed is set up anew and told of all there is; others are left alone', async () => {
    const [a, b] = [noted('a'), noted('b')];
    const { kernel, start } = world();
    kernel.links.add('eth0');
    kernel.links.addAddress('eth0', '10.0.1.1', 24);
    const daemon = await start(two, [a.plugin, b.plugin]);
    const ends = {
      localIp: '10.0.1.1',
      localPort: 1,
      locId: asAddrId(0),
      remoteIp: '10.9.9.9',
      remotePort: 2,
      remId: asAddrId(0),
    };
    for (const type of ['connectionCreated', 'connectionEstablished'] as const) {
      daemon.host.feed({ type, token: asToken(7), serverSide: false, denyJoinId0: false, ...ends });
    }
    for (const { trace } of [a, b]) trace.splice(0);
    await reload(daemon, `${two}[plugin a]\nn = 5\n`);
    expect(a.trace).toEqual(['closes', 'set up with 5 subflow', 'hears 10.0.1.1', 'established 7']);
    expect(b.trace).toEqual([]);
    await reload(daemon, `${two}[plugin a]\nn = 5\n`);
    expect(a.trace).toHaveLength(4);
    await daemon.stop();
    expect([a.trace.at(-1), b.trace.at(-1)]).toEqual(['closes', 'closes']);
  });

  test('a wrong option changes nothing', async () => {
    const [a, b] = [noted('a'), noted('b')];
    const { start } = world();
    const daemon = await start(two, [a.plugin, b.plugin]);
    await expect(reload(daemon, `${two}addr-flags = signal\n[plugin a]\nn = 2\n[plugin b]\nn = 99\n`)).rejects.toThrow(
      'm.conf:7: n takes a whole number from 0 to 9, not "99"',
    );
    expect(a.trace).toEqual(['set up with 1 subflow']);
    await daemon.stop();
  });

  test('other flags are given to the plugins', async () => {
    const [a, b] = [noted('a'), noted('b')];
    const { start } = world();
    const daemon = await start(two, [a.plugin, b.plugin]);
    await reload(daemon, `${two}addr-flags = signal\n`);
    expect(a.trace.slice(1)).toEqual(['closes', 'set up with 1 signal']);
    await daemon.stop();
  });

  test('a plugin that fails then takes no other with it, and is tried again with the next reading', async () => {
    const [a, b] = [noted('a'), noted('b')];
    const setup = a.plugin.setup as NonNullable<Plugin['setup']>;
    const picky: Plugin = {
      ...a.plugin,
      setup(context) {
        if ((context.options as { n: number }).n === 9) throw new Error('not nine');
        return setup(context);
      },
    };
    const { start, lines } = world();
    const daemon = await start(two, [picky, b.plugin]);
    await reload(daemon, `${two}[plugin a]\nn = 9\n`);
    expect(lines).toContainEqual(expect.objectContaining({ level: 50, plugin: 'a', msg: 'plugin is out of use' }));
    await reload(daemon, `${two}[plugin a]\nn = 2\n`);
    await reload(daemon, `${two}[plugin a]\nn = 2\n`);
    expect(a.trace).toEqual(['set up with 1 subflow', 'closes', 'set up with 2 subflow']);
    expect(b.trace).toEqual(['set up with 1 subflow']);
    await daemon.stop();
    expect([a.trace.at(-1), b.trace.at(-1)]).toEqual(['closes', 'closes']);
  });

  test('what the closed instance still has under way begins nothing new', async () => {
    const clock = new FakeClock();
    const { start } = world();
    const trace: unknown[] = [];
    let later = async (): Promise<void> => undefined;
    const plugin: Plugin = {
      name: 'a',
      api: 1,
      options: { n: int({ default: 1, min: 0, max: 9, help: 'a number' }) },
      setup({ pm, after, options }) {
        const { n } = options as { n: number };
        if (n === 1) {
          later = async () => {
            after(10, () => void trace.push('ticks'));
            trace.push(await pm.getLimits());
          };
        }
        return { close: async () => void trace.push((await pm.getLimits()).ok) };
      },
    };
    const daemon = await start('[core]\nload-plugins = a\n', [plugin], { clock });
    await reload(daemon, '[core]\nload-plugins = a\n[plugin a]\nn = 2\n');
    await later();
    await clock.advance(100);
    expect(trace).toEqual([true, { ok: false, error: { code: 'PLUGIN_CLOSED', message: 'the plugin is closed' } }]);
    await daemon.stop();
  });

  test('hooks that never settle hold back the old instance alone, and are named', async () => {
    const clock = new FakeClock();
    const { kernel, start, lines } = world();
    kernel.links.add('eth0');
    const heard: string[] = [];
    const plugin: Plugin = {
      name: 'a',
      api: 1,
      options: { n: int({ default: 1, min: 0, max: 9, help: 'a number' }) },
      setup: ({ options }) => ({
        localAddressAdded({ ip }) {
          heard.push(`${(options as { n: number }).n} ${ip}`);
          return (options as { n: number }).n === 1 ? new Promise(() => undefined) : undefined;
        },
      }),
    };
    const daemon = await start('[core]\nload-plugins = a\n', [plugin], { clock });
    const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
    for (const ip of ['10.0.1.1', '10.0.1.2']) kernel.links.addAddress('eth0', ip, 24);
    await turn();
    await clock.advance(30_000, turn);
    expect(lines).toContainEqual(expect.objectContaining({ level: 40, plugin: 'a', lanes: 1 }));
    await reload(daemon, '[core]\nload-plugins = a\n[plugin a]\nn = 2\n');
    expect(heard).toEqual(['1 10.0.1.1', '2 10.0.1.1', '2 10.0.1.2']);
    await daemon.stop();
  });

  test('filters count at once', async () => {
    const [a, b] = [noted('a'), noted('b')];
    const { kernel, start } = world();
    kernel.links.add('eth0');
    kernel.links.addAddress('eth0', 'fe80::1', 64);
    const daemon = await start(two, [a.plugin, b.plugin]);
    expect(a.trace).toHaveLength(1);
    await reload(daemon, `${two}notify-flags = existing,skip_loopback\n`);
    expect(a.trace.slice(1)).toEqual(['hears fe80::1']);
    await daemon.stop();
  });

  test('what counts from the next start on only is named', async () => {
    const [a, b] = [noted('a'), noted('b')];
    const { start, lines } = world();
    const daemon = await start(two, [a.plugin, b.plugin]);
    await reload(daemon, '[core]\nload-plugins = a\nlog = syslog\nlog-level = warn\n');
    expect(lines).toContainEqual(expect.objectContaining({ level: 40, keys: 'log, load-plugins' }));
    await daemon.stop();
  });
});

describe('where it cannot start it says why and what mends it', () => {
  test.each([
    [undefined, 'NO_MPTCP', 'this kernel has no Multipath TCP'],
    ['0', 'MPTCP_DISABLED', 'run sysctl -w net.mptcp.enabled=1'],
  ])('net.mptcp.enabled is %s', async (value, code, words) => {
    const { start, openSockets } = world();
    const sysctl = (): string | undefined => value;
    await expect(start('', [], { sysctl })).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
    expect(openSockets()).toBe(0);
  });

  test.each([
    ['EPERM', 'NO_CAPABILITY'],
    ['EINVAL', 'EINVAL'],
  ])('the events may not be heard: %s', async (errno, code) => {
    const { start, environment, openSockets } = world();
    const number = { EPERM: 1, EINVAL: 22 }[errno] ?? 0;
    const openSocket: Environment['openSocket'] = (protocol) => {
      const socket = environment.openSocket(protocol);
      socket.join = () => {
        throw new SystemError('setsockopt', number, 'join');
      };
      return socket;
    };
    await expect(start('', [], { openSocket })).rejects.toMatchObject({ code });
    expect(openSockets()).toBe(0);
  });
});
