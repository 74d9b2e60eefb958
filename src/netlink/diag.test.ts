import { describe, expect, test } from 'vitest';
import {
  type DiagExchange,
  hex,
  message,
  ScriptedSocket,
  vectors,
  withSequence,
} from '../../test/fixtures/wire/wire.ts';
import { asAddrId, asIfIndex, asToken } from '../core/model/ids.ts';
import { Client } from './client.ts';
import { findByToken, joinDumps, readConnections, readConnectionsInBrief } from './diag.ts';
import type { MptcpSocket, TcpSocket } from './families/sock-diag.ts';

const all = vectors('sock-diag');
const repliesOf = (name: string): readonly string[] => {
  const found = all.find((v: DiagExchange) => v.case === name);
  if (!found) throw new Error(`no vector ${name}`);
  return found.replies;
};
/** NLMSG_DONE alone, and NLMSG_ERROR with EPERM, capped. */
const NOTHING = [message(3, 2, 0, '00000000').toString('hex')];
const REFUSED = [message(2, 0x100, 0, `ffffffff${'00'.repeat(16)}`).toString('hex')];

/** Answers requests in turn. */
function scripted(...answers: (readonly string[])[]): Client {
  return new Client(
    new ScriptedSocket((_, sequence) => (answers.shift() ?? []).map((reply) => withSequence(hex(reply), sequence))),
  );
}

const base: Omit<TcpSocket, 'info' | 'ulp'> = {
  ...{ family: 'ipv4', state: 'established', timer: 0, retrans: 0, local: '10.0.0.1', remote: '10.0.0.2' },
  ...{ localPort: 1, remotePort: 2, ifIndex: asIfIndex(0), cookie: 1n, expires: 0, receiveQueue: 0, sendQueue: 0 },
  ...{ uid: 0, inode: 7 },
};
const token = asToken(77);
const socket = (values: Partial<MptcpSocket> = {}): MptcpSocket => ({ ...base, info: { token }, ...values });
type Nest = NonNullable<NonNullable<TcpSocket['ulp']>['mptcp']>;
const flow = (mptcp: Nest, values: Partial<TcpSocket> = {}): TcpSocket => ({
  ...base,
  ulp: { name: 'mptcp', mptcp: { token, ...mptcp } },
  ...values,
});

test('in brief, a reading tells of who is there and how they are joined, and nothing of how they get on', () => {
  const replies = () => [
    ...[repliesOf('mptcpSockets ipv4 of the client'), NOTHING],
    ...[repliesOf('tcpSockets ipv4 of the client'), NOTHING],
  ];
  const [whole, brief] = [readConnections(scripted(...replies())), readConnectionsInBrief(scripted(...replies()))];
  if (!whole.ok || !brief.ok) throw new Error('refused');
  expect(brief.value).toHaveLength(whole.value.length);
  const counters = /^(bytes|last|retrans|rtt|cwnd|subflowCount|mark)/;
  const shown = (all: object): unknown =>
    JSON.parse(JSON.stringify(all, (key, value) => (counters.test(key) ? undefined : value)));
  expect(shown(brief.value)).toEqual(shown(whole.value));
  expect(brief.value.every(({ bytesSent }) => bytesSent === undefined)).toBe(true);
});

