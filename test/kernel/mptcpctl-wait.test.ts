import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import type { LabHost } from '../../src/lab/host.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { until } from '../../src/lab/process.ts';
import { inNetworkNamespace, MptcpListener } from '../../src/os/index.ts';
import { connect, ctl, ctlWords, type Done, RunningCtl, startCtl } from './ctl.ts';
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
  for (const host of [client, server]) await host.watchEvents();
});
afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await lab.close();
});

const over2 = 'local 10.0.2.1 id 7 remote 10.0.2.2 port';
/** The server hears from the client's second address, but has no way to answer it. */
const silence = () => server.run('ip', 'route', 'add', 'blackhole', '10.0.2.1/32');
const speech = () => server.run('ip', 'route', 'del', 'blackhole', '10.0.2.1/32');

interface Shown {
  readonly state: string;
  readonly local: string;
  readonly local_port: number;
}
const subflows = (token: string): Shown[] =>
  (JSON.parse(ctl(client, `-j subflows token ${token}`).out || '[]') as Shown[]).filter(
    ({ local }) => local === '10.0.2.1',
  );
const trying = (token: string) =>
  until('the subflow is tried', () => subflows(token).find(({ state }) => state === 'syn-sent'));

/** Makes two events for each listener that comes and goes. */
function listenOften(times: number): void {
  inNetworkNamespace(`/proc/${client.pid}/ns/net`, () => {
    for (let i = 0; i < times; i++) new MptcpListener({ ip: '127.0.0.1', port: 7000 }).close();
  });
}
/** The datagrams that found no room, of all netlink sockets of the client: the last but one column. */
function drops(): number {
  const table = readFileSync(`/proc/${client.pid}/net/netlink`, 'utf8').trim().split('\n').slice(1);
  return table.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[8]), 0);
}

function start(line: string, before: readonly string[] = []): RunningCtl {
  const program = startCtl(client, line, before);
  running.push(program);
  return program;
}

