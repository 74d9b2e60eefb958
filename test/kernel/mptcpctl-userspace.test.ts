import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import type { LabHost } from '../../src/lab/host.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { until } from '../../src/lab/process.ts';
import { kernelTest } from './need.ts';
import { openPair } from './pair.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');
const PROGRAM = new URL('../../bin/mptcpctl', import.meta.url).pathname;

let lab: Lab;
let client: LabHost;
let server: LabHost;

beforeEach(async () => {
  ({ lab, client, server } = await openPair());
  // Without a subscriber the kernel refuses joins.
  for (const host of [client, server]) await host.watchEvents();
});
afterEach(() => lab.close());

interface Done {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}
function ctl(host: LabHost, line: string): Done {
  const words = [
    '-t',
    `${host.pid}`,
    '-U',
    '-n',
    '--preserve-credentials',
    process.execPath,
    PROGRAM,
    ...line.split(' '),
  ];
  const { status, stdout, stderr } = spawnSync('nsenter', words, { encoding: 'utf8', timeout: 10_000 });
  return { status, out: stdout, err: stderr };
}
const done = { status: 0, out: '', err: '' };

/** A connection of the client, established: its token there, its ports. */
async function connect(ip: string): Promise<{ token: string; port: number }> {
  await server.ask({ op: 'listen', at: { ip: '::', port: 8000 } });
  const { connection } = await client.ask<{ connection: number }>({ op: 'connect', to: { ip, port: 8000 } });
  await client.ask({ op: 'send', connection, bytes: 1000 });
  const { event } = await until('it is established', () =>
    client.events.find((seen) => seen.event.type === 'connectionEstablished'),
  );
  if (event.type !== 'connectionEstablished') throw new Error('no connection');
  return { token: `0x${event.token.toString(16)}`, port: event.localPort };
}
const seen = (host: LabHost, type: string) =>
  until(`${host.name} sees ${type}`, () => host.events.find(({ event }) => event.type === type)?.event, {
    state: () => host.events,
  });

describe('one connection by hand', () => {
  test.each([
    ['10.0.1.2', '10.0.2.1', '10.0.2.2'],
    ['fd00:1::2', 'fd00:2::1', 'fd00:2::2'],
    ['::ffff:10.0.1.2', '::ffff:10.0.2.1', '::ffff:10.0.2.2'],
  ])('a subflow beside the one to %s: made, changed, destroyed', async (ip, local, remote) => {
    const { token } = await connect(ip);
    expect(ctl(client, `subflow create ${token} local ${local} id 7 dev v2 remote ${remote} port 8000`)).toEqual(done);
    const up = await seen(client, 'subflowEstablished');
    expect(up).toMatchObject({ localIp: local, remoteIp: remote, locId: 7 });
    expect(ctl(client, `address show ${token} id 7`).out).toContain(' id 7 ');
    const ends = `local ${local} port ${'localPort' in up ? up.localPort : 0} remote ${remote} port 8000`;
    expect(ctl(client, `subflow change ${token} ${ends} backup`)).toEqual(done);
    expect(await seen(server, 'subflowPriority')).toMatchObject({ backup: true });
    expect(ctl(client, `subflow destroy ${token} ${ends}`)).toEqual(done);
    await seen(client, 'subflowClosed');
    expect(ctl(client, `subflow destroy ${token} ${ends}`)).toEqual({
      status: 2,
      out: '',
      err: 'Error: subflow not found.\n',
    });
  });

  test('an address announced and removed', async () => {
    const { token } = await connect('10.0.1.2');
    expect(ctl(client, `announce ${Number(token)} 10.0.2.1 id 9 port 8001`)).toEqual(done);
    expect(await seen(server, 'addressAnnounced')).toMatchObject({ remId: 9, remoteIp: '10.0.2.1', remotePort: 8001 });
    expect(JSON.parse(ctl(client, `-j address ${token}`).out)).toEqual([
      { address: '10.0.2.1', port: 8001, id: 9, signal: true },
    ]);
    expect(ctl(client, `remove ${token} id 9`)).toEqual(done);
    expect(await seen(server, 'addressRemoved')).toMatchObject({ remId: 9 });
  });

  test.each([
    ['announce 7 10.0.2.1 id 9', 2, 'Error: invalid token.\n'],
    ['remove 7 id 9', 2, 'Error: invalid token.\n'],
    ['address show 7', 2, 'Error: invalid token.\n'],
    ['announce 7 10.0.2.1', 255, 'Error: argument "ID" is required\n'],
    ['announce 7 id 1', 255, 'Error: argument "ADDRESS" is required\n'],
    ['subflow create 7 local 10.0.2.1 remote 10.0.1.2', 255, 'Error: argument "remote port" is required\n'],
    ['subflow destroy 7 local 10.0.2.1 remote 10.0.1.2 port 1', 255, 'Error: argument "local port" is required\n'],
    ['subflow change 7 local 10.0.2.1 remote 10.0.1.2', 255, 'Error: argument "backup | nobackup" is required\n'],
    ['subflow create 7 remote 10.0.1.2 port 1', 255, 'Error: argument "local" is required\n'],
    ['subflow frob 7', 255, 'Command "frob" is unknown, try "ip mptcp help".\n'],
  ])('%s: status %i', (line, status, err) => {
    expect(ctl(client, line)).toEqual({ status, out: '', err });
  });
});
