import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import type { DaemonProcess, LabHost } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';
import { until } from '../../src/lab/process.ts';
import { kernelTest } from './need.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');
const asRoot = kernelTest('MPTCP', 'CAP_NET_ADMIN of the machine');
const PROGRAM = new URL('../../bin/mptcpd', import.meta.url).pathname;
const EXAMPLE = new URL('../../examples/mirror.mjs', import.meta.url).pathname;

let lab: Lab;
let host: LabHost;
let dir: string;

beforeEach(async () => {
  lab = await Lab.open();
  host = await lab.host('host');
  dir = mkdtempSync(join(tmpdir(), 'mptcpd-program-'));
});
afterEach(async () => {
  await lab.close();
  rmSync(dir, { recursive: true });
});

/** Runs mptcpd where it is not to start: what it said, and its exit status. */
function refused(...args: string[]): { status: number | null; lines: string[] } {
  const wrapped = ['-t', `${host.pid}`, '-U', '-n', '--preserve-credentials', process.execPath, PROGRAM, ...args];
  const { status, stderr } = spawnSync('nsenter', wrapped, { encoding: 'utf8', timeout: 10_000 });
  return { status, lines: stderr.trim().split('\n') };
}

describe('mptcpd stops', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`within a second of ${signal}, with status 0`, async () => {
      const daemon = await host.startDaemon();
      const ended = daemon.ended();
      const start = performance.now();
      daemon.signal(signal);
      expect(await ended).toBe(0);
      expect(performance.now() - start).toBeLessThan(1000);
      expect(daemon.raw).toEqual([]);
    });
  }

  test('while connections live and events come', async () => {
    await host.run('sysctl', '-qw', 'net.mptcp.pm_type=1');
    const daemon = await host.startDaemon('--load-plugins=fullmesh');
    const { port } = await host.ask<{ port: number }>({ op: 'listen', at: { ip: '127.0.0.1', port: 0 } });
    for (let i = 0; i < 50; i++) await host.ask({ op: 'connect', to: { ip: '127.0.0.1', port } });
    const { status, ms } = await daemon.stop();
    expect(status).toBe(0);
    expect(ms).toBeLessThan(1000);
  });
});

describe('mptcpd leaves the kernel', () => {
  test.each([
    ['clean', ''],
    ['keep', '10.9.0.3 id 1 subflow dev lo'],
  ])('as on-exit = %s says', async (how, left) => {
    const file = join(dir, 'mptcpd.conf');
    writeFileSync(file, `[plugin addr_adv]\non-exit = ${how}\n`);
    await host.run('ip', 'addr', 'add', '10.9.0.3/32', 'dev', 'lo');
    const endpoints = async (): Promise<string> => (await host.run('ip', 'mptcp', 'endpoint')).trim();
    for (const _ of ['a run', 'the next one, which takes up what the first left']) {
      const daemon = await host.startDaemon('--config', file);
      await until('the endpoint', async () => (await endpoints()) === '10.9.0.3 id 1 subflow dev lo', {
        state: endpoints,
      });
      expect(daemon.lines.filter(({ plugin }) => plugin === 'addr_adv')).toEqual([]);
      await daemon.stop();
      expect(await endpoints()).toBe(left);
    }
  });
});

test('somebody who only takes the name of the mark keeps mptcpd from nothing', async () => {
  const os = new URL('../../dist/os/index.js', import.meta.url).href;
  const code = `import { UnixDatagram } from '${os}'; new UnixDatagram('@mptcpd'); console.error('{"taken":true}'); setInterval(() => {}, 1e6);`;
  const squatter = host.spawn(process.execPath, '--input-type=module', '-e', code);
  await until('the name is taken', () => squatter.lines.length > 0, { state: () => squatter.raw });
  const daemon = await host.startDaemon();
  expect(daemon.lines).toContainEqual(expect.objectContaining({ level: 40, msg: expect.stringContaining('@mptcpd') }));
  expect(refused()).toEqual({ status: 1, lines: [expect.stringContaining('another mptcpd')] });
  expect((await daemon.stop()).status).toBe(0);
});

