import { describe, expect, test } from 'vitest';
import {
  type DiagExchange,
  hex,
  message,
  ScriptedSocket,
  vectors,
  withSequence,
  written,
} from '../../test/fixtures/wire/wire.ts';
import { asIfIndex, asToken } from '../core/model/ids.ts';
import type { Connection } from '../netlink/diag.ts';
import * as route from '../netlink/families/route.ts';
import { CliError } from './cli-error.ts';
import { findConnections, isWanted, readFilter } from './connection-filter.ts';
import { connectionLines, connectionValue } from './connection-format.ts';
import { run as runConnections } from './connections.ts';
import { Context } from './context.ts';
import { defaults, type Options } from './options.ts';
import { run as runSubflows } from './subflows.ts';

const exchanges = vectors('sock-diag');
const replies = (name: string): readonly string[] =>
  exchanges.find((v: DiagExchange) => v.case === name)?.replies ?? [];
const NOTHING = [message(3, 2, 0, '00000000').toString('hex')];
const atClient = [
  replies('mptcpSockets ipv4 of the client'),
  NOTHING,
  replies('tcpSockets ipv4 of the client'),
  NOTHING,
];
const atServer = [
  NOTHING,
  replies('mptcpSockets ipv6 of the server'),
  NOTHING,
  replies('tcpSockets ipv6 of the server'),
];
const link = message(
  16,
  0,
  0,
  written((w) => route.link.encode(w, { index: asIfIndex(3), name: 'e1' })),
);

/** Runs a command where the kernel has given answers; interface 3 is e1. */
function run(
  command: typeof runConnections,
  words: string[],
  answers: readonly (readonly string[])[],
  options: Partial<Options> = {},
): string {
  let out = '';
  const left = [...answers];
  const context = new Context(
    { ...defaults, ...options },
    {
      out: (text) => {
        out += text;
      },
      err: () => {},
    },
    (protocol) =>
      protocol === route.PROTOCOL
        ? new ScriptedSocket((_, sequence) => [withSequence(link, sequence)])
        : new ScriptedSocket((_, sequence) => (left.shift() ?? []).map((reply) => withSequence(hex(reply), sequence))),
  );
  expect(command(words, context)).toBe(0);
  return out;
}

