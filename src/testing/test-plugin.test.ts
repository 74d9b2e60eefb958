import { describe, expect, test } from 'vitest';
import { definePlugin, int, type Outcome, type PluginHooks, type Pm } from '../plugin-api/index.ts';
import { type PluginTest, testPlugin } from './index.ts';

type Given = Parameters<NonNullable<Parameters<typeof definePlugin>[0]['setup']>>[0];

/** A plugin of the given hooks. */
const plugin = (setup: (context: Given) => PluginHooks) => definePlugin({ name: 'p', api: 1, setup });
const ends = { local: { ip: '10.0.1.1' }, remote: { ip: '10.0.9.9', port: 443 } };
const names = (t: PluginTest): readonly string[] => t.commands.map(({ type }) => type);

describe('what is tested', () => {
  test('is checked as the daemon does', async () => {
    await expect(testPlugin({ name: 'two words', api: 1, setup: () => ({}) })).rejects.toThrow('[PLUGIN_NO_NAME]');
    await expect(testPlugin({ name: 'p', api: 2, setup: () => ({}) })).rejects.toThrow('[PLUGIN_API_VERSION]');
  });

  test('a setup that fails rejects', async () => {
    const failing = plugin(() => {
      throw new Error('boom');
    });
    await expect(testPlugin(failing)).rejects.toThrow('plugin p: setup failed: boom');
  });

  test('options are given as text, and bad ones are told', async () => {
    const seen: number[] = [];
    const withOptions = definePlugin({
      name: 'p',
      api: 1,
      options: { most: int({ default: 2, help: '' }) },
      setup({ options }) {
        seen.push(options.most);
        return {};
      },
    });
    await testPlugin(withOptions);
    await testPlugin(withOptions, { options: { most: '5' } });
    expect(seen).toEqual([2, 5]);
    await expect(testPlugin(withOptions, { options: { most: 'x' } })).rejects.toThrow('test options: most takes');
  });
});

describe('events', () => {
  /** A plugin that notes what it hears. */
  async function listening() {
    const heard: string[] = [];
    const t = await testPlugin(
      plugin(() => ({
        connectionCreated: ({ serverSide }) => void heard.push(`created server ${serverSide}`),
        connectionEstablished: ({ denyJoinId0 }) => void heard.push(`established deny ${denyJoinId0}`),
        connectionClosed: ({ state }) => void heard.push(`closed ${state}`),
        addressAnnounced: ({ address }) => void heard.push(`announced ${address.id} ${address.ip}:${address.port}`),
        addressRemoved: ({ address }) => void heard.push(`withdrawn ${address.id}`),
        subflowEstablished: ({ local }) => void heard.push(`up ${local.ip}`),
        subflowClosed: ({ error }) => void heard.push(`down ${error}`),
        subflowPriority: ({ backup }) => void heard.push(`backup ${backup}`),
        interfaceAdded: ({ name }) => void heard.push(`interface ${name}`),
        interfaceUpdated: ({ running }) => void heard.push(`running ${running}`),
        localAddressAdded: ({ ip }) => void heard.push(`address ${ip}`),
        localAddressRemoved: ({ ip }) => void heard.push(`no address ${ip}`),
      })),
    );
    return { t, heard };
  }

  test('reach the plugin as the daemon’s do', async () => {
    const { t, heard } = await listening();
    const c = await t.connect({ ...ends, serverSide: true, denyJoinId0: true });
    expect(c).toMatchObject({ state: 'established', remote: { port: 443 } });
    await t.announce(c, 4, { ip: '10.0.8.8', port: 8443 });
    await t.announce(c, 4, { ip: '10.0.8.8', port: 8443 });
    await t.withdraw(c, 4);
    const which = { token: c.token, localIp: '10.0.2.1', localPort: 7, remoteIp: '10.0.9.9' };
    await t.subflow('subflowEstablished', which);
    await t.subflow('subflowPriority', { ...which, backup: true });
    await t.subflow('subflowClosed', { ...which, error: 'ETIMEDOUT' });
    await t.close(c);
    expect(heard).toEqual([
      'created server true',
      'established deny true',
      'announced 4 10.0.8.8:8443',
      'withdrawn 4',
      'up 10.0.2.1',
      'backup true',
      'down ETIMEDOUT',
      'closed closed',
    ]);
  });

  test('of the network make the interface where it is new', async () => {
    const { t, heard } = await listening();
    await t.addAddress('eth0', '10.0.1.1');
    await t.addAddress('eth0', '10.0.1.2', { prefixLength: 32 });
    await t.removeAddress('eth0', '10.0.1.2');
    await t.setLink('eth0', false);
    await t.setLink('eth0', true);
    expect(heard).toEqual([
      'interface eth0',
      'address 10.0.1.1',
      'address 10.0.1.2',
      'no address 10.0.1.2',
      'no address 10.0.1.1',
      'running false',
      'running true',
      'address 10.0.1.1',
    ]);
  });

  test('are filtered as the daemon does by default', async () => {
    const { t, heard } = await listening();
    await t.addAddress('eth0', 'fe80::1', { scope: 'link' });
    await t.addAddress('eth0', '2001:db8::1', { tentative: true });
    expect(heard).toEqual(['interface eth0']);
  });

  test('each connection has its own token', async () => {
    const { t } = await listening();
    expect((await t.connect(ends)).token).not.toBe((await t.connect(ends)).token);
  });
});

