import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import type { LabHost } from '../../src/lab/host.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { run, until } from '../../src/lab/process.ts';
import { connect, ctl, done, MPTCPCTL, RunningCtl, startCtl } from './ctl.ts';
import { kernelTest } from './need.ts';
import { openPair } from './pair.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');

let lab: Lab;
let client: LabHost;
let server: LabHost;
let running: RunningCtl[];

beforeEach(async () => {
  ({ lab, client, server } = await openPair());
  running = [];
});
afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await lab.close();
});

function start(line: string): RunningCtl {
  const program = startCtl(client, line);
  running.push(program);
  return program;
}
/** Connects the server's agent to a listener on the client, and waits until it is turned away. */
async function turnedAway(ip: string, port: number): Promise<void> {
  const connected = server.ask<{ connection: number }>({ op: 'connect', to: { ip, port } });
  // The reset may come before the agent has looked.
  const found = await connected.catch((error: Error) => error);
  if (found instanceof Error) expect(found.message).toMatch(/ECONNRESET|ENOTCONN/);
  else await reset(found.connection);
}
async function reset(connection: number): Promise<void> {
  const counts = () => server.ask<{ ended: boolean }>({ op: 'counts', connection });
  await until('it is turned away', async () => (await counts()).ended, { state: counts });
}
const linkLocal = async (): Promise<string> =>
  /inet6 (fe80:\S+)\//.exec(await client.run('ip', '-6', 'addr', 'show', 'dev', 'v2', 'scope', 'link'))?.[1] ?? '';