describe('the client’s end', () => {
  const read = readConnections(
    scripted(
      repliesOf('mptcpSockets ipv4 of the client'),
      NOTHING,
      repliesOf('tcpSockets ipv4 of the client'),
      NOTHING,
    ),
  );
  const connections = read.ok ? read.value : [];
  const to = (port: number) => connections.filter((c) => c.remote.port === port && !c.fallback);

  test('a connection with a backup subflow of an endpoint', () => {
    expect(connections).toHaveLength(3);
    const [connection] = to(8000);
    expect(connection).toMatchObject({
      ...{ token: 0xe5d1042a, side: 'client', state: 'established', listening: false, fallback: false },
      ...{ subflowCount: 2, bytesSent: 100_000, bytesAcked: 100_000, bytesReceived: 0, retransmits: 0 },
      local: { ip: '10.0.1.2' },
      remote: { ip: '10.0.1.1', port: 8000 },
    });
    expect(connection?.subflows).toHaveLength(2);
    const [initial, joined] = [...(connection?.subflows ?? [])].sort((a, b) => a.locId - b.locId);
    expect(initial).toMatchObject({
      ...{ local: connection?.local, remote: connection?.remote, locId: 0, remId: 0, ifIndex: undefined },
      ...{ initial: true, madeHere: true, fullyEstablished: true, backup: false, backupRemote: false },
      ...{ bytesSent: 100_000, state: 'established' },
    });
    expect(joined).toMatchObject({
      ...{ local: { ip: '10.0.2.2' }, remote: connection?.remote, locId: 5, remId: 0, ifIndex: 3 },
      ...{ initial: false, madeHere: true, fullyEstablished: true, backup: true, backupRemote: false, cwnd: 10 },
    });
  });
  test('one that fell back to TCP is marked', () => {
    expect(connections.filter((c) => c.fallback)).toMatchObject([
      { side: 'client', remote: { port: 8002 }, token: 0x67408b41, subflows: [{ fullyEstablished: false }] },
    ]);
  });
  test('one alone, by its token', () => {
    const [expected] = connections.filter((c) => c.token === found().token);
    function found() {
      const one = findByToken(
        scripted(repliesOf('one by its token'), repliesOf('tcpSockets ipv4 of the client'), NOTHING),
        asToken(1),
      );
      if (!one.ok) throw one.error;
      return one.value;
    }
    expect({ ...found(), lastDataSent: 0, lastDataReceived: 0, lastAckReceived: 0 }).toEqual({
      ...expected,
      ...{ lastDataSent: 0, lastDataReceived: 0, lastAckReceived: 0 },
    });
  });
  test('a token that nobody has', () => {
    const one = findByToken(scripted(repliesOf('a token that nobody has')), asToken(1));
    expect(one.ok ? undefined : one.error.errno).toBe('ENOENT');
  });
});

test('the server’s end: mapped addresses, listeners, the subflow that the peer made', () => {
  const read = readConnections(
    scripted(
      NOTHING,
      repliesOf('mptcpSockets ipv6 of the server'),
      NOTHING,
      repliesOf('tcpSockets ipv6 of the server'),
    ),
  );
  const connections = read.ok ? read.value : [];
  expect(connections.filter((c) => c.listening)).toMatchObject([
    { token: 0, side: undefined, local: { ip: '::', port: 8001 }, remote: { ip: '::', port: 0 }, subflows: [] },
  ]);
  const [mapped] = connections.filter((c) => c.local.ip === '::ffff:10.0.1.1');
  expect(mapped).toMatchObject({ side: 'server', token: 0x1fcc66f8, bytesReceived: 2000, subflowCount: 2 });
  const [, joined] = [...(mapped?.subflows ?? [])].sort((a, b) => a.remId - b.remId);
  expect(joined).toMatchObject({ remId: 5, madeHere: false, backup: false, backupRemote: true, initial: false });
});

test.each([0, 1, 2, 3])('a refusal of request %i is the answer', (at) => {
  const read = readConnections(scripted(...[NOTHING, NOTHING, NOTHING, NOTHING].with(at, REFUSED)));
  expect(read.ok ? undefined : read.error.errno).toBe('EPERM');
});

describe('joining', () => {
  test('by the connection’s own token, not by the peer’s', () => {
    const other = asToken(78);
    const connections = joinDumps(
      [socket(), socket({ info: { token: other } })],
      [
        flow({ joinLocal: true, joinRemote: true, remoteToken: other, locId: asAddrId(3) }),
        flow({ token: other, mpCapableRemote: true }),
        flow({ token: asToken(5) }),
        { ...base, ulp: { name: 'tls' } },
        base,
      ],
    );
    expect(connections.map((c) => c.subflows.map((s) => s.locId))).toEqual([[3], [0]]);
    expect(connections.map((c) => c.side)).toEqual([undefined, 'server']);
  });
  test('an initial subflow that is gone leaves the side unknown', () => {
    const [connection] = joinDumps([socket()], [flow({ joinLocal: true, joinRemote: true })]);
    expect(connection?.side).toBeUndefined();
  });
  test('what an older kernel does not tell is undefined, and the subflows are counted', () => {
    const [connection] = joinDumps([socket()], [flow({ mpCapableLocal: true }), flow({ joinLocal: true })]);
    expect(connection).toMatchObject({
      subflowCount: 2,
      bytesSent: undefined,
      lastDataSent: undefined,
      side: 'client',
    });
    expect(connection?.subflows[0]).toMatchObject({ rtt: undefined, bytesSent: undefined, initial: true });
  });
  test('subflows without a connection do not go to listeners, which have token 0 as well', () => {
    const none = asToken(0);
    const [listener] = joinDumps([socket({ state: 'listen', info: { token: none } })], [flow({ token: none })]);
    expect(listener).toMatchObject({ listening: true, subflows: [], subflowCount: 0 });
  });
});
