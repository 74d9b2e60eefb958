import { expect, onTestFinished, vi } from 'vitest';
import { asToken, formatToken } from '../../src/core/model/ids.ts';
import type { LabHost } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';
import { run, until } from '../../src/lab/process.ts';
import { Client } from '../../src/netlink/client.ts';
import { type Connection, findByToken, readConnections, type Subflow } from '../../src/netlink/diag.ts';
import { PROTOCOL } from '../../src/netlink/families/sock-diag.ts';
import { type Endpoint, inNetworkNamespace, NetlinkSocket } from '../../src/os/index.ts';
import { kernelTest } from './need.ts';

const MPTCPCTL = new URL('../../bin/mptcpctl', import.meta.url).pathname;

const test = kernelTest('MPTCP', 'namespaces to enter');

/** A client and a server with two links, IPv4 and IPv6 on both; subflows may be made over the second link. */
async function pair(): Promise<{ client: LabHost; server: LabHost }> {
  const lab = await Lab.open();
  onTestFinished(() => lab.close());
  const client = await lab.host('client');
  const server = await lab.host('server');
  for (const link of [1, 2]) {
    await lab.link(client, server, `e${link}`);
    for (const [host, number] of [
      [client, 2],
      [server, 1],
    ] as const) {
      await host.run('ip', 'addr', 'add', `10.0.${link}.${number}/24`, 'dev', `e${link}`);
      await host.run('ip', 'addr', 'add', `fd00:${link}::${number}/64`, 'dev', `e${link}`, 'nodad');
    }
  }
  return { client, server };
}

function openDiag({ pid }: LabHost): Client {
  const client = new Client(inNetworkNamespace(`/proc/${pid}/ns/net`, () => new NetlinkSocket(PROTOCOL)));
  onTestFinished(() => client.close());
  return client;
}
const connectionsOf = (client: Client): Connection[] => {
  const read = readConnections(client);
  if (!read.ok) throw read.error;
  return read.value;
};

async function connect(host: LabHost, to: Endpoint): Promise<number> {
  return (await host.ask<{ connection: number }>({ op: 'connect', to })).connection;
}

/** A socket as `ss` shows it. */
interface Shown {
  readonly state: string;
  readonly ends: string;
  readonly dev: string | undefined;
  /** What stands behind a colon, by what stands before it; alone, the empty text. */
  readonly words: ReadonlyMap<string, string>;
}

