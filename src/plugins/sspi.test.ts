import { describe, expect, test } from 'vitest';
import type { Connection } from '../plugin-api/index.ts';
import { type PluginTest, type TestOptions, testPlugin } from '../testing/index.ts';
import sspi from './sspi.ts';

const LOCAL = '10.0.1.1';
const WIFI = '10.0.2.1';
const REMOTE = '10.0.9.9';
const OTHER = '10.0.8.8';

interface Arguments {
  readonly local?: { readonly ip: string };
  readonly remote?: { readonly ip: string };
  readonly address?: { readonly ip: string };
  readonly id?: number;
  readonly ifIndex?: number;
}

/** The commands since the last time, in few words. Interfaces are numbered as they came. */
function commands(t: PluginTest): readonly string[] {
  return t.commands.splice(0).map(({ type, args }) => {
    const { local, remote, address, id, ifIndex } = args as Arguments;
    if (address) return `${type} ${address.ip}`;
    if (!local || !remote) return `${type} id ${id}`;
    return `${type} ${local.ip} → ${remote.ip}${ifIndex === undefined ? '' : ` over ${ifIndex}`}`;
  });
}

/** A host with eth0, interface 1, and wlan0, interface 2. */
async function start(options: TestOptions = {}) {
  const t = await testPlugin(sspi, options);
  await t.addAddress('eth0', LOCAL);
  await t.addAddress('wlan0', WIFI);
  return t;
}

const ends = { local: { ip: LOCAL }, remote: { ip: REMOTE, port: 443 } };
const wifi = `createSubflow ${WIFI} → ${REMOTE} over 2`;

const up = (t: PluginTest, { token }: Connection, localIp: string, remoteIp = REMOTE) =>
  t.subflow('subflowEstablished', { token, localIp, localPort: 50_000, remoteIp });
const lost = (t: PluginTest, { token }: Connection, localIp: string, remoteIp = REMOTE) =>
  t.subflow('subflowClosed', { token, localIp, localPort: 50_000, remoteIp, error: 'ECONNRESET' });
const refused = (t: PluginTest, { token }: Connection, localIp: string, remoteIp = REMOTE) =>
  t.subflow('subflowClosed', { token, localIp, remoteIp, error: 'ECONNREFUSED' });

/** A client with a subflow on either interface. */
async function pair() {
  const t = await start();
  const c = await t.connect(ends);
  await up(t, c, WIFI);
  commands(t);
  return { t, c };
}

