import { describe, expect, test } from 'vitest';
import { asIfIndex } from '../core/model/ids.ts';
import { CliError } from './cli-error.ts';
import { parse, waitLast } from './userspace-words.ts';

const links = { linkIndex: (name: string) => (name === 'eth0' ? asIfIndex(3) : undefined) };
const read = (line: string): unknown => parse(line.split(' ').filter(Boolean), links);

function error(line: string): CliError {
  try {
    read(line);
  } catch (thrown) {
    if (thrown instanceof CliError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was wrong');
}

describe('the words of a command for one connection', () => {
  test.each([
    ['0x1e7fcfbf 10.0.2.1 id 4', { token: 0x1e7fcfbf, local: { ip: '10.0.2.1', id: 4 }, remote: {} }],
    ['511692735 id 4', { token: 511_692_735, local: { id: 4 }, remote: {} }],
    [
      '7 10.0.2.1 port 80 id 4 dev eth0 backup',
      { local: { ip: '10.0.2.1', id: 4, port: 80, ifIndex: 3 }, backup: true },
    ],
    [
      '7 local 10.0.2.1 id 4 dev eth0 remote 192.0.2.1 port 443 id 2',
      {
        local: { ip: '10.0.2.1', id: 4, ifIndex: 3 },
        remote: { ip: '192.0.2.1', port: 443, id: 2 },
        backup: undefined,
      },
    ],
    [
      '7 remote ::ffff:192.0.2.1 port 1 local ::ffff:10.0.2.1 port 2 nobackup',
      { local: { ip: '::ffff:10.0.2.1', port: 2 }, remote: { ip: '::ffff:192.0.2.1', port: 1 }, backup: false },
    ],
    ['7 loc fd00::1 p 2 rem fd00::2 p 1', { local: { ip: 'fd00::1', port: 2 }, remote: { ip: 'fd00::2', port: 1 } }],
    ['0xffffffff id 0x0a', { token: 0xffffffff, local: { id: 10 } }],
    ['0 port 010 id 0', { token: 0, local: { id: 0, port: 8 } }],
    ['7 10.0.2.1 signal fullmesh backup', { flags: new Set(['signal', 'fullmesh', 'backup']), backup: true }],
    ['7 10.0.2.1 backup subflow nobackup', { flags: new Set(['subflow']), backup: false }],
    ['7 local 10.0.2.1', { wait: undefined }],
    ['7 local 10.0.2.1 wait id 3', { wait: 30, local: { ip: '10.0.2.1', id: 3 } }],
    ['7 wait 2.5 local 10.0.2.1', { wait: 2.5, local: { ip: '10.0.2.1' } }],
    ['7 local 10.0.2.1 --wait=7', { wait: 7 }],
  ])('%s', (line, expected) => expect(read(line)).toMatchObject(expected));

  test.each([
    ['', 255, 'Error: argument "TOKEN" is required\n'],
    ['1e7fcfbf id 4', 255, 'Error: argument "1e7fcfbf" is wrong: no token: decimal, or hexadecimal after 0x\n'],
    ['0x1ffffffff id 4', 255, 'Error: argument "0x1ffffffff" is wrong: no token: decimal, or hexadecimal after 0x\n'],
    ['7 10.0.2.1 id 256', 255, 'Error: argument "256" is wrong: invalid ID\n\n'],
    ['7 10.0.2.1 port 65536', 255, 'Error: argument "65536" is wrong: expected port\n'],
    ['7 10.0.2.1 dev nosuch', 255, 'Error: argument "nosuch" is wrong: device does not exist\n\n'],
    ['7 local', 255, 'Command line is not complete. Try option "help"\n'],
    ['7 wait 0', 255, 'Error: argument "0" is wrong: expected seconds, up to 86400\n'],
    ['7 --wait=soon', 255, 'Error: argument "soon" is wrong: expected seconds, up to 86400\n'],
    ['7 nonsense', 1, 'Error: any valid address is expected rather than "nonsense".\n'],
  ])('%j is wrong: status %i', (line, code, words) => {
    const wrong = error(line);
    expect([wrong.status, wrong.message]).toEqual([code, words]);
  });
});

test('--wait may stand anywhere', () => {
  expect(waitLast(['--wait=5', 'create', '7', 'local', '10.0.2.1'])).toEqual([
    ...['create', '7', 'local', '10.0.2.1'],
    '--wait=5',
  ]);
});
