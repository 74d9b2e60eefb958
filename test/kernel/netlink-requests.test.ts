import { expect, onTestFinished, vi } from 'vitest';
import { asAddrId, asIfIndex, asToken } from '../../src/core/model/ids.ts';
import { attrSet } from '../../src/netlink/attr-set.ts';
import { Client } from '../../src/netlink/client.ts';
import type { Result } from '../../src/netlink/errors.ts';
import { attr, FAMILY, ops } from '../../src/netlink/families/mptcp-pm.ts';
import { PROTOCOL as GENERIC } from '../../src/netlink/families/nlctrl.ts';
import { address, link, PROTOCOL as ROUTE, route } from '../../src/netlink/families/route.ts';
import { Family } from '../../src/netlink/family.ts';
import { genlOp } from '../../src/netlink/generic.ts';
import * as t from '../../src/netlink/types.ts';
import { inNetworkNamespace, NetlinkSocket } from '../../src/os/index.ts';
import { kernelTest, type Namespace, openNamespace } from './need.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');

async function namespace(): Promise<Namespace> {
  const opened = await openNamespace();
  onTestFinished(() => opened.close());
  return opened;
}
function open({ path }: Namespace, protocol: number): Client {
  const client = new Client(inNetworkNamespace(path, () => new NetlinkSocket(protocol)));
  onTestFinished(() => client.close());
  return client;
}
/** The family in a namespace of the test's own. */
async function pathManager(): Promise<{ pm: Family; ns: Namespace }> {
  const ns = await namespace();
  const found = Family.find(open(ns, GENERIC), FAMILY);
  if (!found.ok) throw found.error;
  return { pm: found.value, ns };
}

/** What a refusal says, without the kernel's words: they differ between kernels. */
const refusal = (result: Result<unknown>) =>
  result.ok ? 'accepted' : { errno: result.error.errno, path: result.error.path };
/** An operation as the kernel knows it, with nothing needed. */
const bare = (name: string, command: number) => genlOp(name, attr, { command });
const nobody = asToken(0xdeadbeef);

test('a refusal names the attribute that the kernel complains of', async () => {
  const { pm } = await pathManager();
  const id = asAddrId(3);
  expect(refusal(pm.request(ops.remove, { token: nobody, locId: id }))).toEqual({ errno: 'EINVAL', path: ['token'] });
  const announced = { token: nobody, addr: { family: 'ipv4', ip: '10.0.0.1', id, flags: ['signal'] } } as const;
  expect(refusal(pm.request(ops.announce, announced))).toEqual({ errno: 'EINVAL', path: ['token'] });
  expect(refusal(pm.request(ops.getAddr, { addr: { id } }))).toEqual({ errno: 'EINVAL', path: ['addr'] });
  expect(refusal(pm.request(ops.delAddr, { addr: { id } }))).toEqual({ errno: 'EINVAL', path: ['addr'] });
});

test('with its words it reads as one line', async () => {
  const { pm } = await pathManager();
  const result = pm.request(ops.remove, { token: nobody, locId: asAddrId(3) });
  expect(result.ok ? 'accepted' : result.error.message).toMatch(/^remove: token: .+ \(EINVAL\)$/);
});

test('limits go up to 8; one that is refused changes nothing', async () => {
  const { pm } = await pathManager();
  expect(pm.request(ops.setLimits, { subflows: 8, rcvAddAddrs: 7 })).toEqual({ ok: true, value: undefined });
  expect(refusal(pm.request(ops.setLimits, { subflows: 9, rcvAddAddrs: 1 }))).toEqual({
    errno: 'EINVAL',
    path: ['subflows'],
  });
  expect(refusal(pm.request(ops.setLimits, { rcvAddAddrs: 9 }))).toEqual({ errno: 'EINVAL', path: ['rcvAddAddrs'] });
  expect(pm.request(ops.getLimits, {})).toEqual({ ok: true, value: { subflows: 8, rcvAddAddrs: 7 } });
});

test('a dump that is refused is no empty dump', async () => {
  const { pm } = await pathManager();
  expect(refusal(pm.dump(ops.listAddrs, { token: nobody }))).toEqual({ errno: 'EINVAL', path: ['token'] });
  expect(pm.dump(ops.listAddrs, {})).toEqual({ ok: true, value: [] });
});

test('what is missing is named', async () => {
  const { pm } = await pathManager();
  const missing = (path: string) => ({ errno: 'EINVAL', path: [path] });
  const addr = { family: 'ipv4', ip: '10.0.0.1', port: 1 } as const;
  expect(refusal(pm.request(bare('remove', 9), { locId: asAddrId(3) }))).toEqual(missing('token'));
  expect(refusal(pm.request(bare('remove', 9), { token: nobody }))).toEqual(missing('locId'));
  expect(refusal(pm.request(bare('destroy subflow', 11), { token: nobody, addr }))).toEqual(missing('addrRemote'));
  expect(refusal(pm.request(bare('add endpoint', 1), {}))).toEqual(missing('addr'));
});

