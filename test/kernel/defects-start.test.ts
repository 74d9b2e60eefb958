/** What users of the C mptcpd meet when they configure and start it (its defects 12, 16 and 17). */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { LabHost } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';
import { inside, until } from '../../src/lab/process.ts';
import { kernelTest } from './need.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');
const PROGRAM = new URL('../../bin/mptcpd', import.meta.url).pathname;

let lab: Lab;
let dir: string;
let file: string;

beforeAll(async () => {
  if ((await Lab.obstacle()) === undefined) lab = await Lab.open();
  dir = mkdtempSync(join(tmpdir(), 'mptcpd-defects-'));
  file = join(dir, 'mptcpd.conf');
});
afterAll(async () => {
  await lab?.close();
  rmSync(dir, { recursive: true });
});

/** Runs mptcpd where it is not to start: its exit status, and what it said. */
function refused(host: LabHost, args: readonly string[], wrapper: readonly string[] = []) {
  const [command, ...rest] = inside(host.pid, [...wrapper, process.execPath, PROGRAM, ...args]);
  const { status, signal, stderr } = spawnSync(command, rest, { encoding: 'utf8', timeout: 10_000 });
  return { status, signal, lines: stderr.trim().split('\n') };
}

describe('mistakes are told and end the start, without a crash', () => {
  let host: LabHost;
  beforeAll(async () => {
    if (lab) host = await lab.host('host');
  });

  test.each([
    ['load-plugins without a name (defect 12)', '[core]\nload-plugins =\n', 2, /load-plugins.*must not be empty/],
    ['load-plugins with a comma alone (defect 12)', '[core]\nload-plugins = ,\n', 2, /load-plugins.*names of plugins/],
    ['an unknown destination of the log (defect 16)', '[core]\nlog = bogus\n', 2, /stderr, syslog, journal, null/],
    ['a misspelt key (defect 16)', '[core]\n\nlog-levl = info\n', 3, /no key "log-levl".*"log-level"/],
    ['a key of nobody (defect 16)', '[core]\nbogus = 1\n', 2, /no key "bogus"/],
    ['another section (defect 16)', '[cor]\nlog = null\n', 1, /no section \[cor\].*"core"/],
    ['a line that is no setting (defect 16)', '[core]\ngarbage\n', 2, /"garbage" is no setting/],
    ['a section without its end (defect 16)', '[core\nlog = null\n', 1, /"\[core" is no section/],
    ['an unknown flag (defect 16)', '[core]\nnotify-flags = bogus\n', 2, /no flag "bogus"/],
  ])('%s', (_, text, line, words) => {
    writeFileSync(file, text);
    const { status, signal, lines } = refused(host, ['--config', file]);
    expect(lines).toEqual([expect.stringMatching(words)]);
    expect(lines[0]).toContain(`${file}:${line}: `);
    expect({ status, signal }).toEqual({ status: 1, signal: null });
  });

  test.each([
    ['--load-plugins=, (defect 12)', '--load-plugins=,', 64, /--load-plugins: takes names of plugins/],
    ['--load-plugins= (defect 12)', '--load-plugins=', 64, /--load-plugins: must not be empty/],
    ['an unknown path manager (defect 16)', '--path-manager=addr_avd', 1, /addr_avd: not found.*addr_adv/],
    ['an unknown plugin (defect 16)', '--load-plugins=addr_avd', 1, /addr_avd: not found.*addr_adv/],
  ])('%s', (_, option, wanted, words) => {
    const { status, signal, lines } = refused(host, [option]);
    expect(lines[0]).toMatch(words);
    expect({ status, signal }).toEqual({ status: wanted, signal: null });
  });

  for (const mode of ['kernel', 'userspace'] as const) {
    test(`no CAP_NET_ADMIN, under the ${mode} path manager (defect 17)`, async () => {
      await host.run('sysctl', '-qw', `net.mptcp.pm_type=${mode === 'userspace' ? 1 : 0}`);
      const { status, lines } = refused(host, [], ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-all']);
      expect(lines).toEqual([expect.stringContaining('AmbientCapabilities=CAP_NET_ADMIN')]);
      expect(status).toBe(1);
    });
  }
});

describe('what looks like a mistake and is none (defect 16)', () => {
  test('blanks after commas', async () => {
    const host = await lab.host('blanks');
    writeFileSync(file, '[core]\nload-plugins = addr_adv, sspi\nnotify-flags = existing, skip_link_local\n');
    const { lines } = await host.startDaemon('--config', file);
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'mptcpd is ready', plugins: 'addr_adv, sspi' }));
  });

  test('SIGHUP leaves it running', async () => {
    const host = await lab.host('hup');
    const daemon = await host.startDaemon();
    const heard = daemon.lines.length;
    daemon.signal('SIGHUP');
    await until('it says something', () => daemon.lines.length > heard);
    await host.run('ip', 'addr', 'add', '10.9.9.9/32', 'dev', 'lo');
    await until('and goes on', async () => (await host.run('ip', 'mptcp', 'endpoint')).includes('10.9.9.9'));
    expect((await daemon.stop()).status).toBe(0);
  });
});

describe('a plugin of the other path manager (defect 17)', () => {
  test.each([
    ['sspi', 'kernel', 'userspace'],
    ['fullmesh', 'kernel', 'userspace'],
    ['addr_adv', 'userspace', 'kernel'],
  ])('%s is named at the start under the %s path manager, with what mends it', async (plugin, mode, other) => {
    const host = await lab.host(plugin);
    await host.run('sysctl', '-qw', `net.mptcp.pm_type=${mode === 'userspace' ? 1 : 0}`);
    const { lines } = await host.startDaemon(`--load-plugins=${plugin}`);
    const ready = lines.findIndex(({ msg }) => msg === 'mptcpd is ready');
    const cure = expect.stringMatching(
      `^sysctl -w net\\.mptcp\\.(path_manager=${other}|pm_type=${other === 'kernel' ? 0 : 1})$`,
    );
    expect(lines.slice(0, ready)).toContainEqual(expect.objectContaining({ level: 40, plugin, cure }));
  });
});
