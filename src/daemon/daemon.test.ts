import { describe, expect, test } from 'vitest';
import { parseConfig, settle } from '../config/index.ts';
import { createLog } from '../log/index.ts';
import { SystemError } from '../os/index.ts';
import type { Plugin, PluginHooks } from '../plugin-api/plugin.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { FakeKernel } from '../testing/fake-kernel.ts';
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
