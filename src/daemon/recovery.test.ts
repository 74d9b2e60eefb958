import { describe, expect, test } from 'vitest';
import type { Connection } from '../core/model/connection.ts';
import { hookNames } from '../core/model/hooks.ts';
import { asToken, type Token } from '../core/model/ids.ts';
import { createLog } from '../log/index.ts';
import { PROTOCOL } from '../netlink/families/sock-diag.ts';
import type { FakeConnectionSocket } from '../testing/fake-sockets.ts';
import { FakeClock, FakeInternet, FakeKernel, FakeRefusal } from '../testing/index.ts';
import { Host } from './host.ts';
import { Recovery } from './recovery.ts';

/** A client and a server; the one whose connections are read has a plugin that notes what it hears. */
function world(reader: 'client' | 'server' = 'client') {
  const clock = new FakeClock();
  const internet = new FakeInternet(clock);
  const kernels = { client: new FakeKernel(), server: new FakeKernel() };
  for (const [i, kernel] of [kernels.client, kernels.server].entries()) {
    internet.join(kernel);
    kernel.links.add('v1');
    kernel.links.addAddress('v1', `10.0.1.${i + 1}`, 24);
    kernel.links.addAddress('v1', `fd00::${i + 1}`, 64);
  }
  const kernel = kernels[reader];
  const lines: string[] = [];
  const log = createLog({ write: (json) => void lines.push((JSON.parse(json) as { msg: string }).msg) }, 'info');
  const host = new Host(
    {
      ...{ perform: () => ({ ok: true, value: undefined }), clock, log, pathManager: undefined },
      ...{ reread: () => undefined, unlisten: () => undefined, watchProgress: () => undefined },
      ...{ droppedAnnouncements: () => undefined, hasRoute: () => true },
      notifyFlags: { existing: true, skipLinkLocal: true, skipLoopback: true },
    },
    [{ name: 'p', priority: 0 }],
  );
  const heard: string[] = [];
  host.install('p', Object.fromEntries(hookNames.map((hook) => [hook, () => void heard.push(hook)])));
  const environment = {
    ...{ openSocket: kernel.openSocket, clock, log },
    ...{ listen: () => undefined, claim: () => undefined, subscribed: () => false },
    ...{ sysctl: () => undefined, counter: () => undefined },
  };
  const recovery = new Recovery(host, environment);
  const connect = (ip = '10.0.1'): Token => {
    const glue = ip.includes(':') ? '' : '.';
    return internet.connect(kernels.client, kernels.server, `${ip}${glue}1`, { ip: `${ip}${glue}2`, port: 443 });
  };
  const known = (): Connection[] => [...host.core.connections];
  return { ...kernels, kernel, clock, internet, host, recovery, heard, lines, connect, known };
}

/** The kernel refuses whatever is asked of sock_diag, until the answer is called. */
function refuse(kernel: FakeKernel, errno: string): () => void {
  let refusing = true;
  kernel.netlink.add(PROTOCOL, () => {
    if (refusing) throw new FakeRefusal(errno);
    return undefined;
  });
  return () => (refusing = false);
}

