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
  for (const host of [client, server]) await host.watchEvents();
});
afterEach(() => lab.close());

const warned = (...texts: string[]) => ({ ...done, err: texts.map((text) => `Warning: ${text}\n`).join('') });
const listen = (ip: string, port: number) => client.ask({ op: 'listen', at: { ip, port } });
const hears = (type: string, id: number) =>
  until(`the server hears of ${type} ${id}`, () =>
    server.events.some(({ event }) => event.type === type && 'remId' in event && event.remId === id),
  );
const nobody = (place: string) =>
  `no MPTCP socket listens on ${place}: joins there are refused; run "mptcpctl listen ${place}"`;
const neverLeaves = (cure: string) =>
  `the announcement never leaves this host: an IPv6 address with a port finds no room beside TCP timestamps; ${cure}`;

describe('announce warns', () => {
  const withoutPort = 'announce it without a port, or set net.ipv4.tcp_timestamps to 0 before the connection is made';

  test('of an IPv6 address with a port beside timestamps', async () => {
    const { token, port } = await connect({ client, server }, 'fd00:1::2');
    await listen('fd00:2::1', 8001);
    await listen('fd00:2::1', port);
    expect(ctl(client, `announce ${token} fd00:2::1 id 9 port 8001`)).toEqual(warned(neverLeaves(withoutPort)));
    // The timestamps of the connection count, not those of later ones.
    await client.run('sysctl', '-qw', 'net.ipv4.tcp_timestamps=0');
    expect(ctl(client, `announce ${token} fd00:2::1 id 9 port 8001`)).toEqual(warned(neverLeaves(withoutPort)));
    expect(ctl(client, `announce ${token} fd00:2::1 id 10`)).toEqual(done);
    await hears('addressAnnounced', 10);
  });

  test('not where the connection has no timestamps', async () => {
    await server.run('sysctl', '-qw', 'net.ipv4.tcp_timestamps=0');
    const { token } = await connect({ client, server }, 'fd00:1::2');
    await listen('fd00:2::1', 8001);
    expect(ctl(client, `announce ${token} fd00:2::1 id 9 port 8001`)).toEqual(done);
    await hears('addressAnnounced', 9);
  });

  test('of an IPv4-mapped address with a port, but not of the plain one', async () => {
    const { token } = await connect({ client, server }, '10.0.1.2');
    await listen('10.0.2.1', 8001);
    const cure = neverLeaves('announce 10.0.2.1 instead');
    expect(ctl(client, `announce ${token} ::ffff:10.0.2.1 id 9 port 8001`)).toEqual(warned(cure));
    expect(ctl(client, `remove ${token} id 9`).status).toBe(0);
    expect(ctl(client, `announce ${token} 10.0.2.1 id 10 port 8001`)).toEqual(done);
  });

  test.each([
    ['10.0.1.2', '10.0.2.1'],
    ['fd00:1::2', 'fd00:2::1'],
  ])('where nobody listens: the connection to %s', async (to, ip) => {
    const { token, port } = await connect({ client, server }, to);
    expect(ctl(client, `announce ${token} ${ip} id 9`)).toEqual(warned(nobody(`${ip} port ${port}`)));
    // Somebody at another address does not help.
    await listen(to.includes(':') ? 'fd00:1::1' : '127.0.0.1', port + 1);
    expect(ctl(client, `announce ${token} ${ip} id 9`)).toEqual(warned(nobody(`${ip} port ${port}`)));
    await listen(ip, port);
    expect(ctl(client, `announce ${token} ${ip} id 9`)).toEqual(done);
  });

  test.each(['0.0.0.0', '::'])('where the listener for another port is bound to %s', async (wildcard) => {
    const { token, port } = await connect({ client, server }, '10.0.1.2');
    await listen(wildcard, 8001);
    expect(ctl(client, `announce ${token} 10.0.2.1 id 9 port 8001`)).toEqual(
      warned(
        `joins to 10.0.2.1 port 8001 are refused (mismatch port): the socket that listens there is bound to ${wildcard}, ` +
          `but for a port other than the connection's, ${port}, one must be bound to 10.0.2.1 itself; close it and ` +
          'run "mptcpctl listen 10.0.2.1 port 8001"',
      ),
    );
  });

  test('not on the server, whose own listener has all addresses; with IPv4 on an AF_INET6 socket too', async () => {
    const { serverToken } = await connect({ client, server }, '10.0.1.2');
    expect(ctl(server, `announce ${serverToken} 10.0.2.2 id 9`)).toEqual(done);
    expect(ctl(server, `announce ${serverToken} fd00:2::2 id 10`)).toEqual(done);
  });

  test('not of who listens, where the address is none of this host', async () => {
    const { token } = await connect({ client, server }, '10.0.1.2');
    expect(ctl(client, `announce ${token} 192.0.2.1 id 9`)).toEqual(done);
    expect(ctl(client, `announce ${token} 10.0.2.9 id 10 port 8001`)).toEqual(done);
  });

  test('of what waits, and of what is dropped behind it', async () => {
    const { token, port, connection } = await connect({ client, server }, '10.0.1.2', { established: false });
    for (const ip of ['10.0.2.1', '10.0.1.1']) await listen(ip, ip === '10.0.2.1' ? port : 8001);
    expect(ctl(client, `announce ${token} 10.0.2.1 id 9`)).toEqual(
      warned(
        'the announcement waits: it leaves once this host has data of the peer to acknowledge; to send it at once, ' +
          'announce when the connection is established (mptcpctl monitor)',
      ),
    );
    const dropped = (next: string) =>
      warned(`the announcement was dropped: another one of the connection still waits; ${next}`);
    expect(ctl(client, `announce ${token} 10.0.1.1 id 10 port 8001`)).toEqual(
      dropped('the kernel tries it again later (net.mptcp.add_addr_timeout)'),
    );
    await client.run('sysctl', '-qw', 'net.mptcp.add_addr_timeout=0');
    expect(ctl(client, `announce ${token} 10.0.1.1 id 10 port 8001`)).toEqual(
      dropped('with net.mptcp.add_addr_timeout at 0 it is not tried again: announce it again later'),
    );
    await server.ask({ op: 'send', connection: 0, bytes: 1000 });
    await client.ask({ op: 'send', connection, bytes: 1000 });
    await hears('addressAnnounced', 9);
  });
});

