import { describe, expect, test } from 'vitest';
import { hex, ScriptedSocket, vectors } from '../../test/fixtures/wire/wire.ts';
import type { NetworkInput } from '../core/model/network.ts';
import { Client } from '../netlink/client.ts';
import { groups } from '../netlink/families/route.ts';
import { joinNetwork, readNetwork, watchNetwork } from './monitor.ts';

const TYPE_AT = 4;
const FAMILY_AT = 16;
const RTM_DELLINK = 17;
const RTM_DELADDR = 21;
const AF_BRIDGE = 7;

/** A captured message; the kernel's notice of an end has the same body under another type. */
function captured(table: 'link' | 'address', key: string, type?: number): Buffer {
  const found = vectors('rtnetlink').find(
    ({ table: name, value }) => name === table && (value['name'] === key || value['address'] === key),
  );
  if (!found) throw new Error(`no vector of ${key}`);
  const message = hex(found.message);
  if (type !== undefined) message.writeUInt16LE(type, TYPE_AT);
  return message;
}

function heard(...messages: readonly Buffer[]) {
  const socket = new ScriptedSocket();
  const changes: NetworkInput[] = [];
  const lost: number[] = [];
  const malformed: unknown[] = [];
  watchNetwork(socket, {
    change: (input) => changes.push(input),
    lost: (count) => lost.push(count),
    malformed: (error) => malformed.push(error),
  });
  socket.queue.push(...messages);
  socket.ready?.();
  return { socket, changes, lost, malformed };
}

describe('what rtnetlink sends', () => {
  test('an interface comes and goes', () => {
    const { changes } = heard(captured('link', 'v0'), captured('link', 'v0', RTM_DELLINK));
    expect(changes).toMatchObject([
      { type: 'link', link: { index: 3, name: 'v0', up: true, running: true, kind: 'veth' } },
      { type: 'linkGone', ifIndex: 3 },
    ]);
  });

  test('an address comes and goes', () => {
    const { changes } = heard(captured('address', '10.9.0.1'), captured('address', '10.9.0.1', RTM_DELADDR));
    const address = { ip: '10.9.0.1', prefixLength: 24, ifIndex: 3 };
    expect(changes).toMatchObject([
      { type: 'address', address },
      { type: 'addressGone', address },
    ]);
  });

  test('a port that leaves its bridge is no interface that goes', () => {
    const message = captured('link', 'v0', RTM_DELLINK);
    message.writeUInt8(AF_BRIDGE, FAMILY_AT);
    expect(heard(message).changes).toEqual([]);
  });

  test('messages about other things are passed over', () => {
    const other = vectors('rtnetlink').filter(
      ({ table, value }) => table === 'route' && Number(value['dstLength']) > 1,
    );
    expect(other.length).toBeGreaterThan(0);
    for (const { message } of other) expect(heard(hex(message))).toMatchObject({ changes: [], malformed: [] });
  });

  test('a default route that comes or goes is told', () => {
    const [route] = vectors('rtnetlink').filter(({ table, value }) => table === 'route' && value['dstLength'] === 0);
    expect(heard(hex(route?.message ?? ''))).toMatchObject({ changes: [{ type: 'routes' }], malformed: [] });
  });

  test('one that cannot be read is told, and those after it are heard', () => {
    const broken = captured('address', '10.9.0.1');
    // The first attribute is said to be longer than the message.
    broken.writeUInt16LE(0xfff0, 24);
    const { changes, malformed } = heard(broken, captured('link', 'v0'));
    expect([malformed.length, changes.length]).toEqual([1, 1]);
  });
});

test.each([
  ['interfaces and addresses of both families', false, []],
  [
    'routes and rules too where they matter',
    true,
    [groups.ipv4Route, groups.ipv6Route, groups.ipv4Rule, groups.ipv6Rule],
  ],
])('it hears of %s', (_, routes, more) => {
  const joined: number[] = [];
  const socket = new ScriptedSocket();
  socket.join = (group?: number): void => void joined.push(group ?? 0);
  joinNetwork(socket, routes);
  expect(joined).toEqual([groups.link, groups.ipv4Address, groups.ipv6Address, ...more]);
});

describe('reading everything', () => {
  const families = { 2: 'ipv4', 10: 'ipv6' } as Readonly<Record<number, string>>;
  /** Answers each dump with the captured messages of its table and family, and its end. */
  const kernel = (request: Buffer, sequence: number): readonly Uint8Array[] => {
    const table = request.readUInt16LE(TYPE_AT) === 18 ? 'link' : 'address';
    const family = families[request.readUInt8(FAMILY_AT)];
    const messages = vectors('rtnetlink')
      .filter(({ table: name, value }) => name === table && (name === 'link' || value['family'] === family))
      .map(({ message }) => hex(message));
    const done = hex('14000000 0300 0200 00000000 00000000 00000000');
    return [...messages, done].map((message) => {
      message.writeUInt32LE(sequence, 8);
      return message;
    });
  };

  test('gives all there is as one input', () => {
    const read = readNetwork(new Client(new ScriptedSocket(kernel)));
    if (!read.ok || read.value.type !== 'network') throw new Error('not read');
    expect(read.value.links.map(({ name }) => name)).toEqual(['lo', 'v0']);
    expect(read.value.addresses.map(({ ip }) => ip)).toContain('10.9.0.1');
    expect(read.value.addresses).toHaveLength(vectors('rtnetlink').filter(({ table }) => table === 'address').length);
  });

  test.each(['link', 'address'])('a refusal of the %s dump is handed on', (table) => {
    const refuse = (request: Buffer, sequence: number): readonly Uint8Array[] => {
      const asked = request.readUInt16LE(TYPE_AT) === 18 ? 'link' : 'address';
      if (asked !== table) return kernel(request, sequence);
      // NLMSG_ERROR with EPERM and the request's header alone (NLM_F_CAPPED).
      const error = Buffer.concat([hex('24000000 0200 0001 00000000 00000000 ffffffff'), request.subarray(0, 16)]);
      error.writeUInt32LE(sequence, 8);
      return [error];
    };
    expect(readNetwork(new Client(new ScriptedSocket(refuse)))).toMatchObject({ ok: false, error: { errno: 'EPERM' } });
  });
});