describe('text', () => {
  test('connections: one a line, its subflows below it', () => {
    expect(run(runConnections, [], atClient)).toMatchInlineSnapshot(`
      "0xe5d1042a  client  established  10.0.1.2:57062  10.0.1.1:8000  subflows 2  sent 100000  received 0  acked 100000  retrans 0  retransmits 0
          id 0/0  established  10.0.1.2:57062     10.0.1.1:8000  out  rtt 0.070ms  cwnd 82  sent 100000  received 0  acked 100001  retrans 0  retransmits 0  initial
          id 5/0  established  10.0.2.2%e1:52077  10.0.1.1:8000  out  rtt 0.038ms  cwnd 10  sent 0       received 0  acked 1       retrans 0  retransmits 0  backup
      0x67408b41  client  established  10.0.1.2:41546  10.0.1.1:8002  subflows 1  sent 0       received 0  acked 0       retrans 0  retransmits 0  fallback
          id 0/0  established  10.0.1.2:41546     10.0.1.1:8002  out  rtt 0.044ms  cwnd 10  sent 0       received 0  acked 1       retrans 0  retransmits 0  initial not-fully-established
      0x63d6a3c7  client  established  10.0.1.2:47862  10.0.1.1:8001  subflows 2  sent 2000    received 0  acked 2000    retrans 0  retransmits 0
          id 0/0  established  10.0.1.2:47862     10.0.1.1:8001  out  rtt 0.032ms  cwnd 12  sent 2000    received 0  acked 2001    retrans 0  retransmits 0  initial
          id 5/0  established  10.0.2.2%e1:40973  10.0.1.1:8001  out  rtt 0.015ms  cwnd 10  sent 0       received 0  acked 1       retrans 0  retransmits 0  backup
      "
    `);
  });
  test('subflows: one a line, with the token', () => {
    expect(run(runSubflows, [], atClient)).toMatchInlineSnapshot(`
      "0xe5d1042a  id 0/0  established  10.0.1.2:57062     10.0.1.1:8000  out  rtt 0.070ms  cwnd 82  sent 100000  received 0  acked 100001  retrans 0  retransmits 0  initial
      0xe5d1042a  id 5/0  established  10.0.2.2%e1:52077  10.0.1.1:8000  out  rtt 0.038ms  cwnd 10  sent 0       received 0  acked 1       retrans 0  retransmits 0  backup
      0x67408b41  id 0/0  established  10.0.1.2:41546     10.0.1.1:8002  out  rtt 0.044ms  cwnd 10  sent 0       received 0  acked 1       retrans 0  retransmits 0  initial not-fully-established
      0x63d6a3c7  id 0/0  established  10.0.1.2:47862     10.0.1.1:8001  out  rtt 0.032ms  cwnd 12  sent 2000    received 0  acked 2001    retrans 0  retransmits 0  initial
      0x63d6a3c7  id 5/0  established  10.0.2.2%e1:40973  10.0.1.1:8001  out  rtt 0.015ms  cwnd 10  sent 0       received 0  acked 1       retrans 0  retransmits 0  backup
      "
    `);
  });
  test('listeners, mapped addresses, subflows that the other end made', () => {
    expect(run(runConnections, [], atServer)).toMatchInlineSnapshot(`
      "0x5050bda4  server  established  [fd00:1::1]:8001        [fd00:1::2]:51832        subflows 1  sent 0  received 1000  acked 0  retrans 0  retransmits 0
          id 0/0  established  [fd00:1::1]:8001        [fd00:1::2]:51832        in  rtt 0.038ms  cwnd 10  sent 0  received 1000  acked 0  retrans 0  retransmits 0  initial
      0x1fcc66f8  server  established  [::ffff:10.0.1.1]:8001  [::ffff:10.0.1.2]:47862  subflows 2  sent 0  received 2000  acked 0  retrans 0  retransmits 0
          id 0/5  established  [::ffff:10.0.1.1]:8001  [::ffff:10.0.2.2]:40973  in  rtt 1.000ms  cwnd 10  sent 0  received 0     acked 0  retrans 0  retransmits 0  backup-remote
          id 0/0  established  [::ffff:10.0.1.1]:8001  [::ffff:10.0.1.2]:47862  in  rtt 0.030ms  cwnd 10  sent 0  received 2000  acked 0  retrans 0  retransmits 0  initial
      -           -       listen       [::]:8001               *                        subflows 0  sent 0  received 0     acked 0  retrans 0  retransmits 0
      "
    `);
  });
  test('-o: a record a line', () => {
    const lines = run(runConnections, [], atClient, { oneLine: true }).trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines.filter((line) => line.includes('\\    id 5/0'))).toHaveLength(2);
  });
  test('nothing there is nothing said', () => {
    expect(run(runConnections, [], [NOTHING, NOTHING, NOTHING, NOTHING])).toBe('');
  });
  test('what an older kernel does not tell is a dash', () => {
    const nothing = {
      ...{ bytesSent: undefined, bytesReceived: undefined, bytesAcked: undefined, bytesRetransmitted: undefined },
      ...{ retransmits: undefined, lastDataSent: undefined, lastDataReceived: undefined, lastAckReceived: undefined },
      ...{ mark: undefined, side: undefined },
    };
    const connection: Connection = {
      ...{ token: asToken(7), local: { ip: '10.0.0.1', port: 1 }, remote: { ip: '10.0.0.2', port: 2 } },
      ...{ state: 99, listening: false, fallback: false, subflowCount: 0, subflows: [], uid: 0, inode: 5, ...nothing },
    };
    expect(connectionLines([connection], () => '')).toEqual([
      ['0x00000007  -  99  10.0.0.1:1  10.0.0.2:2  subflows 0  sent -  received -  acked -  retrans -  retransmits -'],
    ]);
    expect(JSON.parse(JSON.stringify(connectionValue(connection, () => '')))).toEqual({
      ...{ token: '0x00000007', state: 99, local: '10.0.0.1', local_port: 1, remote: '10.0.0.2', remote_port: 2 },
      ...{ subflow_count: 0, subflows: [], uid: 0, inode: 5 },
    });
  });
});

describe('JSON', () => {
  const [, joined] = JSON.parse(run(runSubflows, [], atClient, { json: true })) as object[];
  test('connections, with their subflows in them', () => {
    const all = JSON.parse(run(runConnections, [], atClient, { json: true })) as {
      token: string;
      subflows: object[];
    }[];
    expect(all.find(({ token }) => token === '0xe5d1042a')).toMatchObject({
      ...{ side: 'client', state: 'established', remote: '10.0.1.1', remote_port: 8000, subflow_count: 2 },
      ...{ bytes_sent: 100_000, bytes_acked: 100_000, bytes_received: 0, bytes_retrans: 0, retransmits: 0 },
      subflows: [{ initial: true }, { backup: true }],
    });
    expect(all.filter((c) => 'fallback' in c)).toMatchObject([{ fallback: true, remote_port: 8002 }]);
  });
  test('subflows', () => {
    expect(joined).toMatchInlineSnapshot(`
      {
        "backup": true,
        "bytes_acked": 1,
        "bytes_received": 0,
        "bytes_retrans": 0,
        "bytes_sent": 0,
        "cwnd": 10,
        "dev": "e1",
        "fully_established": true,
        "ifindex": 3,
        "local": "10.0.2.2",
        "local_port": 52077,
        "locid": 5,
        "made_here": true,
        "remid": 0,
        "remote": "10.0.1.1",
        "remote_port": 8000,
        "retransmits": 0,
        "rtt_us": 38,
        "rttvar_us": 19,
        "state": "established",
        "token": "0xe5d1042a",
      }
    `);
  });
  test('-p: in many lines', () => {
    const pretty = run(runConnections, ['port', '8002'], atClient, { json: true, pretty: true });
    expect(pretty.split('\n').slice(0, 3)).toEqual([
      '[ {',
      '        "token": "0x67408b41",',
      '        "side": "client",',
    ]);
    expect(JSON.parse(pretty)).toHaveLength(1);
  });
  test('a listener has no token', () => {
    const all = JSON.parse(run(runConnections, [], atServer, { json: true })) as object[];
    expect(all.filter((c) => !('token' in c))).toMatchObject([{ listening: true, state: 'listen', local: '::' }]);
  });
});

