import { describe, expect, test } from 'vitest';
import { asAddrId, asIfIndex, asToken } from '../core/model/ids.ts';
import { isWanted, readFilter } from './event-filter.ts';
import { type Told, toLine, toValue } from './event-format.ts';
import { EventOutput } from './event-output.ts';
import { defaults, type Options } from './options.ts';
import { timePrefix } from './timestamp.ts';

const linkName = () => 'eth1';
const token = asToken(0x27ba8ef5);
const ids = (locId: number, remId: number) => ({ locId: asAddrId(locId), remId: asAddrId(remId) });
const first = { localIp: '10.0.1.2', remoteIp: '10.0.1.1', localPort: 51830, remotePort: 8000, ...ids(0, 0) };
const second = { localIp: '10.0.2.2', remoteIp: '10.0.2.1', localPort: 48539, remotePort: 8000, ...ids(8, 1) };
const clean = { error: undefined, resetReason: undefined, resetTransient: false };
const closed: Told = { type: 'connectionClosed', token };

/** The transcript of reference/ip-mptcp.md: the event, its line, its JSON object. */
const transcript: [Told, string, string][] = [
  [
    { type: 'connectionCreated', token, ...first, serverSide: false, denyJoinId0: true },
    '[         CREATED] token=27ba8ef5 remid=0 locid=0 saddr4=10.0.1.2 daddr4=10.0.1.1 sport=51830 dport=8000 deny_join_id0',
    '{"event":"CREATED","token":"0x27ba8ef5","remid":0,"locid":0,"saddr4":"10.0.1.2","daddr4":"10.0.1.1","sport":51830,"dport":8000,"deny_join_id0":true}',
  ],
  [
    { type: 'connectionEstablished', token, ...first, serverSide: true, denyJoinId0: false },
    '[     ESTABLISHED] token=27ba8ef5 remid=0 locid=0 saddr4=10.0.1.2 daddr4=10.0.1.1 sport=51830 dport=8000 server_side',
    '{"event":"ESTABLISHED","token":"0x27ba8ef5","remid":0,"locid":0,"saddr4":"10.0.1.2","daddr4":"10.0.1.1","sport":51830,"dport":8000,"server_side":true}',
  ],
  [
    { type: 'subflowEstablished', token, ...second, ...clean, backup: false, ifIndex: asIfIndex(3) },
    '[  SF_ESTABLISHED] token=27ba8ef5 remid=1 locid=8 saddr4=10.0.2.2 daddr4=10.0.2.1 sport=48539 dport=8000 backup=0 ifindex=3 dev=eth1',
    '{"event":"SF_ESTABLISHED","token":"0x27ba8ef5","remid":1,"locid":8,"saddr4":"10.0.2.2","daddr4":"10.0.2.1","sport":48539,"dport":8000,"backup":0,"ifindex":3,"dev":"eth1"}',
  ],
  [
    { type: 'addressAnnounced', token, remId: asAddrId(3), remoteIp: '10.0.2.55', remotePort: 8000 },
    '[       ANNOUNCED] token=27ba8ef5 remid=3 daddr4=10.0.2.55 dport=8000',
    '{"event":"ANNOUNCED","token":"0x27ba8ef5","remid":3,"daddr4":"10.0.2.55","dport":8000}',
  ],
  [
    { type: 'subflowPriority', token, ...second, ...clean, backup: true, ifIndex: asIfIndex(3) },
    '[         SF_PRIO] token=27ba8ef5 remid=1 locid=8 saddr4=10.0.2.2 daddr4=10.0.2.1 sport=48539 dport=8000 backup=1 ifindex=3 dev=eth1',
    '{"event":"SF_PRIO","token":"0x27ba8ef5","remid":1,"locid":8,"saddr4":"10.0.2.2","daddr4":"10.0.2.1","sport":48539,"dport":8000,"backup":1,"ifindex":3,"dev":"eth1"}',
  ],
  [
    { type: 'addressRemoved', token, remId: asAddrId(3) },
    '[         REMOVED] token=27ba8ef5 remid=3',
    '{"event":"REMOVED","token":"0x27ba8ef5","remid":3}',
  ],
  [
    {
      ...{ type: 'subflowClosed', token, ...second, ...ids(8, 0), localPort: 37117, remotePort: 9, backup: false },
      ...{ ...clean, error: 'ECONNREFUSED', ifIndex: undefined },
    },
    '[       SF_CLOSED] token=27ba8ef5 remid=0 locid=8 saddr4=10.0.2.2 daddr4=10.0.2.1 sport=37117 dport=9 backup=0 error=111',
    '{"event":"SF_CLOSED","token":"0x27ba8ef5","remid":0,"locid":8,"saddr4":"10.0.2.2","daddr4":"10.0.2.1","sport":37117,"dport":9,"backup":0,"error":111}',
  ],
  [
    { type: 'listenerCreated', localIp: '10.0.2.2', localPort: 7000 },
    '[LISTENER_CREATED] saddr4=10.0.2.2 sport=7000',
    '{"event":"LISTENER_CREATED","saddr4":"10.0.2.2","sport":7000}',
  ],
  [
    { type: 'listenerClosed', localIp: '::', localPort: 7001 },
    '[ LISTENER_CLOSED] saddr6=:: sport=7001',
    '{"event":"LISTENER_CLOSED","saddr6":"::","sport":7001}',
  ],
  [
    {
      ...{ type: 'subflowClosed', token, ...second, backup: true, ifIndex: asIfIndex(3) },
      ...{ error: 'ECONNRESET', resetReason: 'unspecified', resetTransient: false },
    },
    '[       SF_CLOSED] token=27ba8ef5 remid=1 locid=8 saddr4=10.0.2.2 daddr4=10.0.2.1 sport=48539 dport=8000 backup=1 error=104 ifindex=3 dev=eth1 reset_reason=0 reset_flags=0',
    '{"event":"SF_CLOSED","token":"0x27ba8ef5","remid":1,"locid":8,"saddr4":"10.0.2.2","daddr4":"10.0.2.1","sport":48539,"dport":8000,"backup":1,"error":104,"ifindex":3,"dev":"eth1","reset_reason":0,"reset_flags":"0"}',
  ],
  [closed, '[          CLOSED] token=27ba8ef5', '{"event":"CLOSED","token":"0x27ba8ef5"}'],
  [{ type: 'lost', count: 3 }, '[EVENTS LOST: 3]', '{"event":"LOST","count":3}'],
  [{ type: 'unknown', command: 4 }, '[UNKNOWN 4]', '{"event":"UNKNOWN","command":4}'],
];