describe('subflow create --wait', () => {
  test.each([
    ['10.0.1.2', '10.0.2.1', '10.0.2.2', '10.0.2.1:', '10.0.2.2:8000'],
    ['fd00:1::2', 'fd00:2::1', 'fd00:2::2', '[fd00:2::1]:', '[fd00:2::2]:8000'],
    ['::ffff:10.0.1.2', '::ffff:10.0.2.1', '::ffff:10.0.2.2', '[::ffff:10.0.2.1]:', '[::ffff:10.0.2.2]:8000'],
  ])('tells the ends of a subflow beside the one to %s', async (ip, local, remote, from, to) => {
    const { token } = await connect({ client, server }, ip);
    const { status, out, err } = ctl(
      client,
      `subflow create ${token} local ${local} id 7 remote ${remote} port 8000 --wait`,
    );
    expect([status, err]).toEqual([0, '']);
    const [, start, port, end] = /^(established )(?:.*?:)(\d+)( id 7 to .*)\n$/.exec(out) ?? [];
    expect(`${start}${from}${port}${end}`).toBe(`established ${from}${port} id 7 to ${to} id 1`);
    expect(Number(port)).toBeGreaterThan(0);
  });

  test('each of several between the same addresses, in JSON', async () => {
    const { token } = await connect({ client, server }, '10.0.1.2');
    const ports = new Set<number>();
    for (let i = 0; i < 3; i++) {
      const { out, err } = ctl(client, `-j subflow --wait create ${token} ${over2} 8000`);
      const told = JSON.parse(out) as { sport: number };
      expect(told).toMatchObject({
        outcome: 'established',
        token,
        saddr4: '10.0.2.1',
        daddr4: '10.0.2.2',
        dport: 8000,
      });
      expect(told).toMatchObject({ locid: 7, remid: 1 });
      expect(err).toBe('');
      ports.add(told.sport);
    }
    expect(new Set(subflows(token).map(({ local_port }) => local_port))).toEqual(ports);
  });

  test('one that is refused: the reason, in text and in JSON', async () => {
    const { token } = await connect({ client, server }, '10.0.1.2');
    const refusal = /^Error: the subflow from 10\.0\.2\.1:\d+ to 10\.0\.2\.2:8009 is closed: refused by the peer\.\n$/;
    const text = ctl(client, `subflow create ${token} ${over2} 8009 wait 5`);
    expect(text).toMatchObject({ status: 2, out: '' });
    expect(text.err).toMatch(refusal);
    const json = ctl(client, `-j subflow create ${token} ${over2} 8009 --wait=5`);
    expect(json.status).toBe(2);
    expect(json.err).toMatch(refusal);
    expect(JSON.parse(json.out)).toMatchObject({
      outcome: 'closed',
      error: 111,
      why: 'refused by the peer',
      dport: 8009,
    });
  });

  test('a listener that knows no MPTCP', async () => {
    const { token } = await connect({ client, server }, '10.0.1.2');
    server.spawn(process.execPath, '-e', "require('node:net').createServer().listen(8010)");
    await until('it listens', async () => (await server.run('ss', '-Htln')).includes(':8010 '));
    const { status, err } = ctl(client, `subflow create ${token} ${over2} 8010 --wait`);
    expect([status, err.replace(/:\d+ to/, ':PORT to')]).toEqual([
      2,
      'Error: the subflow from 10.0.2.1:PORT to 10.0.2.2:8010 is closed: no error is told: who answered speaks no Multipath TCP, or ' +
        'somebody closed it.\n',
    ]);
  });

  test('a peer that answers and then takes no more subflows', async () => {
    await server.run('sysctl', '-qw', 'net.mptcp.pm_type=0');
    await server.run('ip', 'mptcp', 'limits', 'set', 'subflows', '0', 'add_addr_accepted', '0');
    const { token } = await connect({ client, server }, '10.0.1.2');
    for (let i = 0; i < 3; i++) {
      const { status, out, err } = ctl(client, `subflow create ${token} ${over2} 8000 --wait`);
      expect([status, out, err.replace(/:\d+ to/, ':PORT to')]).toEqual([
        2,
        '',
        'Error: the subflow from 10.0.2.1:PORT to 10.0.2.2:8000 is closed: the peer answered and then rejected it: it takes ' +
          "no more subflows, or nobody there follows the path manager's events.\n",
      ]);
    }
  });

  test('what the kernel refuses at once', async () => {
    const { token } = await connect({ client, server }, '10.0.1.2');
    const refused = (err: string): Done => ({ status: 2, out: '', err });
    expect(ctl(client, `subflow create 7 ${over2} 8000 --wait`)).toEqual(refused('Error: invalid token.\n'));
    expect(ctl(client, `subflow create ${token} local 10.9.9.9 remote 10.0.2.2 port 8000 --wait`)).toEqual(
      refused('Error: connect error: -99.\n'),
    );
  });

  test('no answer in time: the kernel goes on trying', async () => {
    const { token } = await connect({ client, server }, '10.0.1.2');
    await silence();
    expect(ctl(client, `subflow create ${token} ${over2} 8000 --wait=0.5`)).toEqual({
      status: 1,
      out: '',
      err: 'Error: no answer from 10.0.2.2:8000 within 0.5 s; the kernel goes on trying.\n',
    });
    expect(subflows(token)).toMatchObject([{ state: 'syn-sent' }]);
    expect(JSON.parse(ctl(client, `-j subflow create ${token} ${over2} 8000 --wait=0.5`).out)).toEqual({
      outcome: 'timeout',
    });
  });

  test('on a terminal it says what it waits for', async () => {
    const { token } = await connect({ client, server }, '10.0.1.2');
    await silence();
    const [file, ...args] = ctlWords(client, `subflow create ${token} ${over2} 8000 --wait=9`);
    const program = new RunningCtl(['script', '-qefc', [file, ...args].join(' '), '/dev/null']);
    running.push(program);
    await program.said('waiting for 10.0.2.2:8000 to answer, up to 9 s');
    await speech();
    expect((await program.done()).out).toMatch(/established 10\.0\.2\.1:\d+ id 7 to 10\.0\.2\.2:8000 id \d+/);
  });

  test.each([
    ['closes', (connection: number) => client.ask({ op: 'close', connection })],
    // The kernel sends no event then.
    ['is aborted by the peer', () => server.ask({ op: 'abort', connection: 0 })],
  ] as const)('a connection that %s meanwhile', async (_, end) => {
    const { token, connection } = await connect({ client, server }, '10.0.1.2');
    await silence();
    const program = start(`subflow create ${token} ${over2} 8000 --wait`);
    await trying(token);
    await end(connection);
    expect(await program.done()).toEqual({
      status: 2,
      out: '',
      err: 'Error: the connection closed before the subflow to 10.0.2.2:8000 was established.\n',
    });
  });

  test('where events are lost it reads what there is', async () => {
    const { token } = await connect({ client, server }, '10.0.1.2');
    await silence();
    const program = start(`subflow create ${token} ${over2} 8000 --wait`);
    await trying(token);
    program.child.kill('SIGSTOP');
    await until('events are lost', () => {
      listenOften(500);
      return drops() > 0;
    });
    await speech();
    await until('the subflow is established', () => subflows(token).find(({ state }) => state === 'established'));
    program.child.kill('SIGCONT');
    expect(await program.done()).toMatchObject({ status: 0, err: '' });
  });

  test('without the right to follow events nothing is created', async () => {
    const { token } = await connect({ client, server }, '10.0.1.2');
    const without = ['setpriv', '--inh-caps=-net_admin', '--bounding-set=-net_admin'];
    expect(ctl(client, `subflow create ${token} ${over2} 8000 --wait`, without)).toEqual({
      status: 1,
      out: '',
      err: "can't subscribe to mptcp events: Operation not permitted\n",
    });
    expect(subflows(token)).toEqual([]);
  });
});