describe('filters', () => {
  const count = (words: string[], answers = atClient) =>
    [runConnections, runSubflows].map(
      (command) => (JSON.parse(run(command, words, answers, { json: true })) as []).length,
    );
  test.each([
    [['show'], [3, 5]],
    [
      ['port', '8000'],
      [1, 2],
    ],
    [
      ['local', '10.0.2.2'],
      [2, 2],
    ],
    [
      ['lo', '10.0.1.2', 'port', '8001'],
      [1, 1],
    ],
    [
      ['remote', '10.0.1.1', 'local', '10.0.2.2', 'p', '8001'],
      [1, 1],
    ],
    [
      ['show', 'remote', '10.0.1.2'],
      [0, 0],
    ],
  ])('%j', (words, expected) => expect(count(words)).toEqual(expected));
  test('an IPv4 address is that of a mapped one too', () => {
    expect(count(['local', '10.0.1.1'], atServer)).toEqual(count(['local', '::ffff:10.0.1.1'], atServer));
    expect(count(['local', '10.0.1.1'], atServer)).toEqual([1, 2]);
  });
  test('a token is asked for at the kernel', () => {
    const answers = [replies('one by its token'), replies('tcpSockets ipv4 of the client'), NOTHING];
    expect(count(['token', '0x1'], answers)[0]).toBe(1);
    expect(count(['token', '1', 'remote', '192.0.2.1'], answers)).toEqual([0, 0]);
  });
  test('a token that nobody has', () => {
    expect(() => run(runConnections, ['token', '1'], [replies('a token that nobody has')])).toThrow(
      expect.objectContaining({ status: 2, message: 'Error: no connection has this token.\n' }),
    );
  });
  test('a kernel that cannot list MPTCP sockets', () => {
    expect(() => run(runConnections, [], [replies('a token that nobody has')])).toThrow(
      expect.objectContaining({ status: 1, message: expect.stringContaining('mptcp_diag is missing') as string }),
    );
  });
  test('another refusal is told in the kernel’s words', () => {
    const refused = [message(2, 0x100, 0, `ffffffff${'00'.repeat(16)}`).toString('hex')];
    for (const words of [[], ['token', '1']]) {
      expect(() => run(runConnections, words, [refused])).toThrow(
        expect.objectContaining({ status: 2, message: 'RTNETLINK answers: Operation not permitted\n' }),
      );
    }
  });
  test.each([
    [['frob'], 'Command "frob" is unknown'],
    [['show', 'show'], 'Command "show" is unknown'],
    [['token'], 'Command line is not complete'],
    [['token', 'x'], 'argument "x" is wrong'],
    [['port', '65536'], 'argument "65536" is wrong'],
    [['local', 'nowhere'], 'any valid address is expected'],
    [['help'], 'Usage:'],
  ])('%j is refused', (words, text) => {
    expect(() => readFilter(words)).toThrow(CliError);
    expect(() => readFilter(words)).toThrow(text);
  });
  test('an end that fits both is needed: one end’s address with the other’s port is none', () => {
    const ends = { local: { ip: '10.0.0.1', port: 1 }, remote: { ip: '::1', port: 2 } };
    expect(isWanted({ local: '10.0.0.1', remote: '::1', port: 2 }, ends)).toBe(true);
    expect(isWanted({ port: 3 }, ends)).toBe(false);
    expect(isWanted({ remote: '10.0.0.1' }, ends)).toBe(false);
  });
  test('the socket is closed, also after a refusal', () => {
    const sockets: ScriptedSocket[] = [];
    const context = new Context(defaults, { out: () => {}, err: () => {} }, () => {
      const gone = replies('a token that nobody has');
      sockets.push(new ScriptedSocket((_, sequence) => gone.map((reply) => withSequence(hex(reply), sequence))));
      return sockets[0] as ScriptedSocket;
    });
    expect(() => findConnections({ token: asToken(1) }, context)).toThrow(CliError);
    expect(sockets.map(({ closed }) => closed)).toEqual([true]);
  });
});