test.each(transcript)('%o', (told, line, json) => {
  expect(toLine(told, linkName)).toBe(line);
  expect(JSON.stringify(toValue(told, linkName))).toBe(json);
});

test('a small token keeps its eight digits; a reason has its number', () => {
  const told: Told = {
    ...{ type: 'subflowClosed', token: asToken(0x2a), ...second, backup: false, ifIndex: undefined },
    ...{ error: undefined, resetReason: 'middlebox', resetTransient: true },
  };
  expect(toLine(told, linkName)).toMatch(/ token=0000002a .* reset_reason=6 reset_flags=1$/);
});

describe('the output', () => {
  const time = { date: new Date(2026, 10, 1, 0, 43, 36), microseconds: 6176 };
  const written = (options: Partial<Options>, ...told: Told[]): string => {
    let text = '';
    const output = new EventOutput({ ...defaults, ...options }, (more) => (text += more));
    output.open();
    for (const one of told) output.add(one, linkName, time);
    output.close();
    return text;
  };
  const object = '{"event":"CLOSED","token":"0x27ba8ef5"}';

  test('-j is one array, closed at the end', () => {
    expect(written({ json: true }, closed, closed)).toBe(`[${object},${object}]\n`);
    expect(written({ json: true })).toBe('[]\n');
  });
  test('-j -o is an object a line', () => {
    expect(written({ json: true, oneLine: true, pretty: true }, closed, closed)).toBe(`${object}\n${object}\n`);
  });
  test('-j -p is for people', () => {
    const pretty = '{\n        "event": "CLOSED",\n        "token": "0x27ba8ef5"\n    }';
    expect(written({ json: true, pretty: true }, closed, closed)).toBe(`[ ${pretty},${pretty} ]\n`);
    expect(written({ json: true, pretty: true })).toBe('[ ]\n');
  });
  test('the time, in three forms', () => {
    expect(timePrefix('none', time)).toBe('');
    expect(written({ timestamp: 'long' }, closed)).toBe(
      'Timestamp: Sun Nov  1 00:43:36 2026 6176 usec\n[          CLOSED] token=27ba8ef5\n',
    );
    expect(written({ timestamp: 'short' }, closed)).toBe(
      '[2026-11-01T00:43:36.006176] [          CLOSED] token=27ba8ef5\n',
    );
    expect(written({ timestamp: 'short', json: true, oneLine: true }, closed)).toBe(
      '{"timestamp_short":"2026-11-01T00:43:36.006176","event":"CLOSED","token":"0x27ba8ef5"}\n',
    );
    expect(written({ timestamp: 'long', json: true }, closed)).toBe(
      '[{"timestamp":"Sun Nov  1 00:43:36 2026 6176 usec","event":"CLOSED","token":"0x27ba8ef5"}]\n',
    );
  });
});

describe('filters', () => {
  const wants = (line: string, told: Told): boolean => isWanted(readFilter(line.split(' ').filter(Boolean)), told);
  const listener: Told = { type: 'listenerCreated', localIp: '::', localPort: 1 };

  test('none: everything', () => {
    for (const [told] of transcript) expect(wants('', told)).toBe(true);
  });
  test.each(['token 0x27ba8ef5', '--token=666537717', '--token 0x27BA8EF5', 't 1 tok 666537717'])('%s', (line) => {
    expect(wants(line, closed)).toBe(true);
    expect(wants(line, { ...closed, token: asToken(7) })).toBe(false);
    expect(wants(line, listener)).toBe(false);
    expect(wants(line, { type: 'lost', count: 1 })).toBe(true);
  });
  test.each(['event closed,created', '--event=CLOSED', '--event closed', 'event created event closed'])(
    '%s',
    (line) => {
      expect(wants(line, closed)).toBe(true);
      expect(wants(line, listener)).toBe(false);
      expect(wants(line, { type: 'lost', count: 1 })).toBe(true);
    },
  );
  test('both must fit', () => {
    expect(wants('event created token 0x27ba8ef5', closed)).toBe(false);
  });
  test.each([
    ['frob', 'Command "frob" is unknown, try "ip mptcp help".\n'],
    ['token', 'Command line is not complete. Try option "help"\n'],
    ['token xyz', 'Error: argument "xyz" is wrong: no token: decimal, or hexadecimal after 0x\n'],
    ['event nope', /^Error: argument "nope" is wrong: no event; there are CREATED, .*LOST\n$/],
  ])('what is wrong: %s', (line, said) => {
    expect(() => readFilter(line.split(' '))).toThrow(
      expect.objectContaining({ status: 255, message: typeof said === 'string' ? said : expect.stringMatching(said) }),
    );
  });
});
