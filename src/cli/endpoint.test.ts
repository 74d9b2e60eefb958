import { describe, expect, test } from 'vitest';
import { asAddrId, asIfIndex } from '../core/model/ids.ts';
import { type Endpoint, parse, toLine, toValue } from './endpoint.ts';
import { parse as parseLimits } from './limits.ts';

const links = {
  linkIndex: (name: string) => (name === 'lo' ? asIfIndex(1) : undefined),
  linkName: () => 'lo',
};
const read = (verb: Parameters<typeof parse>[0], line: string) => parse(verb, line.split(' ').filter(Boolean), links);
/** What stands on stderr, and the exit status. */
const refusal = (task: () => unknown): string => {
  try {
    task();
  } catch (error) {
    const { message, status } = error as Error & { status: number };
    return `${status} ${message}`;
  }
  return 'none';
};

describe('the words of an endpoint', () => {
  test.each([
    ['10.0.1.2 dev lo id 5 subflow backup'],
    ['backup id 5 subflow 10.0.1.2 d lo'],
    ['i 0x5 de lo backup backup 10.0.1.2 subflow'],
  ])('may stand in any order, keywords abbreviated: %s', (line) => {
    expect(read('add', line)).toEqual({
      ...{ ip: '10.0.1.2', id: 5, port: 0, flags: new Set(['subflow', 'backup']), cleared: new Set(), ifIndex: 1 },
    });
  });

  test.each([
    ['dead:BEEF:0::1', 'dead:beef::1'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
    ['10.1', '10.1.0.0'],
    ['0x10.010', '16.8.0.0'],
  ])('an address: %s', (word, ip) => expect(read('add', word).ip).toBe(ip));

  test('an empty word is no keyword', () => {
    expect(refusal(() => parse('add', ['', '5'], links))).toBe(
      '1 Error: any valid address is expected rather than "".\n',
    );
  });

  test('the last one counts where a word stands twice', () => {
    expect(read('add', '10.0.0.1 10.0.0.2 id 3 id 4')).toMatchObject({ ip: '10.0.0.2', id: 4 });
  });

  test('what is to be changed, what is to be taken away', () => {
    expect(read('change', 'id 5 nobackup fullmesh')).toMatchObject({
      flags: new Set(['fullmesh']),
      cleared: new Set(['backup']),
    });
  });

  test.each([
    ['add', '', '255 Error: argument "ADDRESS" is required\n'],
    ['add', '10.0.1.3 id 0', '255 Error: argument "ID" is wrong: cannot be 0\n\n'],
    ['add', '10.0.1.3 id 256', '255 Error: argument "256" is wrong: invalid ID\n\n'],
    ['add', '10.0.1.3 id -1', '255 Error: argument "-1" is wrong: invalid ID\n\n'],
    ['add', '10.0.1.3 id', '255 Command line is not complete. Try option "help"\n'],
    ['add', '10.0.1.3 port 65536', '255 Error: argument "65536" is wrong: expected port\n'],
    [
      'add',
      '10.0.1.3 port 99 subflow',
      '255 Error: argument "port" is wrong: flags must have signal when using port\n',
    ],
    [
      'add',
      '10.0.1.3 signal fullmesh',
      '255 Error: argument "fullmesh" is wrong: flags mustn\'t have both signal and fullmesh\n',
    ],
    ['add', '10.0.1.3 dev eth9', '255 Error: argument "eth9" is wrong: device does not exist\n\n'],
    ['add', '10.0.1.3 dev a/b', '255 Error: argument "a/b" is wrong: invalid interface name\n\n'],
    ['add', '::g', '1 Error: any valid address is expected rather than "::g".\n'],
    ['add', '10.0.0.0.1', '1 Error: any valid address is expected rather than "10.0.0.0.1".\n'],
    ['add', '10.08', '1 Error: any valid address is expected rather than "10.08".\n'],
    ['add', '10.0.1.3 sub', '1 Error: any valid address is expected rather than "sub".\n'],
    ['add', 'any', '2 Error: binary attribute size out of range.\n'],
    ['change', 'id 5 signal', '255 Error: argument "signal" is wrong: invalid flags, backup and fullmesh only\n'],
    ['change', 'id 5 port 3 backup', '255 Error: argument "port" is wrong: port can\'t be used with id\n'],
    ['change', 'id 0 backup', '255 Error: argument "ID" is wrong: cannot be 0\n\n'],
    ['delete', '', '255 Error: argument "ID" is required\n'],
    ['delete', 'id 0', '255 Error: argument "ID" is wrong: address is needed for deleting id 0 address\n\n'],
    ['delete', 'id 3 10.0.1.1', '255 Error: argument "ADDRESS" is wrong: invalid for non-zero id address\n\n'],
  ] as const)('what is wrong is said as ip says it: %s %s', (verb, line, said) => {
    expect(refusal(() => read(verb, line))).toBe(said);
  });
});

describe('an endpoint is shown', () => {
  const all: Endpoint = {
    ip: '::a00:1',
    id: asAddrId(7),
    port: 99,
    flags: ['signal', 'subflow', 'backup', 'fullmesh', 'implicit', 'laminar'],
    ifIndex: asIfIndex(1),
  };
  test('as text, with a blank after each word', () => {
    const words = 'signal subflow backup fullmesh implicit laminar';
    expect(toLine(all, links)).toBe(`::10.0.0.1 port 99 id 7 ${words} dev lo `);
    expect(toLine({ ip: '10.0.1.1', id: asAddrId(1), port: 0, flags: [] }, links)).toBe('10.0.1.1 id 1 ');
  });
  test('as JSON', () => {
    expect(JSON.stringify(toValue({ ...all, ip: 'fd00::1', flags: ['backup'] }, links))).toBe(
      '{"address":"fd00::1","port":99,"id":7,"backup":true,"dev":"lo"}',
    );
  });
});

describe('the words of limits', () => {
  const limits = (line: string) => parseLimits(line.split(' ').filter(Boolean));
  test('in any order, abbreviated', () => {
    expect(limits('add 1 subflow 2')).toEqual({ rcvAddAddrs: 1, subflows: 2 });
    expect(limits('')).toEqual({});
  });
  test.each([
    ['foo', '255 Error: argument "foo" is wrong: unknown limit\n'],
    ['subflows x', '255 Error: argument "x" is wrong: invalid subflows\n\n'],
    ['add_addr_accepted 4294967296', '255 Error: argument "4294967296" is wrong: invalid add_addr_accepted\n\n'],
    ['subflows', '255 Command line is not complete. Try option "help"\n'],
  ])('what is wrong: %s', (line, said) => expect(refusal(() => limits(line))).toBe(said));
});