test('a missing id: the kernel takes none for 0', async () => {
  const { pm } = await pathManager();
  expect(refusal(pm.request(bare('set flags', 7), { addr: { flags: ['backup'] } }))).toEqual({
    errno: 'EOPNOTSUPP',
    path: ['addr'],
  });
});

test('a value that is too short is refused by the kernel’s policy, by name', async () => {
  const { pm } = await pathManager();
  const short = attrSet('short', { token: [4, t.u16], locId: [5, t.u8] });
  const op = { ...genlOp('remove', short, { command: 9 }), locate: ops.remove.locate };
  expect(refusal(pm.request(op, { token: 1, locId: 1 }))).toEqual({ errno: 'ERANGE', path: ['token'] });
});

test('a command that the kernel does not have', async () => {
  const { pm } = await pathManager();
  expect(refusal(pm.request(bare('nothing', 99), {}))).toEqual({ errno: 'EOPNOTSUPP', path: undefined });
});

test('a family that the kernel does not have', async () => {
  const ns = await namespace();
  expect(refusal(Family.find(open(ns, GENERIC), 'no_such_family'))).toMatchObject({ errno: 'ENOENT' });
});

test('endpoints: what is added is what `ip mptcp` shows and what the dump gives, 255 times', async () => {
  const { pm, ns } = await pathManager();
  const lo = asIfIndex(1);
  const first = { family: 'ipv4', ip: '10.1.0.1', id: asAddrId(7), flags: ['signal', 'backup'], ifIndex: lo } as const;
  const second = { family: 'ipv6', ip: 'fd00:1::1', id: asAddrId(9), flags: ['subflow', 'fullmesh'] } as const;
  for (const addr of [first, second]) {
    expect(pm.request(ops.addAddr, { addr })).toEqual({ ok: true, value: undefined });
  }
  expect(JSON.parse(ns.run(['ip', '-j', 'mptcp', 'endpoint', 'show']))).toEqual([
    { address: '10.1.0.1', id: 7, signal: true, backup: true, dev: 'lo' },
    { address: 'fd00:1::1', id: 9, subflow: true, fullmesh: true },
  ]);
  const listed = { ok: true, value: [first, second].map((addr) => ({ addr: { ...addr, port: 0 } })) };
  expect(pm.dump(ops.listAddrs, {})).toEqual(listed);
  // As many dumps as there are address ids: none leaves the socket in a state that the next one meets.
  for (let i = 0; i < 255; i++) expect(pm.dump(ops.listAddrs, {})).toEqual(listed);
  expect(pm.request(ops.getAddr, { addr: { id: second.id } })).toEqual({ ok: true, value: listed.value[1] });
  expect(pm.request(ops.flushAddrs, {}).ok).toBe(true);
  expect(pm.dump(ops.listAddrs, {})).toEqual({ ok: true, value: [] });
});

// RT_TABLE_* and RTPROT_* (include/uapi/linux/rtnetlink.h), as far as they occur here.
const tables: Readonly<Record<number, string>> = { 254: 'main', 255: 'local' };
const protocols: Readonly<Record<number, string>> = { 2: 'kernel', 3: 'boot' };

/** A namespace with links, addresses and routes of several kinds. */
async function network(): Promise<Namespace> {
  const ns = await namespace();
  const commands = [
    'link add v0 type veth peer name v1',
    'link set v0 mtu 1400',
    'link set v0 up',
    'link set v1 up',
    'addr add 10.9.0.1/24 dev v0',
    'addr add 10.9.0.2/24 dev v0 label v0:second',
    'addr add 192.0.2.1 peer 192.0.2.2/32 dev v1',
    'addr add fd00:9::1/64 dev v0 nodad',
    'route add default via 10.9.0.254 dev v0 metric 50',
    'route add 198.51.100.0/24 dev v1 src 192.0.2.1',
    'route add blackhole 203.0.113.0/24',
    'route add fd00:a::/64 via fd00:9::2 dev v0 metric 77',
    'route add default via fd00:9::3 dev v0',
  ];
  ns.run(['ip', '-batch', '-'], `${commands.join('\n')}\n`);
  return ns;
}
const dumped = <T>(result: Result<T[]>): T[] => {
  if (!result.ok) throw result.error;
  return result.value;
};
/**
 * Compares until both agree: the kernel adds link-local addresses, and their routes, a moment after a link is up
 * (net/core/link_watch.c). What differs at the deadline is thrown.
 */