describe('mptcpd goes on', () => {
  test('on SIGUSR1, and tells its state', async () => {
    const daemon = await host.startDaemon();
    daemon.signal('SIGUSR1');
    await until('the state is in the log', () => daemon.lines.some((line) => line['msg'] === 'state'));
    expect(daemon.lines.at(-1)).toMatchObject({ plugins: 'addr_adv', connections: 0, subflows: 0, listeners: 0 });
    expect(daemon.raw).toEqual([]); // Node's inspector does not speak
    expect((await daemon.stop()).status).toBe(0);
  });

  test('on SIGHUP, and reads its configuration again', async () => {
    const file = join(dir, 'mptcpd.conf');
    const write = (core: string): void => writeFileSync(file, `[core]\n${core}\n`);
    const said = (daemon: DaemonProcess, words: string): Promise<unknown> =>
      until(words, () => daemon.lines.some((line) => JSON.stringify(line).includes(words)), {
        state: () => daemon.lines,
      });
    await host.run('ip', 'addr', 'add', '10.9.0.1/32', 'dev', 'lo');
    const endpoints = (): Promise<string> => host.run('ip', 'mptcp', 'endpoint');
    write('addr-flags = subflow');
    const daemon = await host.startDaemon('--config', file);
    await until('the endpoint', async () => (await endpoints()).includes('10.9.0.1 id 1 subflow dev lo'));

    write('addr-flgas = signal');
    daemon.signal('SIGHUP');
    await said(daemon, 'the configuration stays as it was');
    expect(await endpoints()).toContain('subflow');

    write('addr-flags = signal\nlog-level = debug\nlog = syslog');
    daemon.signal('SIGHUP');
    await said(daemon, 'this takes effect at the next start');
    await until('the other flag', async () => (await endpoints()).includes('signal'), { state: endpoints });

    write('addr-flags = signal\nnotify-flags = skip_loopback,check_route');
    daemon.signal('SIGHUP');
    await until('no endpoint without a route', async () => (await endpoints()) === '', { state: endpoints });
    expect((await daemon.stop()).status).toBe(0);
  });

  test('whatever plugins throw outside of their hooks', async () => {
    const code = `import { connect } from 'node:net'; export default { name: 'stray', api: 1, setup: () => ({
      interfaceAdded({ name }) {
        if (name !== 'lo') return;
        setTimeout(() => { throw new Error('from a timer'); });
        void (async () => { throw new Error('from a promise'); })();
        Promise.reject('a word');
        connect(1, '127.0.0.1');
      } }) };`;
    writeFileSync(join(dir, 'stray.mjs'), code);
    const daemon = await host.startDaemon('--plugin-dir', dir);
    const heard = (words: string): boolean =>
      daemon.lines.some((line) => line['plugin'] === 'stray' && line['error'] === words);
    const all = ['from a timer', 'from a promise', 'a word', 'connect ECONNREFUSED 127.0.0.1:1'];
    await until('all are logged', () => all.every(heard), {
      state: () => daemon.lines,
    });
    expect((await daemon.stop()).status).toBe(0);
  });

  test('where nobody can write its log', async () => {
    const program = `exec "$1" "$2" --load-plugins=addr_adv 2>/dev/full`;
    const daemon = host.spawn('sh', '-c', program, 'sh', process.execPath, PROGRAM);
    await host.run('ip', 'addr', 'add', '10.9.0.2/32', 'dev', 'lo');
    await until('its endpoint', async () => (await host.run('ip', 'mptcp', 'endpoint')).includes('10.9.0.2'));
    expect((await daemon.stop()).status).toBe(0);
  });

  test('with a plugin that takes its time to set itself up', async () => {
    const code = `export default { name: 'slow', api: 1, setup: ({ after }) => new Promise((done) => after(50, () => done({}))) };`;
    writeFileSync(join(dir, 'slow.mjs'), code);
    const daemon = await host.startDaemon('--plugin-dir', dir);
    expect((await daemon.stop()).status).toBe(0);
  });
});

