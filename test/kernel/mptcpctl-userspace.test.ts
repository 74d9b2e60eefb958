import { afterEach, beforeEach, describe, expect } from 'vitest';
import type { LabHost } from '../../src/lab/host.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { until } from '../../src/lab/process.ts';
import { connect, ctl, done } from './ctl.ts';
import { kernelTest } from './need.ts';
import { openPair } from './pair.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');

let lab: Lab;
let client: LabHost;
let server: LabHost;

beforeEach(async () => {
  ({ lab, client, server } = await openPair());
  // Without a subscriber the kernel refuses joins.
  for (const host of [client, server]) await host.watchEvents();
});
afterEach(() => lab.close());

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
    const { token } = await connect({ client, server }, ip);
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
    const { token } = await connect({ client, server }, '10.0.1.2');
    await client.ask({ op: 'listen', at: { ip: '10.0.2.1', port: 8001 } });
    expect(ctl(client, `announce ${Number(token)} 10.0.2.1 id 9 port 8001`)).toEqual(done);
    expect(await seen(server, 'addressAnnounced')).toMatchObject({ remId: 9, remoteIp: '10.0.2.1', remotePort: 8001 });
    expect(JSON.parse(ctl(client, `-j address ${token}`).out)).toEqual([
      { address: '10.0.2.1', port: 8001, id: 9, signal: true },
    ]);
    expect(ctl(client, `remove ${token} id 9`)).toEqual(done);
    expect(await seen(server, 'addressRemoved')).toMatchObject({ remId: 9 });
  });

  test('flags of an address are passed on', async () => {
    const { token, port } = await connect({ client, server }, '10.0.1.2');
    await client.ask({ op: 'listen', at: { ip: '10.0.2.1', port } });
    expect(ctl(client, `announce ${token} 10.0.2.1 signal backup fullmesh id 0x9`)).toEqual(done);
    expect(ctl(client, `address show ${token} id 9`).out).toBe('10.0.2.1 id 9 signal backup fullmesh \n');
    expect(ctl(client, `subflow create ${token} local 10.0.1.1 id 010 subflow remote 10.0.2.2 port 8000`)).toEqual(
      done,
    );
    expect(ctl(client, `address show ${token} id 8`).out).toBe('10.0.1.1 id 8 subflow \n');
  });

  test('the kernel is the judge', async () => {
    const { token } = await connect({ client, server }, '10.0.1.2');
    for (const [line, err] of [
      [`announce ${token} 10.0.2.1 id 0`, 'invalid addr id'],
      [`remove ${token} id 3`, 'address with id 3 not found'],
      [`subflow create ${token} local 10.0.2.1 id 7 signal remote 10.0.2.2 port 8000`, 'invalid addr flags'],
      [`subflow destroy ${token} local 10.0.2.1 remote 10.0.2.2 port 8000`, 'missing local port'],
      [`subflow destroy ${token} local 10.0.2.1 port 1 remote 10.0.2.2`, 'missing remote port'],
      [`subflow destroy ${token} local fd00:2::1 port 1 remote 10.0.2.2 port 1`, 'address families do not match'],
      [`subflow change ${token} local 10.0.2.1 remote 10.0.2.2 backup`, 'subflow not found'],
      [`address show ${token} id 9`, 'address not found'],
    ]) {
      expect([line, ctl(client, `${line}`)]).toEqual([line, { status: 2, out: '', err: `Error: ${err}.\n` }]);
    }
  });

  test.each([
    ['announce 7 10.0.2.1 id 9', 2, 'Error: invalid token.\n'],
    ['remove 7 id 9', 2, 'Error: invalid token.\n'],
    ['address show 7', 2, 'Error: invalid token.\n'],
    ['announce 7 10.0.2.1', 255, 'Error: argument "ID" is required\n'],
    ['announce 7 id 1', 255, 'Error: argument "ADDRESS" is required\n'],
    ['subflow create 7 local 10.0.2.1 remote 10.0.1.2', 255, 'Error: argument "remote port" is required\n'],
    ['announce 0 10.0.2.1 id 9', 2, 'Error: invalid token.\n'],
    ['announce 0xffffffff 10.0.2.1 id 9', 2, 'Error: invalid token.\n'],
    ['address show 7 id 9', 2, 'Error: address not found.\n'],
    ['subflow destroy 7 local 10.0.2.1 remote 10.0.1.2 port 1', 2, 'Error: invalid token.\n'],
    [
      'subflow destroy 7 local 10.0.2.1 remote 10.0.1.2 --wait',
      ...([255, 'Error: argument "wait" is wrong: only a subflow that is created can be waited for\n'] as const),
    ],
    ['subflow change 7 local 10.0.2.1 remote 10.0.1.2', 255, 'Error: argument "backup | nobackup" is required\n'],
    ['subflow create 7 remote 10.0.1.2 port 1', 255, 'Error: argument "local" is required\n'],
    ['subflow frob 7', 255, 'Command "frob" is unknown, try "ip mptcp help".\n'],
  ])('%s: status %i', (line, status, err) => {
    expect(ctl(client, line)).toEqual({ status, out: '', err });
  });
});