test('announce warns where nobody in the namespace follows the events', async () => {
  const fresh = await openPair();
  try {
    await fresh.server.ask({ op: 'listen', at: { ip: '::', port: 8000 } });
    const to = { ip: '10.0.1.2', port: 8000 };
    const { connection, local } = await fresh.client.ask<{ connection: number; local: { port: number } }>({
      op: 'connect',
      to,
    });
    await fresh.client.ask({ op: 'listen', at: { ip: '10.0.2.1', port: local.port } });
    await fresh.client.ask({ op: 'send', connection, bytes: 1000 });
    interface Shown {
      readonly token: string;
      readonly listening?: boolean;
      readonly bytes_acked: number;
    }
    const { token } = await until('it is established', () =>
      (JSON.parse(ctl(fresh.client, '-j connections').out) as Shown[]).find((each) => each.bytes_acked === 1000),
    );
    const warning =
      "nobody in this namespace is subscribed to the path manager's events: unless somebody is elsewhere on this " +
      'machine, the kernel refuses joins; start mptcpd, or run "mptcpctl monitor"';
    expect(ctl(fresh.client, `announce ${token} 10.0.2.1 id 9`)).toEqual(warned(warning));
    await fresh.client.watchEvents();
    expect(ctl(fresh.client, `announce ${token} 10.0.2.1 id 9`)).toEqual(done);
  } finally {
    await fresh.lab.close();
  }
});

describe('remove warns', () => {
  test('where RM_ADDR is dropped', async () => {
    const { token, port } = await connect({ client, server }, '10.0.1.2', { established: false });
    await listen('10.0.2.1', port);
    expect(ctl(client, `announce ${token} 10.0.2.1 id 9`).status).toBe(0);
    expect(ctl(client, `remove ${token} id 9`)).toEqual(
      warned(
        'the peer is not told of the removal: RM_ADDR was dropped, since another address signal of the connection ' +
          'still waits; once data have been exchanged, announce the address again with id 9 and remove it then',
      ),
    );
  });

  test('where there is nothing to tell the peer', async () => {
    const { token } = await connect({ client, server }, '10.0.1.2');
    const create = `subflow create ${token} local 10.0.2.1 id 5 remote 10.0.2.2 port`;
    expect(ctl(client, `${create} 8009 --wait`).status).toBe(2);
    expect(ctl(client, `remove ${token} id 5`)).toEqual(
      warned(
        'the peer is not told of the removal: no address with id 5 was announced or is used by a subflow, or no ' +
          'subflow is left to tell it on; only the entry of this host is gone',
      ),
    );
    expect(ctl(client, `${create} 8000 --wait`).status).toBe(0);
    expect(ctl(client, `remove ${token} id 5`)).toEqual(done);
    await hears('addressRemoved', 5);
  });

  test('not of what was announced, nor of id 0', async () => {
    const { token, port } = await connect({ client, server }, '10.0.1.2');
    await listen('10.0.2.1', port);
    expect(ctl(client, `announce ${token} 10.0.2.1 id 9`)).toEqual(done);
    await hears('addressAnnounced', 9);
    expect(ctl(client, `remove ${token} id 9`)).toEqual(done);
    await hears('addressRemoved', 9);
    expect(ctl(client, `remove ${token} id 0`)).toEqual(done);
    await hears('addressRemoved', 0);
  });
});

test('with -n the namespace that is named is judged', async () => {
  const { token } = await connect({ client, server }, '10.0.1.2');
  // From the server's namespace, where somebody listens on all addresses of port 8000.
  expect(ctl(server, `-n /proc/${client.pid}/ns/net announce ${token} 10.0.2.1 id 9 port 8000`)).toEqual(
    warned(nobody('10.0.2.1 port 8000')),
  );
});