describe('mptcpd does not start, and says in one line what mends it', () => {
  test('where MPTCP is switched off', async () => {
    await host.run('sysctl', '-qw', 'net.mptcp.enabled=0');
    expect(refused()).toEqual({ status: 1, lines: [expect.stringContaining('run sysctl -w net.mptcp.enabled=1')] });
  });

  test('where another one manages the namespace', async () => {
    const first = await host.startDaemon();
    expect(refused()).toEqual({
      status: 1,
      lines: [expect.stringContaining('another mptcpd manages this network namespace')],
    });
    await first.stop();
    expect((await (await host.startDaemon()).stop()).status).toBe(0);
  });

  asRoot('without CAP_NET_ADMIN', () => {
    const argv = ['--bounding-set=-net_admin', '--inh-caps=-all', process.execPath, PROGRAM];
    const { status, stderr } = spawnSync('setpriv', argv, { encoding: 'utf8', timeout: 10_000 });
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining('AmbientCapabilities=CAP_NET_ADMIN')]);
    expect(status).toBe(1);
  });

  test.each([
    [['--lgo=stderr'], 64, /there is no option --lgo; did you mean "log"\?/],
    [['--notify-flags=exist'], 64, /--notify-flags: has no flag "exist"/],
    [['extra'], 64, /too many arguments: "extra"/],
    [['--config=/nonexistent'], 1, /\/nonexistent: there is no such file/],
    [['--load-plugins=nosuch'], 1, /nosuch: not found.*addr_adv, fullmesh.*PLUGIN_NOT_FOUND/],
    [['--path-manager=nosuch'], 1, /PLUGIN_NOT_FOUND/],
    [['--plugin-dir=/nonexistent'], 1, /\/nonexistent.*PLUGIN_NOT_FOUND/],
    [['--netns=nonexistent'], 1, /\/run\/netns\/nonexistent.*ENOENT/],
  ])('with %j: status %d', (args, status, words) => {
    const { lines, ...rest } = refused(...args);
    expect(rest.status).toBe(status);
    expect(lines[0]).toMatch(words);
    expect(lines).toHaveLength(status === 64 ? 2 : 1); // wrong usage is followed by where to look
  });

  test('with a mistake in its file: file and line', () => {
    const file = join(dir, 'mptcpd.conf');
    writeFileSync(file, '[core]\n\naddr-flag = subflow\n');
    const { status, lines } = refused('--config', file);
    expect(lines).toEqual([`mptcpd: ${file}:3: no key "addr-flag" in [core]; did you mean "addr-flags"?`]);
    expect(status).toBe(1);
  });

  test('with a file that anybody may change', () => {
    const file = join(dir, 'mptcpd.conf');
    writeFileSync(file, '[core]\n');
    chmodSync(file, 0o666);
    expect(refused('--config', file)).toEqual({ status: 1, lines: [expect.stringContaining('chmod o-w')] });
  });
});