describe('on the client side', () => {
  test('each interface beside that of the initial subflow gets one, bound to it', async () => {
    const t = await start();
    await t.connect(ends);
    expect(commands(t)).toEqual([wifi]);
    await t.addAddress('wwan0', '10.0.3.1');
    expect(commands(t)).toEqual([`createSubflow 10.0.3.1 → ${REMOTE} over 3`]);
  });

  test('and no second one: not from a second address, nor to a second address of the peer', async () => {
    const { t, c } = await pair();
    await t.addAddress('wlan0', '10.0.2.99');
    await t.addAddress('eth0', '10.0.1.99');
    await t.announce(c, 3, { ip: OTHER, port: 443 });
    expect(commands(t)).toEqual([]);
  });

  test('not while one is being tried either', async () => {
    const t = await start();
    await t.connect(ends);
    commands(t);
    await t.addAddress('wlan0', '10.0.2.99');
    expect(commands(t)).toEqual([]);
  });

  test('IPv6: from a lasting address, never from one of link scope', async () => {
    const t = await start();
    await t.addAddress('eth0', '2001:db8::1');
    await t.addAddress('wlan0', 'fe80::1', { scope: 'link' });
    await t.addAddress('wlan0', '2001:db8:1::dead', { deprecated: true });
    await t.addAddress('wlan0', '2001:db8:1::f00d', { temporary: true });
    await t.addAddress('wlan0', '2001:db8:1::1');
    await t.addAddress('wlan0', '2001:db8:1::2');
    await t.connect({ local: { ip: '2001:db8::1' }, remote: { ip: '2001:db8:9::9', port: 443 } });
    expect(commands(t)).toEqual(['createSubflow 2001:db8:1::1 → 2001:db8:9::9 over 2']);
  });

  test('a temporary or deprecated address is better than none', async () => {
    const t = await testPlugin(sspi);
    await t.addAddress('eth0', '2001:db8::1');
    await t.addAddress('wlan0', '2001:db8:1::dead', { deprecated: true });
    await t.addAddress('wlan0', '2001:db8:1::f00d', { temporary: true });
    await t.connect({ local: { ip: '2001:db8::1' }, remote: { ip: '2001:db8:9::9', port: 443 } });
    expect(commands(t)).toEqual(['createSubflow 2001:db8:1::f00d → 2001:db8:9::9 over 2']);
  });

  test('IPv4 on an AF_INET6 socket is written as the kernel has it', async () => {
    const t = await start();
    await t.connect({ local: { ip: `::ffff:${LOCAL}` }, remote: { ip: `::ffff:${REMOTE}`, port: 443 } });
    expect(commands(t)).toEqual([`createSubflow ::ffff:${WIFI} → ::ffff:${REMOTE} over 2`]);
  });

  test('to the address that the peer announced first where it wants no joins to its initial one', async () => {
    const t = await start();
    const c = await t.connect({ ...ends, denyJoinId0: true });
    await t.announce(c, 3, { ip: '2001:db8::3', port: 443 });
    expect(commands(t)).toEqual([]);
    await t.announce(c, 4, { ip: OTHER, port: 8443 });
    await t.announce(c, 5, { ip: '10.0.7.7', port: 8443 });
    expect(commands(t)).toEqual([`createSubflow ${WIFI} → ${OTHER} over 2`]);
  });

  test('an interface that loses its address uses another of its own', async () => {
    const { t } = await pair();
    await t.addAddress('wlan0', '10.0.2.99');
    await t.removeAddress('wlan0', WIFI);
    expect(commands(t)).toEqual([`destroySubflow ${WIFI} → ${REMOTE}`, `createSubflow 10.0.2.99 → ${REMOTE} over 2`]);
  });

  test('an interface that comes back is used at once, whatever it was waiting for', async () => {
    const { t, c } = await pair();
    await t.setLink('wlan0', false);
    expect(commands(t)).toEqual([`destroySubflow ${WIFI} → ${REMOTE}`]);
    await lost(t, c, WIFI);
    await t.setLink('wlan0', true);
    expect(commands(t)).toEqual([wifi]);
    await refused(t, c, WIFI);
    await t.setLink('wlan0', false);
    await t.setLink('wlan0', true);
    expect(commands(t)).toEqual([wifi]);
  });

  test('the interface of the initial subflow gets one again when that is lost', async () => {
    const { t, c } = await pair();
    await t.subflow('subflowClosed', {
      token: c.token,
      localIp: LOCAL,
      localPort: c.local.port,
      remoteIp: REMOTE,
      error: 'ECONNRESET',
    });
    await t.advance(1100);
    expect(commands(t)).toEqual([`createSubflow ${LOCAL} → ${REMOTE} over 1`]);
  });

  test('an address that two interfaces have: where one loses it, the other takes over', async () => {
    const t = await testPlugin(sspi);
    await t.addAddress('eth0', LOCAL);
    await t.addAddress('wlan0', WIFI);
    await t.addAddress('wwan0', WIFI);
    const c = await t.connect(ends);
    expect(commands(t)).toEqual([wifi]);
    await t.subflow('subflowEstablished', {
      token: c.token,
      localIp: WIFI,
      localPort: 50_000,
      remoteIp: REMOTE,
      ifIndex: (await t.addAddress('wlan0', WIFI)).ifIndex,
    });
    await t.removeAddress('wlan0', WIFI);
    expect(commands(t)).toEqual([`destroySubflow ${WIFI} → ${REMOTE}`, `createSubflow ${WIFI} → ${REMOTE} over 3`]);
  });

  test('nothing is announced', async () => {
    const t = await start();
    await t.connect(ends);
    expect(t.commands.some(({ type }) => type === 'announce')).toBe(false);
  });
});

