/** Every refusal of the kernel in its own words, as a user of mptcpctl sees it. */
import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { LabHost } from '../../src/lab/host.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { inside, until } from '../../src/lab/process.ts';
import { provoked, unprovoked } from './extack-lines.ts';
import { kernelTest } from './need.ts';
import { connectEstablished, openPair } from './pair.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');
const CTL = [process.execPath, new URL('../../bin/mptcpctl', import.meta.url).pathname];

let lab: Lab;
let client: LabHost;
let server: LabHost;
/** What `$names` stand for: tokens. */
const names = new Map<string, string>();

beforeAll(async () => {
  ({ lab, client, server } = await openPair());
  for (const host of [client, server]) await host.watchEvents();
  await client.run('ip', 'route', 'add', 'unreachable', '203.0.113.0/24');
  await server.ask({ op: 'listen', at: { ip: '::', port: 8000 } });
  for (const ip of ['10.0.1.1', 'fd00:1::1']) await client.ask({ op: 'listen', at: { ip, port: 7000 } });
  names.set('$token', await established('10.0.1.2'));
  names.set('$six', await established('fd00:1::2'));
  names.set('$fresh', await fresh('10.0.1.2'));
  await client.run('sysctl', '-qw', 'net.mptcp.pm_type=0');
  names.set('$kernel', await established('10.0.1.2'));
  await client.run('sysctl', '-qw', 'net.mptcp.pm_type=1');
});
afterAll(() => lab?.close());

/** A connection of the client: its token. */
async function established(ip: string): Promise<string> {
  return hex((await connectEstablished(client, { ip, port: 8000 })).token);
}

/** One that is not established: to a client it is once data have come. */
async function fresh(ip: string): Promise<string> {
  const seen = client.events.length;
  await client.ask({ op: 'connect', to: { ip, port: 8000 } });
  const created = await until('the connection is created', () =>
    client.events.slice(seen).find(({ event }) => event.type === 'connectionCreated'),
  );
  return hex('token' in created.event ? created.event.token : 0);
}

const hex = (token: number): string => `0x${token.toString(16)}`;

interface Done {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}
/** Runs mptcpctl on the client, perhaps through another program. */
function ctl(line: string, ...through: string[]): Promise<Done> {
  const words = line.split(' ').map((word) => names.get(word) ?? word);
  const [program = '', ...args] = inside(client.pid, [...through, ...CTL, ...words]);
  return new Promise((resolve) => {
    execFile(program, args, (error, out, err) => resolve({ status: Number(error?.code ?? 0), out, err }));
  });
}

describe('mptcpctl says what the kernel says', () => {
  for (const { text, lines } of provoked) {
    test(`${text}: ${lines.at(-1)}`, async () => {
      for (const line of lines.slice(0, -1)) expect({ line, ...(await ctl(line)) }).toMatchObject({ line, status: 0 });
      expect(await ctl(lines.at(-1) ?? '')).toEqual({ status: 2, out: '', err: `Error: ${text}.\n` });
    });
  }

  test.each([
    'endpoint add 10.0.1.1',
    'limits set subflows 1',
    'announce $token 10.0.2.1 id 9',
    'remove $token id 20',
    'subflow create $token local 10.0.2.1 id 20 remote 10.0.2.2 port 8000',
    'subflow destroy $token local 10.0.2.1 port 1 remote 10.0.2.2 port 8000',
    'subflow change $token local 10.0.2.1 remote 10.0.2.2 backup',
  ])('without rights: %s', async (line) => {
    expect(await ctl(line, 'setpriv', '--bounding-set=-net_admin', '--inh-caps=-all')).toEqual({
      ...{ status: 2, out: '', err: 'RTNETLINK answers: Operation not permitted\n' },
    });
  });

  test('to read takes no rights, of a connection neither', async () => {
    const through = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-all'];
    for (const line of ['endpoint', 'limits', 'address $token']) {
      expect({ line, ...(await ctl(line, ...through)) }).toMatchObject({ line, status: 0, err: '' });
    }
  });
});

test('what cannot be provoked is not provoked by anything above', () => {
  const texts = new Set(provoked.map(({ text }) => text));
  for (const [text, reason] of Object.entries(unprovoked)) {
    expect(texts, reason).not.toContain(text);
    expect(reason).not.toBe('');
  }
});
