/** The refusals that no words of mptcpctl provoke, as a caller of src/netlink sees them. */
import { afterAll, beforeAll, expect } from 'vitest';
import { attrSet, nest } from '../../src/netlink/attr-set.ts';
import { Client } from '../../src/netlink/client.ts';
import { FAMILY, ops } from '../../src/netlink/families/mptcp-pm.ts';
import * as nlctrl from '../../src/netlink/families/nlctrl.ts';
import { Family } from '../../src/netlink/family.ts';
import { genlOp } from '../../src/netlink/generic.ts';
import * as t from '../../src/netlink/types.ts';
import { inNetworkNamespace, NetlinkSocket } from '../../src/os/index.ts';
import { kernelTest } from './need.ts';
import { connectEstablished, openPair, type Pair } from './pair.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');

/** The tables as the kernel has them, but nothing is needed and any family may be said. */
const address = attrSet('address', {
  family: [1, t.u16],
  id: [2, t.u8],
  ip: [3, t.ipv4],
  ip6: [4, t.ipv6],
  port: [5, t.u16],
  flags: [6, t.u32],
});
const attr = attrSet('attr', {
  addr: [1, nest(address)],
  rcvAddAddrs: [2, t.u32],
  subflows: [3, t.u32],
  token: [4, t.u32],
  locId: [5, t.u8],
  addrRemote: [6, nest(address)],
});
/** The same with values too short, or too long, for the kernel's policy. */
const shortAddress = attrSet('address', { family: [1, t.u8], id: [2, t.u8], ip6: [4, t.ipv4], port: [5, t.u8] });
const short = attrSet('attr', {
  addr: [1, nest(shortAddress)],
  subflows: [3, t.u8],
  token: [4, t.u16],
  locId: [5, t.u8],
});

const names = Object.fromEntries(Object.values(ops).map(({ name, command }) => [name, command]));
const op = (name: string) => genlOp(name, attr, { command: names[name] ?? 0 });
const shortOp = (name: string) => genlOp(name, short, { command: names[name] ?? 0 });

let pair: Pair;
let pm: Family;
let generic: Client;
let token: number;

beforeAll(async () => {
  pair = await openPair();
  await pair.client.watchEvents();
  await pair.server.ask({ op: 'listen', at: { ip: '::', port: 8000 } });
  token = (await connectEstablished(pair.client, { ip: '10.0.1.2', port: 8000 })).token;
  generic = new Client(inNetworkNamespace(`/proc/${pair.client.pid}/ns/net`, () => new NetlinkSocket(nlctrl.PROTOCOL)));
  const found = Family.find(generic, FAMILY);
  if (!found.ok) throw found.error;
  pm = found.value;
});
afterAll(async () => {
  generic?.close();
  await pair?.lab.close();
});

const [SIGNAL, SUBFLOW, FULLMESH] = [0x1, 0x2, 0x8];
const here = { family: 2, ip: '10.0.2.1' };
const there = { family: 2, ip: '10.0.2.2', port: 8000 };
const NOBODY = 0xdeadbeef;
type Values = Readonly<Record<string, unknown>>;

const inWords = (errno: string, extack: string, ...path: string[]) => ({ errno, extack, path });
const missing = (...path: string[]) => inWords('EINVAL', 'attribute missing', ...path);