describe('listen', () => {
  test.each([
    ['10.0.2.1 port 8001', 'listening on 10.0.2.1 port 8001\n', '10.0.2.1'],
    ['fd00:2::1 port 0x1f41', 'listening on fd00:2::1 port 8001\n', 'fd00:2::1'],
    ['::ffff:10.0.2.1 p 8001', 'listening on ::ffff:10.0.2.1 port 8001\n', '10.0.2.1'],
    ['port 8001 0.0.0.0', 'listening on 0.0.0.0 port 8001\n', '10.0.2.1'],
    [':: port 8001', 'listening on :: port 8001\n', '10.0.1.1'],
    [':: port 8001', 'listening on :: port 8001\n', 'fd00:1::1'],
  ])('%s: says so, and resets who comes with a connection of its own', async (words, line, ip) => {
    const program = start(`listen ${words}`);
    expect(await program.said()).toBe(line);
    for (let i = 0; i < 3; i++) await turnedAway(ip, 8001);
    program.child.kill('SIGTERM');
    expect(await program.done()).toEqual({ ...done, out: line });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it silently, SIGUSR1 does not', async (signal) => {
    const program = start('-j listen 10.0.2.1 port 8001');
    const line = '{"address":"10.0.2.1","port":8001}\n';
    expect(await program.said()).toBe(line);
    program.child.kill('SIGUSR1');
    await turnedAway('10.0.2.1', 8001);
    program.child.kill(signal);
    expect(await program.done()).toEqual({ ...done, out: line });
  });

  test('without a port the kernel chooses one', async () => {
    const [, port] = /^listening on 10\.0\.2\.1 port (\d+)\n$/.exec(await start('listen 10.0.2.1').said()) ?? [];
    await turnedAway('10.0.2.1', Number(port));
  });

  test('a link-local address with its interface', async () => {
    const ip = await linkLocal();
    expect(await start(`listen ${ip} dev v2 port 8001`).said()).toBe(`listening on ${ip} port 8001 dev v2\n`);
    const [, scope] = /^(\d+):/.exec(await server.run('ip', '-o', 'link', 'show', 'dev', 'v2')) ?? [];
    await turnedAway(`${ip}%${scope}`, 8001);
  });

  test.each([
    ['10.0.1.2', '10.0.2.1', '10.0.2.2'],
    ['fd00:1::2', 'fd00:2::1', 'fd00:2::2'],
  ])('the server of %s joins an address that is announced', async (ip, local, remote) => {
    for (const host of [client, server]) await host.watchEvents();
    const { token, serverToken, port } = await connect({ client, server }, ip);
    await start(`listen ${local} port ${port}`).said();
    expect(ctl(client, `announce ${token} ${local} id 9`)).toEqual(done);
    await until('the server hears of it', () => server.events.some(({ event }) => event.type === 'addressAnnounced'));
    const joined = ctl(
      server,
      `subflow create ${serverToken} local ${remote} id 5 remote ${local} port ${port} --wait`,
    );
    expect(joined).toMatchObject({ status: 0, err: '' });
    expect(joined.out).toMatch(/^established .* id 9\n$/);
  });

  test('in a namespace that is named', async () => {
    const [file = '', ...args] = MPTCPCTL;
    const program = new RunningCtl([
      file,
      ...args,
      '-n',
      `/proc/${client.pid}/ns/net`,
      'listen',
      '10.0.2.1',
      'port',
      '8001',
    ]);
    running.push(program);
    expect(await program.said()).toBe('listening on 10.0.2.1 port 8001\n');
    await turnedAway('10.0.2.1', 8001);
  });

  test('where no descriptor is left it waits for one, and does not spin', async () => {
    const program = start('listen 10.0.2.1 port 8001');
    await program.said();
    const pid = program.child.pid ?? 0;
    const limit = (number: number) => run(['prlimit', '--pid', `${pid}`, `--nofile=${number}:4096`]);
    await limit(lowestFree(pid));
    const { connection } = await server.ask<{ connection: number }>({
      op: 'connect',
      to: { ip: '10.0.2.1', port: 8001 },
    });
    await until('it says so', () => program.err !== '');
    const before = cpuTicks(pid);
    await limit(1024);
    // It looks again after a second, in which it would have been busy.
    await reset(connection);
    expect(cpuTicks(pid) - before).toBeLessThan(30);
    expect(program.err).toBe(
      'mptcpctl: connections wait to be turned away: accept MPTCP listener: too many open files (EMFILE)\n',
    );
  });

  test('what is in the way is said, and what would be right', async () => {
    await start('listen 10.0.2.1 port 8001').said();
    const refused = (line: string): string => {
      const { status, out, err } = ctl(client, line);
      expect([status, out]).toEqual([2, '']);
      return err;
    };
    expect(refused('listen 10.0.2.1 port 8001')).toBe(
      'Error: cannot listen on 10.0.2.1 port 8001: Address already in use; another socket has this address or all ' +
        'addresses with the port: end it, or give another port.\n',
    );
    expect(refused('listen :: port 8001')).toBe(
      'Error: cannot listen on :: port 8001: Address already in use; a socket has the port on some address: give one ' +
        'address, or another port.\n',
    );
    expect(refused('listen 192.0.2.1')).toBe(
      'Error: cannot listen on 192.0.2.1: Cannot assign requested address; no interface here has this address: give ' +
        'one that "ip address" shows.\n',
    );
    await client.run('sysctl', '-qw', 'net.mptcp.enabled=0');
    expect(refused('listen 10.0.2.1 port 8002')).toBe(
      'Error: cannot listen on 10.0.2.1 port 8002: Protocol not available; Multipath TCP is switched off here: ' +
        'net.mptcp.enabled is 0.\n',
    );
  });

  test.each([
    ['listen', 255, 'Error: argument "ADDRESS" is required\n'],
    ['listen 10.0.2.1 port', 255, 'Command line is not complete. Try option "help"\n'],
    ['listen 10.0.2.1 port 65536', 255, 'Error: argument "65536" is wrong: expected port\n'],
    ['listen 10.0.2.1 dev v1', 255, 'Error: argument "dev" is wrong: only a link-local address needs its interface\n'],
    ['listen fe80::1', 255, 'Error: argument "dev" is required\n'],
    ['listen fe80::1 dev nosuch', 255, 'Error: argument "nosuch" is wrong: device does not exist\n\n'],
    ['listen here', 1, 'Error: any valid address is expected rather than "here".\n'],
  ])('%s: status %i', (line, status, err) => expect(ctl(client, line)).toEqual({ status, out: '', err }));
});

function lowestFree(pid: number): number {
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let number = 0;
  while (open.has(number)) number++;
  return number;
}
/** Hundredths of a second that a process has run: fields 14 and 15 of proc(5), stat. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