async function ss(host: LabHost, option: '-M' | '-t'): Promise<Shown[]> {
  const lines = (await host.run('ss', option, '-H', '-a', '-n', '-i', '-O')).split('\n').filter(Boolean);
  return lines.map((line) => {
    const [state = '', , , local = '', remote = '', ...words] = line.trim().split(/\s+/);
    const dev = /%([^:\]]+)/.exec(local)?.[1];
    return {
      ...{ state, dev, ends: `${local.replace(/%[^:\]]+/, '')} ${remote}` },
      words: new Map(words.map((word) => [word.replace(/:.*/, ''), /:(.*)/.exec(word)?.[1] ?? ''])),
    };
  });
}
const shown = ({ ip, port }: Endpoint) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);
const endsOf = ({ local, remote }: { local: Endpoint; remote: Endpoint }) => `${shown(local)} ${shown(remote)}`;
const hex = (digits: string | undefined) => Number.parseInt(digits || '0', 16);
const sorted = <T>(rows: readonly T[]): T[] =>
  [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

/** The parts of a connection that `ss -M` shows. */
const connectionRow = (c: Connection) => ({
  ...{ ends: endsOf(c), token: c.token, fallback: c.fallback, extraSubflows: c.subflowCount - 1 },
});
const shownConnection = ({ ends, words }: Shown) => ({
  ...{ ends, token: hex(words.get('token')), fallback: words.has('fallback') },
  extraSubflows: Number(words.get('subflows') ?? 0),
});

/** The parts of a subflow that `ss -t` shows; the letters of the flags are those of its source (misc/ss.c). */
const subflowRow = (s: Subflow, token: number, devs: ReadonlyMap<number, string>) => ({
  ...{ ends: endsOf(s), token, locId: s.locId, remId: s.remId, dev: devs.get(s.ifIndex ?? 0) },
  ...{ madeHere: s.madeHere, joined: !s.initial, backup: s.backup, backupRemote: s.backupRemote },
  ...{ fullyEstablished: s.fullyEstablished, cwnd: s.cwnd, rtt: s.rtt, rttVariance: s.rttVariance },
  ...{ bytesSent: s.bytesSent, bytesAcked: s.bytesAcked, bytesReceived: s.bytesReceived },
  ...{ bytesRetransmitted: s.bytesRetransmitted, retransmits: s.retransmits },
});
function shownSubflow({ ends, dev, words }: Shown) {
  const [, remId, token, locId] =
    /^[0-9a-f]+\(id:(\d+)\)\/([0-9a-f]+)\(id:(\d+)\)$/.exec(words.get('token') ?? '') ?? [];
  const flag = (letters: string) => [...letters].some((letter) => words.get('flags')?.includes(letter));
  const count = (name: string) => Number(words.get(name) ?? 0);
  const [rtt, rttVariance] = (words.get('rtt') ?? '').split('/').map((ms) => Math.round(1000 * Number(ms)));
  return {
    ...{ ends, token: hex(token), locId: Number(locId), remId: Number(remId), dev },
    ...{ madeHere: flag('mj'), joined: flag('Jj'), backup: flag('b'), backupRemote: flag('B') },
    ...{ fullyEstablished: flag('e'), cwnd: count('cwnd'), rtt, rttVariance },
    ...{ bytesSent: count('bytes_sent'), bytesAcked: count('bytes_acked'), bytesReceived: count('bytes_received') },
    bytesRetransmitted: count('bytes_retrans'),
    retransmits: Number(words.get('retrans')?.split('/')[1] ?? 0),
  };
}

test('both ends of every kind of connection are those of `ss`', async () => {
  const { client, server } = await pair();
  for (const host of [client, server]) {
    await host.run('ip', 'mptcp', 'limits', 'set', 'subflows', '8', 'add_addr_accepted', '8');
  }
  const endpoint = (host: LabHost, ...words: string[]) => host.run('ip', 'mptcp', 'endpoint', 'add', ...words);
  await endpoint(client, '10.0.2.2', 'dev', 'e2', 'id', '5', 'subflow', 'fullmesh', 'backup');
  await endpoint(client, 'fd00:2::2', 'dev', 'e2', 'id', '6', 'subflow', 'fullmesh');
  await endpoint(server, '10.0.2.1', 'id', '9', 'signal');
  await endpoint(server, 'fd00:2::1', 'id', '10', 'signal');

  await server.ask({ op: 'listen', at: { ip: '10.0.1.1', port: 8000 } });
  await server.ask({ op: 'listen', at: { ip: '::', port: 8001 } });
  server.spawn(process.execPath, '-e', 'require("node:net").createServer((s) => s.resume()).listen(8002)');
  for (const to of [
    { ip: '10.0.1.1', port: 8000 },
    { ip: '10.0.1.1', port: 8001 },
    { ip: 'fd00:1::1', port: 8001 },
  ]) {
    // Data are sent, so that the client's end is fully established as well.
    await client.ask({ op: 'send', connection: await connect(client, to), bytes: 30_000 });
  }
  await until('a connection that falls back', async () => {
    const connection = await connect(client, { ip: '10.0.1.1', port: 8002 }).catch(() => undefined);
    return connection !== undefined;
  });

  for (const host of [client, server]) {
    const diag = openDiag(host);
    const links = JSON.parse(await host.run('ip', '-j', 'link')) as { ifindex: number; ifname: string }[];
    const devs = new Map(links.map(({ ifindex, ifname }) => [ifindex, ifname]));
    await vi.waitFor(
      async () => {
        const all = connectionsOf(diag);
        const real = all.filter((c) => !c.listening && !c.fallback);
        expect(real.map((c) => c.subflows.length >= 2 && c.subflows.every((s) => s.fullyEstablished))).toEqual([
          ...[true, true, true],
        ]);
        expect(real.map((c) => (host === client ? c.bytesAcked : c.bytesReceived))).toEqual([30_000, 30_000, 30_000]);
        expect(new Set(real.map((c) => c.side))).toEqual(new Set([host === client ? 'client' : 'server']));

        const mptcp = await ss(host, '-M');
        const isListener = ({ state }: Shown) => state === 'LISTEN';
        expect(sorted(all.filter((c) => !c.listening).map(connectionRow))).toEqual(
          sorted(mptcp.filter((s) => !isListener(s)).map(shownConnection)),
        );
        expect(
          all
            .filter((c) => c.listening)
            .map((c) => c.local.port)
            .sort(),
        ).toEqual(
          mptcp
            .filter(isListener)
            .map(({ ends }) => Number(/:(\d+) /.exec(ends)?.[1]))
            .sort(),
        );
        const tcp = (await ss(host, '-t')).filter(({ words }) => words.has('token'));
        const ours = all.flatMap((c) => c.subflows.map((s) => subflowRow(s, c.token, devs)));
        expect(sorted(ours)).toEqual(sorted(tcp.map(shownSubflow)));
      },
      { timeout: 10_000, interval: 50 },
    );

    // Every kind is among them: the comparison would hold for none as well.
    const all = connectionsOf(diag);
    const subflows = all.flatMap((c) => c.subflows);
    expect(all.filter((c) => c.fallback).length).toBe(host === client ? 1 : 0);
    expect(all.filter((c) => c.listening).length).toBe(host === client ? 0 : 2);
    const remote = host === server;
    expect(subflows.some((s) => (remote ? s.backupRemote : s.backup) && s.local.ip.includes('10.0.'))).toBe(true);
    expect(subflows.some((s) => (remote ? s.remId : s.locId) === 6 && s.local.ip.startsWith('fd00:2::'))).toBe(true);
    expect(subflows.some((s) => s.local.ip.startsWith('::ffff:'))).toBe(remote);
    expect(subflows.some((s) => s.ifIndex !== undefined)).toBe(!remote);
  }
});

test('a connection is found by its token at either end, until it is closed', async () => {
  const { client, server } = await pair();
  await server.ask({ op: 'listen', at: { ip: '::', port: 8001 } });
  const first = await connect(client, { ip: 'fd00:1::1', port: 8001 });
  await connect(client, { ip: '10.0.1.1', port: 8001 });
  await until('both are accepted', async () => (await server.ask<number>({ op: 'accepted' })) === 2);
  const still = (c: Connection) => ({ ...c, lastDataSent: 0, lastDataReceived: 0, lastAckReceived: 0 });
  for (const host of [client, server]) {
    const diag = openDiag(host);
    const connections = connectionsOf(diag).filter((c) => !c.listening);
    expect(connections).toHaveLength(2);
    for (const connection of connections) {
      const found = findByToken(diag, connection.token);
      expect(found.ok && still(found.value)).toEqual(still(connection));
    }
    const nobody = findByToken(diag, asToken(0xdeadbeef));
    expect(nobody.ok ? 'found' : nobody.error.message).toBe('find MPTCP socket: ENOENT');
  }
  const diag = openDiag(client);
  const token = connectionsOf(diag).find((c) => c.remote.ip === 'fd00:1::1')?.token ?? asToken(0);
  for (const host of [client, server]) await host.ask({ op: 'close', connection: first });
  const refusal = await until('the token is gone', () => {
    const found = findByToken(diag, token);
    return !found.ok && found.error;
  });
  expect((refusal as { errno?: string }).errno).toBe('ENOENT');
});

test('mptcpctl tells the same, with or without CAP_NET_ADMIN, from inside or with -n', async () => {
  const { client, server } = await pair();
  await server.ask({ op: 'listen', at: { ip: '::', port: 8001 } });
  for (const ip of ['10.0.1.1', 'fd00:1::1']) {
    await client.ask({ op: 'send', connection: await connect(client, { ip, port: 8001 }), bytes: 1000 });
  }
  const diag = openDiag(client);
  await until('the data are acknowledged', () => connectionsOf(diag).every((c) => c.bytesAcked === 1000));
  const expected = connectionsOf(diag).map((c) => ({
    ...{ token: formatToken(c.token), side: 'client', state: 'established', bytes_sent: 1000, subflow_count: 1 },
    ...{ local: c.local.ip, local_port: c.local.port, remote: c.remote.ip, remote_port: 8001 },
    subflows: [{ initial: true, made_here: true, fully_established: true, locid: 0, remid: 0 }],
  }));
  expect(expected).toHaveLength(2);
  const program = [process.execPath, MPTCPCTL];
  const list = ['-j', 'connections'];
  const powerless = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
  await expect(client.run(...powerless, 'ip', 'link', 'set', 'e2', 'down')).rejects.toThrow('not permitted');
  const outside = [...program, '-n', `/proc/${client.pid}/ns/net`, ...list];
  for (const output of [
    await client.run(...program, ...list),
    await client.run(...powerless, ...program, ...list),
    await run(outside),
  ]) {
    expect(JSON.parse(output)).toMatchObject(expected);
  }
  const text = await client.run(...program, 'subflows', 'remote', 'fd00:1::1', 'port', '8001');
  expect(text.trimEnd().split('\n')).toHaveLength(1);
  expect(text).toMatch(/^0x[0-9a-f]{8} {2}id 0\/0 {2}established {2}\[fd00:1::2\]:\d+ {2}\[fd00:1::1\]:8001 {2}out /);
  const [first] = connectionsOf(diag);
  const one = await client.run(...program, '-j', 'connections', 'token', `${first?.token}`);
  expect(JSON.parse(one)).toMatchObject([{ token: expected[0]?.token }]);
  await expect(client.run(...program, 'connections', 'token', '0xdeadbeef')).rejects.toThrow('no connection has');
});

test('a namespace without connections', async () => {
  const { client } = await pair();
  expect(connectionsOf(openDiag(client))).toEqual([]);
});

test('1,000 connections are all there, each with its subflow', async () => {
  const { client, server } = await pair();
  await server.ask({ op: 'listen', at: { ip: '::', port: 8001 } });
  const places = ['10.0.1.1', 'fd00:1::1', '10.0.2.1', 'fd00:2::1'];
  for (let i = 0; i < 1000; i += places.length) {
    await Promise.all(places.map((ip) => connect(client, { ip, port: 8001 })));
  }
  await until('all are accepted', async () => (await server.ask<number>({ op: 'accepted' })) === 1000);
  for (const host of [client, server]) {
    const all = connectionsOf(openDiag(host)).filter((c) => !c.listening);
    expect(all.length).toBe(1000);
    expect(new Set(all.map((c) => c.token)).size).toBe(1000);
    expect(all.filter((c) => c.subflows.length !== 1 || endsOf(c) !== endsOf(c.subflows[0] as Subflow))).toEqual([]);
  }
});