describe('mptcpd runs', () => {
  test('with a configuration written for the C mptcpd', async () => {
    const file = join(dir, 'mptcpd.conf');
    const plugins = join(dir, 'mptcpd');
    mkdirSync(plugins);
    writeFileSync(join(plugins, 'addr_adv.so'), '');
    writeFileSync(
      file,
      `# comment\n[core]\nlog=stderr\nplugin-dir=${plugins}\npath-manager=addr_adv\n# addr-flags=subflow\n`,
    );
    const daemon = await host.startDaemon('--config', file);
    expect(daemon.lines).toContainEqual(expect.objectContaining({ msg: 'mptcpd is ready', plugins: 'addr_adv' }));
  });

  test('a plugin of a directory without node_modules, on real connections', async () => {
    const peer = await lab.host('peer');
    for (const [n, link] of ['v1', 'v2'].entries()) {
      await lab.link(host, peer, link);
      await host.run('ip', 'addr', 'add', `10.0.${n}.1/24`, 'dev', link);
      await peer.run('ip', 'addr', 'add', `10.0.${n}.2/24`, 'dev', link);
    }
    for (const each of [host, peer]) await each.run('sysctl', '-qw', 'net.mptcp.pm_type=1');
    copyFileSync(EXAMPLE, join(dir, 'mirror.mjs'));
    await host.startDaemon('--plugin-dir', dir, '--path-manager', 'mirror');
    await peer.watchEvents();
    await peer.ask({ op: 'listen', at: { ip: '0.0.0.0', port: 8000 } });
    const { connection } = await host.ask<{ connection: number }>({
      op: 'connect',
      to: { ip: '10.0.0.2', port: 8000 },
    });
    await host.ask({ op: 'send', connection, bytes: 1000 });
    await until('the peer sees the subflow', () =>
      peer.events.some(({ event }) => event.type === 'subflowEstablished' && event.remoteIp === '10.0.1.1'),
    );
  });

  asRoot('as nobody, with CAP_NET_ADMIN and no other right', async () => {
    const caps = ['--inh-caps=-all,+net_admin', '--ambient-caps=-all,+net_admin', '--bounding-set=-all,+net_admin'];
    const file = join(dir, 'mptcpd.conf');
    writeFileSync(file, `[core]\nnotify-flags = existing\n`);
    chmodSync(dir, 0o755);
    const wrapped = ['unshare', '--net', 'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...caps];
    const child = host.spawnOutside(...wrapped, process.execPath, PROGRAM, '--config', file);
    await child.ready('as nobody');
    expect(child.lines.filter(({ level }) => Number(level) > 30)).toEqual([]);
    expect((await child.stop()).status).toBe(0);
  });

  test('and listens for joins where a plugin announces on a port of its own', async () => {
    const peer = await lab.host('peer');
    for (const [n, link] of ['v1', 'v2'].entries()) {
      await lab.link(host, peer, link);
      await host.run('ip', 'addr', 'add', `10.0.${n}.1/24`, 'dev', link);
      await peer.run('ip', 'addr', 'add', `10.0.${n}.2/24`, 'dev', link);
    }
    for (const each of [host, peer]) await each.run('sysctl', '-qw', 'net.mptcp.pm_type=1');
    // The server listens on one address alone: without a listener of mptcpd's nobody would answer on the other.
    const code = `export default { name: 'two-ports', api: 1, setup: ({ pm }) => ({
      connectionEstablished: ({ token }) => pm.announce({ token, address: { ip: '10.0.1.2', port: 0 }, listen: true }) }) };`;
    writeFileSync(join(dir, 'two-ports.mjs'), code);
    const server = await peer.startDaemon('--plugin-dir', dir);
    await host.startDaemon('--load-plugins=fullmesh');
    const { port } = await peer.ask<{ port: number }>({ op: 'listen', at: { ip: '10.0.0.2', port: 0 } });
    await host.watchEvents();
    const { connection } = await host.ask<{ connection: number }>({ op: 'connect', to: { ip: '10.0.0.2', port } });
    await host.ask({ op: 'send', connection, bytes: 1000 });
    const joined = await until(
      'a subflow to the announced port',
      () => host.events.find(({ event }) => event.type === 'subflowEstablished' && event.remoteIp === '10.0.1.2'),
      { state: () => host.events },
    );
    expect(joined.event).not.toMatchObject({ remotePort: port });
    const listening = async (): Promise<boolean> => (await peer.run('ss', '-Hltn')).includes('10.0.1.2:');
    expect(await listening()).toBe(true);
    await host.ask({ op: 'close', connection });
    await peer.ask({ op: 'close', connection: 0 });
    await until('the listener is closed with the connection', async () => !(await listening()));
    expect((await server.stop()).status).toBe(0);
  });

  asRoot('in another network namespace', async () => {
    await host.run('ip', 'link', 'set', 'lo', 'down');
    await host.run('ip', 'addr', 'add', '10.9.9.9/32', 'dev', 'lo');
    const file = join(dir, 'mptcpd.conf');
    writeFileSync(file, `[core]\nnetns = /proc/${host.pid}/ns/net\n`);
    const other = await lab.host('other');
    // From the machine's own namespace, into the host's.
    const child = other.spawnOutside(process.execPath, PROGRAM, '--config', file);
    await child.ready('outside');
    await host.run('ip', 'link', 'set', 'lo', 'up');
    await until('its endpoint', async () => (await host.run('ip', 'mptcp', 'endpoint')).includes('10.9.9.9'));
    expect(await other.run('ip', 'mptcp', 'endpoint')).toBe('');
    expect((await child.stop()).status).toBe(0);
  });
});