describe('a reading', () => {
  test('finds connections over IPv4, IPv6 and IPv4-mapped addresses; their owner hears of each, once', () => {
    const { connect, recovery, known, heard } = world();
    for (const ip of ['10.0.1', 'fd00::', '::ffff:10.0.1.']) connect(ip);
    recovery.read();
    expect(known().map(({ local, remote, state, serverSide }) => [local.ip, remote.ip, state, serverSide])).toEqual([
      ['10.0.1.1', '10.0.1.2', 'established', false],
      ['fd00::1', 'fd00::2', 'established', false],
      ['::ffff:10.0.1.1', '::ffff:10.0.1.2', 'established', false],
    ]);
    expect(known().map(({ subflows }) => subflows.map(({ initial, state }) => [initial, state]))).toEqual(
      Array(3).fill([[true, 'established']]),
    );
    expect(heard).toEqual(Array(3).fill(['connectionCreated', 'connectionEstablished']).flat());
  });

  test('tells the server’s side, also once the initial subflow is gone: somebody listens at its port', () => {
    const { connect, recovery, known, server, internet } = world('server');
    const token = connect();
    recovery.read();
    expect(known()).toMatchObject([{ serverSide: true, local: { ip: '10.0.1.2', port: 443 } }]);

    for (const [listens, serverSide] of [
      [true, true],
      [false, false],
    ] as const) {
      const w = world('server');
      w.connect();
      w.server.sockets.list = () => [];
      const { connections } = w.server.sockets;
      if (!listens) w.server.sockets.connections = () => connections().filter(({ state }) => state !== 'listen');
      w.recovery.read();
      expect(w.known()).toMatchObject([{ serverSide, state: 'established', subflows: [] }]);
    }
    internet.close(token);
    expect(server.sockets.connections()).toHaveLength(1);
  });

  test.each<[what: string, expected: boolean, Partial<FakeConnectionSocket>]>([
    ['one that waits to be accepted', true, { inode: 0 }],
    ['one that the peer has closed', true, { state: 'close-wait' }],
    ['one whose application has only ended sending', true, { state: 'fin-wait-2' }],
    ['one that the application has closed', false, { state: 'fin-wait-2', inode: 0 }],
    ['one that both have closed', false, { state: 'closed' }],
    ['one that has become plain TCP', false, { fallback: true }],
    ['one that has not begun', false, { state: 'syn-sent' }],
  ])('%s counts: %s', (_, expected, more) => {
    const { connect, recovery, known, client } = world();
    connect();
    const { connections } = client.sockets;
    client.sockets.connections = () => connections().map((each) => ({ ...each, ...more }));
    recovery.read();
    expect(known()).toHaveLength(expected ? 1 : 0);
  });

  test('comes at once, and then not before half a second: who asks meanwhile is served by one', async () => {
    const { recovery, client, clock } = world();
    const readings = (): number => client.sockets.asked.lists / 4;
    for (let i = 0; i < 5; i++) recovery.read();
    expect(readings()).toBe(1);
    await clock.advance(499);
    expect(readings()).toBe(1);
    recovery.read();
    await clock.advance(1);
    expect(readings()).toBe(2);
    await clock.advance(10_000);
    expect(readings()).toBe(2);
    recovery.read();
    expect(readings()).toBe(3);
  });

  test('that fails is said once, and tried again until it succeeds', async () => {
    const { connect, recovery, known, client, clock, lines } = world();
    connect();
    const allow = refuse(client, 'EPERM');
    recovery.read();
    await clock.advance(10_000);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^cannot read the connections of this host/);
    allow();
    await clock.advance(1000);
    expect(known()).toHaveLength(1);
    expect(lines[1]).toBe('the connections of this host can be read again');
    expect(client.netlink.open).toBe(1);
  });

  test('that waits is not done any more after the end, and nothing stays open', async () => {
    const { recovery, client, clock } = world();
    recovery.sweep();
    recovery.read();
    recovery.read();
    recovery.close();
    await clock.advance(120_000);
    expect([client.sockets.asked.lists, client.netlink.open, clock.waiting]).toEqual([4, 0, 0]);
  });
});

describe('the sweep', () => {
  test('asks for each connection once a minute, a few at a time', async () => {
    const { connect, recovery, client, clock, heard } = world();
    for (let i = 0; i < 100; i++) connect();
    recovery.read();
    recovery.sweep();
    heard.splice(0);
    for (let minute = 1; minute <= 3; minute++) {
      for (let part = 1; part <= 12; part++) {
        const before = client.sockets.asked.tokens;
        await clock.advance(5000);
        expect(client.sockets.asked.tokens - before).toBeLessThanOrEqual(9);
      }
      expect(client.sockets.asked.tokens).toBe(100 * minute);
    }
    expect(heard).toEqual([]);
  });

  test('finds what the peer has aborted: no event tells', async () => {
    const { connect, recovery, internet, clock, heard, known } = world();
    const tokens = Array.from({ length: 30 }, () => connect());
    recovery.read();
    recovery.sweep();
    heard.splice(0);
    internet.abort(tokens[17] as Token, 'server');
    await clock.advance(60_000);
    expect(heard).toEqual(['connectionClosed']);
    expect(known().map(({ token }) => token)).toEqual(tokens.filter((_, i) => i !== 17));
  });

  test('goes on after it could not ask', async () => {
    const { connect, recovery, client, internet, clock, heard, lines } = world();
    const token = connect();
    recovery.read();
    recovery.sweep();
    internet.abort(token, 'server');
    const allow = refuse(client, 'EPERM');
    await clock.advance(180_000);
    expect(lines).toHaveLength(1);
    expect(heard).not.toContain('connectionClosed');
    allow();
    await clock.advance(60_000);
    expect(heard).toContain('connectionClosed');
  });

  test('a kernel that cannot list MPTCP sockets says of each that it is not there: that is not believed', async () => {
    const { recovery, client, clock, host, known } = world();
    refuse(client, 'ENOENT');
    recovery.read();
    recovery.sweep();
    const ends = { localIp: '10.0.1.1', localPort: 1, remoteIp: '10.0.1.2', remotePort: 2 };
    const ids = { locId: 0, remId: 0 } as never as { locId: never; remId: never };
    host.feed({ type: 'connectionCreated', token: asToken(7), serverSide: false, denyJoinId0: false, ...ends, ...ids });
    await clock.advance(180_000);
    expect(known()).toHaveLength(1);
  });
});