describe('commands', () => {
  /** A plugin that hands its commands out. */
  async function commanding() {
    let pm: Pm | undefined;
    const t = await testPlugin(
      plugin((context) => {
        pm = context.pm;
        return {};
      }),
    );
    return { t, pm: pm as unknown as Pm };
  }
  const errno = (outcome: Outcome<unknown>): string | undefined => (outcome.ok ? 'done' : outcome.error.errno);

  test('are noted in order as the kernel would get them: ids chosen', async () => {
    const { t, pm } = await commanding();
    const { token } = await t.connect(ends);
    await pm.announce({ token, address: { ip: '10.0.2.1' } });
    await pm.flushEndpoints();
    expect(t.commands).toEqual([
      { type: 'announce', args: { token, address: { ip: '10.0.2.1', id: 16 } } },
      { type: 'flushEndpoints', args: undefined },
    ]);
  });

  test('that the daemon refuses never get there', async () => {
    const { t, pm } = await commanding();
    const { token } = await t.connect({ ...ends, denyJoinId0: true });
    expect(await pm.createSubflow({ token, local: { ip: '10.0.2.1' }, remote: ends.remote })).toMatchObject({
      error: { code: 'DENIED_BY_PEER' },
    });
    expect(t.commands).toEqual([]);
  });

  test('are answered as by a kernel where nothing is there', async () => {
    const { t, pm } = await commanding();
    const { token } = await t.connect(ends);
    expect(await pm.getLimits()).toEqual({ ok: true, value: { subflows: 2, addAddrAccepted: 0 } });
    expect(await pm.listEndpoints()).toEqual({ ok: true, value: [] });
    expect(await pm.listAddresses({ token })).toEqual({ ok: true, value: [] });
    expect(await pm.flushEndpoints()).toEqual({ ok: true, value: undefined });
  });

  test('are refused once for each refuse(), the newest first, by name', async () => {
    const { t, pm } = await commanding();
    t.refuse('flushEndpoints', 'EPERM');
    t.refuse('getLimits', 'EINVAL');
    t.refuse('flushEndpoints', 'EBUSY');
    const outcomes = [await pm.flushEndpoints(), await pm.flushEndpoints(), await pm.flushEndpoints()];
    expect(outcomes.map(errno)).toEqual(['EBUSY', 'EPERM', 'done']);
    expect(errno(await pm.getLimits())).toBe('EINVAL');
  });

  test('are answered as told once', async () => {
    const { t, pm } = await commanding();
    t.answer('getLimits', { subflows: 8, addAddrAccepted: 8 });
    expect(await pm.getLimits()).toMatchObject({ value: { subflows: 8 } });
    expect(await pm.getLimits()).toMatchObject({ value: { subflows: 2 } });
  });

  test('that are refused are in the log', async () => {
    const { t, pm } = await commanding();
    t.refuse('flushEndpoints', 'EPERM');
    await pm.flushEndpoints();
    expect(t.logs).toMatchObject([{ level: 'warn', msg: 'command refused', command: 'flushEndpoints', plugin: 'p' }]);
  });
});

describe('waiting', () => {
  test('what a hook starts without waiting for it is done when the method returns', async () => {
    const t = await testPlugin(
      plugin(({ pm }) => ({
        connectionEstablished() {
          void (async () => {
            await pm.getLimits();
            await pm.listEndpoints();
            await pm.flushEndpoints();
          })();
        },
      })),
    );
    await t.connect(ends);
    expect(names(t)).toEqual(['getLimits', 'listEndpoints', 'flushEndpoints']);
  });

  test('a hook that waits for a timer is left waiting until time passes', async () => {
    const t = await testPlugin(
      plugin(({ pm, after }) => ({
        async connectionEstablished() {
          await new Promise<void>((done) => after(5000, done));
          await pm.flushEndpoints();
        },
      })),
    );
    await t.connect(ends);
    expect(names(t)).toEqual([]);
    await t.advance(4999);
    expect(names(t)).toEqual([]);
    await t.advance(1);
    expect(names(t)).toEqual(['flushEndpoints']);
  });

  test('a hook that never settles holds up its own connection and nothing else', async () => {
    const closed: number[] = [];
    const t = await testPlugin(
      plugin(() => ({
        connectionEstablished: ({ token }) => (token === 1 ? new Promise(() => undefined) : undefined),
        connectionClosed: ({ token }) => void closed.push(token),
      })),
    );
    const [first, second] = [await t.connect(ends), await t.connect(ends)];
    await t.close(first);
    await t.close(second);
    expect(closed).toEqual([2]);
  });

  test('a hook that throws is in the log, and the test goes on', async () => {
    const t = await testPlugin(
      plugin(() => ({
        connectionCreated() {
          throw new Error('boom');
        },
      })),
    );
    const c = await t.connect(ends);
    expect(c.state).toBe('established');
    expect(t.logs).toMatchObject([{ level: 'error', hook: 'connectionCreated', error: 'boom', plugin: 'p' }]);
  });

  test('the plugin’s own lines are in the log, all levels', async () => {
    const t = await testPlugin(
      plugin(({ log }) => {
        log.debug('one');
        log.info({ a: 1 }, 'two');
        log.warn('three');
        log.error('four');
        return {};
      }),
    );
    expect(t.logs).toEqual([
      { level: 'debug', msg: 'one', plugin: 'p' },
      { level: 'info', msg: 'two', plugin: 'p', a: 1 },
      { level: 'warn', msg: 'three', plugin: 'p' },
      { level: 'error', msg: 'four', plugin: 'p' },
    ]);
  });

  test('stop closes the plugin and ends its timers', async () => {
    const trace: string[] = [];
    const t = await testPlugin(
      plugin((context) => {
        context.after(10, () => void trace.push('timer'));
        return { close: () => void trace.push('closed') };
      }),
    );
    await t.stop();
    await t.advance(100);
    expect(trace).toEqual(['closed']);
  });
});