describe('an interface whose subflow fails', () => {
  /** What is tried is refused; it is tried again after a pause that differs from what is expected by a tenth at most. */
  async function refusedAndBack(t: PluginTest, c: Connection, pause: number): Promise<void> {
    await refused(t, c, WIFI);
    await t.advance(pause * 0.9 - 1);
    expect(commands(t)).toEqual([]);
    await t.advance(pause * 0.2 + 1);
    expect(commands(t)).toEqual([wifi]);
  }

  test('is tried again after a second, then two, four; one that was up for ten seconds ends the series', async () => {
    const t = await start();
    const c = await t.connect(ends);
    commands(t);
    for (const pause of [1000, 2000, 4000]) await refusedAndBack(t, c, pause);
    await up(t, c, WIFI);
    await t.advance(10_000);
    await lost(t, c, WIFI);
    await t.advance(1100);
    expect(commands(t)).toEqual([wifi]);
  });

  test('waits as the settings say', async () => {
    const t = await start({ planSettings: { retryAfter: 500, retryMost: 700 } });
    const c = await t.connect(ends);
    commands(t);
    for (const pause of [500, 700, 700]) await refusedAndBack(t, c, pause);
  });

  test('a retry-most below retry-after counts as that', async () => {
    const t = await start({ planSettings: { retryAfter: 500, retryMost: 10 } });
    const c = await t.connect(ends);
    commands(t);
    for (const pause of [500, 500]) await refusedAndBack(t, c, pause);
  });

  test('tries the peer’s addresses in turn, and pauses once it has tried all', async () => {
    const t = await start();
    const c = await t.connect(ends);
    await t.announce(c, 3, { ip: OTHER, port: 443 });
    commands(t);
    await refused(t, c, WIFI);
    expect(commands(t)).toEqual([`createSubflow ${WIFI} → ${OTHER} over 2`]);
    await refused(t, c, WIFI, OTHER);
    await t.advance(899);
    expect(commands(t)).toEqual([]);
    await t.advance(201);
    expect(commands(t)).toEqual([wifi]);
  });

  test('is tried again where the kernel refuses at once, as it does while there is no route', async () => {
    const t = await start();
    t.refuse('createSubflow', 'ENETUNREACH');
    await t.connect(ends);
    commands(t);
    await t.advance(1100);
    expect(commands(t)).toEqual([wifi]);
  });

  test('goes to another address of the peer at once where the kernel refuses the first', async () => {
    const t = await start();
    const c = await t.connect({ ...ends, denyJoinId0: true });
    t.refuse('createSubflow', 'ENETUNREACH');
    await t.announce(c, 3, { ip: OTHER, port: 443 });
    expect(commands(t)).toEqual([`createSubflow ${WIFI} → ${OTHER} over 2`]);
    await t.announce(c, 4, { ip: '10.0.7.7', port: 443 });
    expect(commands(t)).toEqual([`createSubflow ${WIFI} → 10.0.7.7 over 2`]);
  });

  test('is left alone once the connection is closed, or its address is gone', async () => {
    const t = await start();
    const [c, d] = [await t.connect(ends), await t.connect(ends)];
    commands(t);
    await refused(t, c, WIFI);
    await refused(t, d, WIFI);
    await t.close(c);
    await t.removeAddress('wlan0', WIFI);
    await t.advance(200_000);
    expect(commands(t)).toEqual([]);
  });
});