test.each<[string, Values, object]>([
  // What an address lacks
  ['add endpoint', { addr: { ip: '10.0.0.1' } }, inWords('EINVAL', 'missing family', 'addr')],
  ['add endpoint', { addr: { family: 7, ip: '10.0.0.1' } }, inWords('EINVAL', 'unknown address family', 'addr')],
  ['add endpoint', { addr: { family: 2 } }, inWords('EINVAL', 'missing address data', 'addr')],
  ['add endpoint', { addr: { family: 10, ip: '10.0.0.1' } }, inWords('EINVAL', 'missing address data', 'addr')],
  ['announce', { token: 0, addr: { id: 9, flags: SIGNAL } }, inWords('EINVAL', 'missing family', 'addr')],
  [
    'create subflow',
    { token: 0, addr: here, addrRemote: { ip: '10.0.2.2' } },
    inWords('EINVAL', 'missing family', 'addrRemote'),
  ],
  [
    'destroy subflow',
    { token: 0, addr: { family: 2, port: 1 }, addrRemote: there },
    inWords('EINVAL', 'missing address data', 'addr'),
  ],
  [
    'destroy subflow',
    { token: 0, addr: { ...here, port: 1 }, addrRemote: { family: 99 } },
    inWords('EINVAL', 'unknown address family', 'addrRemote'),
  ],
  ['set flags', { token: 0, addr: here, addrRemote: { port: 1 } }, inWords('EINVAL', 'missing family', 'addrRemote')],

  // What a request lacks: the kernel names the attribute and has no words for it
  ['add endpoint', {}, missing('addr')],
  ['delete endpoint', {}, missing('addr')],
  ['get endpoint', {}, missing('addr')],
  ['set flags', {}, missing('addr')],
  ['set flags', { token: 0, addr: here }, missing('addrRemote')],
  ['announce', { token: 0 }, missing('addr')],
  ['announce', { addr: here }, missing('token')],
  ['remove', { token: 0 }, missing('locId')],
  ['remove', { locId: 1 }, missing('token')],
  ['create subflow', { token: 0, addrRemote: there }, missing('addr')],
  ['create subflow', { token: 0, addr: here }, missing('addrRemote')],
  ['create subflow', { addr: here, addrRemote: there }, missing('token')],
  ['destroy subflow', { token: 0, addr: here }, missing('addrRemote')],
  ['destroy subflow', { addr: here, addrRemote: there }, missing('token')],

  // Flags that mptcpctl does not let through, or does not know
  [
    'add endpoint',
    { addr: { ...here, flags: SIGNAL | FULLMESH } },
    inWords('EINVAL', "flags mustn't have both signal and fullmesh", 'addr'),
  ],
  ['announce', { token: 0, addr: { ...here, id: 9 } }, inWords('EINVAL', 'invalid addr flags', 'addr')],
  ['announce', { token: 0, addr: { ...here, id: 9, flags: SUBFLOW } }, inWords('EINVAL', 'invalid addr flags', 'addr')],
  ['announce', { token: 0, addr: { ...here, flags: SIGNAL } }, inWords('EINVAL', 'invalid addr id', 'addr')],
  [
    'create subflow',
    { token: 0, addr: { ...here, id: 9, flags: SIGNAL }, addrRemote: there },
    inWords('EINVAL', 'invalid addr flags', 'addr'),
  ],
  [
    'set flags',
    { token: 0, addr: { id: 9 }, addrRemote: there },
    inWords('EINVAL', 'invalid local address family', 'addr'),
  ],

  // Tokens and ids. To get one address by a bad token is answered as if there were none.
  ['get endpoint', { token: NOBODY, addr: { id: 1 } }, inWords('EINVAL', 'address not found', 'addr')],
  ['get endpoint', { addr: {} }, inWords('EINVAL', 'address not found', 'addr')],
  ['set flags', { token: NOBODY, addr: here, addrRemote: there }, inWords('EINVAL', 'invalid token', 'token')],
])('%s %j', (name, values, expected) => {
  // A token of 0 stands for the connection's own.
  const request = values['token'] === 0 ? { ...values, token } : values;
  const result = pm.request(op(name), request);
  expect(result.ok ? 'accepted' : result.error).toMatchObject({ op: name, ...expected });
});

test.each<[string, Values, object]>([
  ['set limits', { subflows: 1 }, inWords('ERANGE', 'Attribute failed policy validation', 'subflows')],
  ['remove', { token: 1, locId: 1 }, inWords('ERANGE', 'Attribute failed policy validation', 'token')],
  ['add endpoint', { addr: { family: 2 } }, inWords('ERANGE', 'Attribute failed policy validation', 'addr', 'family')],
  ['add endpoint', { addr: { port: 1 } }, inWords('ERANGE', 'Attribute failed policy validation', 'addr', 'port')],
  [
    'add endpoint',
    { addr: { ip6: '10.0.0.1' } },
    inWords('ERANGE', 'binary attribute size out of range', 'addr', 'ip6'),
  ],
])('%s with values of a wrong size: %j', (name, values, expected) => {
  const result = pm.request(shortOp(name), values);
  expect(result.ok ? 'accepted' : result.error).toMatchObject({ op: name, ...expected });
});

test('a dump that is refused says so in the message that ends it', () => {
  const result = pm.dump(ops.listAddrs, { token: NOBODY as never });
  expect(result.ok ? 'accepted' : result.error).toMatchObject({
    ...{ op: 'list endpoints', message: 'list endpoints: token: invalid token (EINVAL)' },
    ...inWords('EINVAL', 'invalid token', 'token'),
  });
});

test('what the kernel has no words for: a command it lacks, a family, a dump of what is none', () => {
  const none = { extack: undefined, path: undefined };
  const unknown = pm.request(genlOp('nothing', attr, { command: 99 }), {});
  expect(unknown.ok ? 'accepted' : unknown.error).toMatchObject({ errno: 'EOPNOTSUPP', ...none });
  const dumped = pm.dump(op('add endpoint'), {});
  expect(dumped.ok ? 'accepted' : dumped.error).toMatchObject({ errno: 'EOPNOTSUPP', ...none });
  const family = Family.find(generic, 'no_such_family');
  expect(family.ok ? 'accepted' : family.error).toMatchObject({ errno: 'ENOENT', ...none });
});