const agreed = (compare: () => void): Promise<void> => vi.waitFor(compare, { timeout: 10_000, interval: 20 });
/** Texts that are equal when two lists are, whatever their order. */
const sorted = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row)).sort();
type Json = Readonly<Record<string, unknown>>;
const json = (ns: Namespace, ...argv: string[]): Json[] => JSON.parse(ns.run(['ip', '-j', ...argv])) as Json[];

test('links are those of `ip link`', async () => {
  const ns = await network();
  const client = open(ns, ROUTE);
  await agreed(() => {
    const ours = dumped(client.dump(link.get, link.types.get, {}));
    const theirs = json(ns, '-d', 'link', 'show');
    expect(ours.length).toBe(3);
    const words = { up: 'UP', loopback: 'LOOPBACK', multicast: 'MULTICAST', lowerUp: 'LOWER_UP' } as const;
    const flags = Object.entries(words);
    expect(
      ours.map(({ index, name, mtu, info, flags: f, link: peer }) => ({
        ...{ index, name, mtu, kind: info?.kind, peer: ours.find((l) => l.index === peer)?.name },
        flags: flags.filter(([word]) => f.includes(word as 'up')).map(([, theirWord]) => theirWord),
      })),
    ).toEqual(
      theirs.map((l) => ({
        ...{ index: l['ifindex'], name: l['ifname'], mtu: l['mtu'], peer: l['link'] },
        kind: (l['linkinfo'] as Json | undefined)?.['info_kind'],
        flags: flags.map(([, word]) => word).filter((word) => (l['flags'] as string[]).includes(word)),
      })),
    );
  });
});

test('one link is asked for by its index; one that is not there is refused', async () => {
  const client = open(await namespace(), ROUTE);
  const lo = client.request(link.get, link.types.get, { index: asIfIndex(1) });
  expect(lo.ok && lo.value?.name).toBe('lo');
  const none = client.request(link.get, link.types.get, { index: asIfIndex(999) });
  expect(refusal(none)).toEqual({ errno: 'ENODEV', path: undefined });
});

test('addresses are those of `ip address`', async () => {
  const ns = await network();
  const client = open(ns, ROUTE);
  await agreed(() => {
    const ours = dumped(client.dump(address.get, address.types.get, {}));
    const theirs = json(ns, 'address', 'show').flatMap((l) =>
      (l['addr_info'] as Json[]).map((a) => ({
        ...{ ifIndex: l['ifindex'], local: a['local'], peer: a['address'], prefixLength: a['prefixlen'] },
        ...{ scope: a['scope'], label: a['label'], secondary: a['secondary'] ?? false, noDad: a['nodad'] ?? false },
      })),
    );
    expect(theirs.length).toBeGreaterThanOrEqual(6);
    const mine = ours.map(({ ifIndex, local, address: a, prefixLength, scope, label, flags }) => ({
      ...{
        ifIndex,
        local: local ?? a,
        peer: local === undefined || local === a ? undefined : a,
        prefixLength,
        scope,
        label,
      },
      ...{ secondary: flags?.includes('secondary'), noDad: flags?.includes('noDad') },
    }));
    expect(sorted(mine)).toEqual(sorted(theirs));
  });
});

test.each([
  ['ipv4', '-4'],
  ['ipv6', '-6'],
] as const)('%s routes are those of `ip route`', async (family, option) => {
  const ns = await network();
  const client = open(ns, ROUTE);
  const names = new Map(dumped(client.dump(link.get, link.types.get, {})).map(({ index, name }) => [index, name]));
  await agreed(() => {
    const ours = dumped(client.dump(route.get, route.types.get, { family }));
    const theirs = json(ns, option, 'route', 'show', 'table', 'all').map((r) => ({
      ...{ dst: r['dst'], gateway: r['gateway'], dev: r['dev'], prefSrc: r['prefsrc'], metric: r['metric'] ?? 0 },
      // `ip` leaves out what is usual: the main table, unicast, the protocol of routes set by hand (RTPROT_BOOT).
      ...{ type: r['type'] ?? 'unicast', table: r['table'] ?? 'main', protocol: r['protocol'] ?? 'boot' },
    }));
    expect(theirs.length).toBeGreaterThanOrEqual(5);
    const full = family === 'ipv4' ? 32 : 128;
    const mine = ours.map(({ dst, dstLength, gateway, outIndex, prefSrc, priority, type, table, protocol }) => ({
      dst: dst === undefined ? 'default' : dstLength === full ? dst : `${dst}/${dstLength}`,
      ...{ gateway, dev: outIndex === undefined ? undefined : names.get(outIndex), prefSrc, metric: priority ?? 0 },
      ...{ type, table: tables[table ?? 0], protocol: protocols[protocol] },
    }));
    expect(sorted(mine)).toEqual(sorted(theirs));
    expect(new Set(ours.map((r) => r.family))).toEqual(new Set([family]));
  });
});