describe('the last subflow', () => {
  test('stays though its address goes, until another one is up', async () => {
    const { t, c } = await pair();
    await t.removeAddress('wlan0', WIFI);
    await lost(t, c, WIFI);
    commands(t);
    await t.removeAddress('eth0', LOCAL);
    expect(commands(t)).toEqual([]);
    await t.addAddress('wlan0', WIFI);
    expect(commands(t)).toEqual([wifi]);
    await up(t, c, WIFI);
    expect(commands(t)).toEqual([`destroySubflow ${LOCAL} → ${REMOTE}`]);
  });

  test('stays though the kernel has not yet told that the other one ended', async () => {
    const { t } = await pair();
    await t.removeAddress('wlan0', WIFI);
    await t.removeAddress('eth0', LOCAL);
    expect(commands(t)).toEqual([`destroySubflow ${WIFI} → ${REMOTE}`]);
  });

  test('one that is only being tried does not count', async () => {
    const t = await start();
    await t.connect(ends);
    commands(t);
    await t.removeAddress('eth0', LOCAL);
    expect(commands(t)).toEqual([]);
  });

  test('the initial one lives on where its address is none that plugins see', async () => {
    const t = await start();
    const c = await t.connect({ ...ends, local: { ip: '10.0.77.1' } });
    for (const ip of [LOCAL, WIFI]) await up(t, c, ip);
    expect(commands(t).filter((command) => command.startsWith('destroy'))).toEqual([]);
  });
});

describe('on the server side', () => {
  const accepted = { ...ends, local: { ip: LOCAL, port: 443 }, remote: { ip: REMOTE, port: 51_000 }, serverSide: true };

  test('one address of each other interface is announced, and no subflow is made', async () => {
    const t = await start();
    await t.addAddress('wlan0', '10.0.2.99');
    await t.addAddress('eth0', '10.0.1.99');
    await t.addAddress('wlan0', '2001:db8::1');
    await t.connect(accepted);
    expect(commands(t)).toEqual([`announce ${WIFI}`]);
    await t.addAddress('wwan0', '10.0.3.1');
    await t.advance(200);
    expect(commands(t)).toEqual(['announce 10.0.3.1']);
  });

  test('IPv6 addresses on an IPv6 connection', async () => {
    const t = await start();
    await t.addAddress('eth0', '2001:db8::1');
    await t.addAddress('wlan0', '2001:db8:1::1');
    await t.connect({ ...accepted, local: { ip: '2001:db8::1' }, remote: { ip: '2001:db8:9::9', port: 1 } });
    expect(commands(t)).toEqual(['announce 2001:db8:1::1']);
  });

  test('an address that goes is removed, and another of its interface takes its place', async () => {
    const t = await start();
    await t.addAddress('wlan0', '10.0.2.99');
    const c = await t.connect(accepted);
    const [announced] = c.announced;
    await t.subflow('subflowEstablished', { token: c.token, localIp: WIFI, remoteIp: OTHER });
    commands(t);
    await t.removeAddress('wlan0', WIFI);
    expect(commands(t)).toEqual([`remove id ${announced?.id}`, `destroySubflow ${WIFI} → ${OTHER}`]);
    await t.advance(200);
    expect(commands(t)).toEqual(['announce 10.0.2.99']);
  });

  test('subflows to an address of an interface that is dead live on where there are no others: others may carry them', async () => {
    const t = await start();
    const c = await t.connect(accepted);
    await up(t, c, LOCAL, '10.0.9.10');
    commands(t);
    await t.setLink('eth0', false);
    expect(commands(t)).toEqual([]);
  });

  test('subflows are the client’s business: lost ones are not made again', async () => {
    const t = await start();
    const c = await t.connect(accepted);
    await up(t, c, WIFI, OTHER);
    commands(t);
    await lost(t, c, WIFI, OTHER);
    await t.advance(100_000);
    expect(commands(t)).toEqual([]);
  });
});

test('the log is quiet about what goes well', async () => {
  const { t, c } = await pair();
  await t.close(c);
  expect(t.logs.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
});
