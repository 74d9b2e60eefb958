import { describe, expect, test } from 'vitest';
import type { Connection } from '../plugin-api/index.ts';
import { type PluginTest, type TestOptions, testPlugin } from '../testing/index.ts';
import fullmesh from './fullmesh.ts';

const LOCAL = '10.0.1.1';
const WIFI = '10.0.2.1';
const REMOTE = '10.0.9.9';
const OTHER = '10.0.8.8';

interface Ends {
  readonly local?: { readonly ip: string; readonly port?: number; readonly id?: number };
  readonly remote?: { readonly ip: string; readonly port?: number };
  readonly address?: { readonly ip: string };
  readonly id?: number;
}

/** The commands since the last time, in few words. */
function commands(t: PluginTest): readonly string[] {
  return t.commands.splice(0).map(({ type, args }) => {
    const { local, remote, address, id } = args as Ends;
    if (address) return `${type} ${address.ip}`;
    return local && remote ? `${type} ${local.ip} → ${remote.ip}` : `${type} id ${id}`;
  });
}

async function start(options: TestOptions = {}) {
  const t = await testPlugin(fullmesh, options);
  await t.addAddress('eth0', LOCAL);
  return t;
}

const ends = { local: { ip: LOCAL }, remote: { ip: REMOTE, port: 443 } };
/** A try of the daemon comes up. */
const up = (t: PluginTest, { token }: Connection, localIp: string, remoteIp = REMOTE, localPort = 50_000) =>
  t.subflow('subflowEstablished', { token, localIp, localPort, remoteIp });
const refused = (t: PluginTest, { token }: Connection, localIp: string, remoteIp = REMOTE) =>
  t.subflow('subflowClosed', { token, localIp, remoteIp, error: 'ECONNREFUSED' });

/** A client with a second subflow that is up. */
async function pair() {
  const t = await start();
  await t.addAddress('wlan0', WIFI);
  const c = await t.connect(ends);
  await up(t, c, WIFI);
  commands(t);
  return { t, c };
}

describe('on the client side', () => {
  test('each address gets a subflow to each of the peer’s', async () => {
    const t = await start();
    await t.addAddress('wlan0', WIFI);
    const c = await t.connect(ends);
    expect(commands(t)).toEqual([`createSubflow ${WIFI} → ${REMOTE}`]);
    await t.announce(c, 3, { ip: OTHER, port: 443 });
    expect(commands(t)).toEqual([`createSubflow ${LOCAL} → ${OTHER}`, `createSubflow ${WIFI} → ${OTHER}`]);
    await t.addAddress('wwan0', '10.0.3.1');
    expect(commands(t)).toEqual([`createSubflow 10.0.3.1 → ${REMOTE}`, `createSubflow 10.0.3.1 → ${OTHER}`]);
  });

  test('nothing is announced', async () => {
    const t = await start();
    await t.addAddress('wlan0', WIFI);
    await t.connect(ends);
    expect(t.commands.some(({ type }) => type === 'announce')).toBe(false);
  });

  test('families are not mixed', async () => {
    const t = await start();
    await t.addAddress('eth0', '2001:db8::1');
    await t.addAddress('wlan0', '2001:db8:1::1');
    await t.connect({ local: { ip: '2001:db8::1' }, remote: { ip: '2001:db8:9::9', port: 443 } });
    expect(commands(t)).toEqual(['createSubflow 2001:db8:1::1 → 2001:db8:9::9']);
  });

  test('IPv4 on an AF_INET6 socket is written as the kernel has it', async () => {
    const t = await start();
    await t.addAddress('wlan0', WIFI);
    await t.connect({ local: { ip: `::ffff:${LOCAL}` }, remote: { ip: `::ffff:${REMOTE}`, port: 443 } });
    expect(commands(t)).toEqual([`createSubflow ::ffff:${WIFI} → ::ffff:${REMOTE}`]);
  });

  test('the peer’s wish for no joins to its initial address is honoured', async () => {
    const t = await start();
    await t.addAddress('wlan0', WIFI);
    const c = await t.connect({ ...ends, denyJoinId0: true });
    expect(commands(t)).toEqual([]);
    await t.announce(c, 3, { ip: OTHER, port: 8443 });
    expect(commands(t)).toEqual([`createSubflow ${LOCAL} → ${OTHER}`, `createSubflow ${WIFI} → ${OTHER}`]);
  });

  test('no more than max-subflows, the initial one included', async () => {
    const t = await start({ planSettings: { maxSubflows: 3 } });
    for (const n of [2, 3, 4, 5]) await t.addAddress(`eth${n}`, `10.0.${n}.1`);
    await t.connect(ends);
    expect(commands(t)).toEqual([`createSubflow 10.0.2.1 → ${REMOTE}`, `createSubflow 10.0.3.1 → ${REMOTE}`]);
  });

  test('a subflow that goes with its address makes room for another', async () => {
    const t = await start({ planSettings: { maxSubflows: 2 } });
    await t.addAddress('wlan0', WIFI);
    await t.addAddress('wwan0', '10.0.3.1');
    const c = await t.connect(ends);
    await up(t, c, WIFI);
    commands(t);
    await t.removeAddress('wlan0', WIFI);
    expect(commands(t)).toEqual([`destroySubflow ${WIFI} → ${REMOTE}`, `createSubflow 10.0.3.1 → ${REMOTE}`]);
  });

  test('an address on two interfaces gets one subflow, and loses it with the second', async () => {
    const { t } = await pair();
    await t.addAddress('wwan0', WIFI);
    await t.removeAddress('wlan0', WIFI);
    expect(commands(t)).toEqual([]);
    await t.removeAddress('wwan0', WIFI);
    expect(commands(t)).toEqual([`destroySubflow ${WIFI} → ${REMOTE}`]);
  });

  test('an interface that comes back is used at once', async () => {
    const { t, c } = await pair();
    await t.setLink('wlan0', false);
    expect(commands(t)).toEqual([`destroySubflow ${WIFI} → ${REMOTE}`]);
    await t.subflow('subflowClosed', { token: c.token, localIp: WIFI, localPort: 50_000, remoteIp: REMOTE });
    await t.setLink('wlan0', true);
    expect(commands(t)).toEqual([`createSubflow ${WIFI} → ${REMOTE}`]);
  });
});

describe('on the server side', () => {
  const accepted = { ...ends, local: { ip: LOCAL, port: 443 }, remote: { ip: REMOTE, port: 51_000 }, serverSide: true };

  test('the other addresses are announced, and no subflow is made', async () => {
    const t = await start();
    await t.addAddress('wlan0', WIFI);
    await t.addAddress('eth0', '2001:db8::1');
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

  test('an address that goes is removed first, then its subflows', async () => {
    const t = await start();
    await t.addAddress('wlan0', WIFI);
    const c = await t.connect(accepted);
    const [announced] = c.announced;
    await t.subflow('subflowEstablished', { token: c.token, localIp: WIFI, remoteIp: OTHER });
    commands(t);
    await t.removeAddress('wlan0', WIFI);
    expect(commands(t)).toEqual([`remove id ${announced?.id}`, `destroySubflow ${WIFI} → ${OTHER}`]);
    await t.addAddress('wlan0', WIFI);
    await t.advance(200);
    expect(commands(t)).toEqual([`announce ${WIFI}`]);
    expect(c.announced[0]?.id).toBe(announced?.id);
  });

  test('one that the kernel refuses to announce is announced a little later', async () => {
    const t = await start();
    await t.addAddress('wlan0', WIFI);
    t.refuse('announce', 'EINVAL');
    const c = await t.connect(accepted);
    expect(c.announced).toEqual([]);
    commands(t);
    await t.advance(899);
    expect(commands(t)).toEqual([]);
    await t.advance(201);
    expect(commands(t)).toEqual([`announce ${WIFI}`]);
  });
});

describe('a subflow that fails', () => {
  /** A client whose second subflow is refused: when it is tried again, in milliseconds from now. */
  async function waits(t: PluginTest, c: Connection, times: number): Promise<number[]> {
    const found: number[] = [];
    for (let i = 0; i < times; i++) {
      await refused(t, c, WIFI);
      for (let ms = 0; commands(t).length === 0; ms += 100) {
        if (ms > 100_000) throw new Error(`not tried again after ${ms} ms; before: ${found.join(', ')}`);
        await t.advance(100);
        found[i] = ms + 100;
      }
    }
    return found;
  }
  async function trying(options: TestOptions = {}) {
    const t = await start(options);
    await t.addAddress('wlan0', WIFI);
    const c = await t.connect(ends);
    commands(t);
    return { t, c };
  }

  /** Pauses differ by a tenth from what is expected; here they are seen in steps of 100 ms. */
  function about(found: readonly number[], expected: readonly number[]): void {
    expect(found).toHaveLength(expected.length);
    for (const [i, ms] of expected.entries()) {
      expect(found[i]).toBeGreaterThanOrEqual(ms * 0.9);
      expect(found[i]).toBeLessThanOrEqual(ms * 1.1 + 100);
    }
  }

  test('is tried again after a second, then two, four, …, and each minute in the end', async () => {
    const { t, c } = await trying();
    about(await waits(t, c, 8), [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  });

  test('waits as the settings say', async () => {
    const { t, c } = await trying({ planSettings: { retryAfter: 500, retryMost: 1500 } });
    about(await waits(t, c, 4), [500, 1000, 1500, 1500]);
  });

  test('begins anew once one has been up for ten seconds', async () => {
    const { t, c } = await trying();
    await waits(t, c, 3);
    await up(t, c, WIFI);
    await t.advance(10_000);
    await t.subflow('subflowClosed', { token: c.token, localIp: WIFI, localPort: 50_000, remoteIp: REMOTE });
    await t.advance(899);
    expect(commands(t)).toEqual([]);
    await t.advance(201);
    expect(commands(t)).toEqual([`createSubflow ${WIFI} → ${REMOTE}`]);
  });

  test('goes on with the series where the one that was up ended sooner', async () => {
    const { t, c } = await trying();
    await waits(t, c, 3);
    await up(t, c, WIFI);
    await t.subflow('subflowClosed', { token: c.token, localIp: WIFI, localPort: 50_000, remoteIp: REMOTE });
    await t.advance(7199);
    expect(commands(t)).toEqual([]);
    await t.advance(1601);
    expect(commands(t)).toEqual([`createSubflow ${WIFI} → ${REMOTE}`]);
  });

  test('several that fail together each come back once', async () => {
    const { t, c } = await trying();
    await t.announce(c, 3, { ip: OTHER, port: 443 });
    commands(t);
    for (const [ip, to] of [
      [WIFI, REMOTE],
      [LOCAL, OTHER],
      [WIFI, OTHER],
    ] as const) {
      await refused(t, c, ip, to);
    }
    await t.advance(1100);
    expect(commands(t)).toHaveLength(3);
  });

  test('is tried again though another one came up meanwhile', async () => {
    const { t, c } = await trying();
    await t.addAddress('wwan0', '10.0.3.1');
    commands(t);
    await refused(t, c, WIFI);
    await up(t, c, '10.0.3.1');
    await t.advance(1100);
    expect(commands(t)).toEqual([`createSubflow ${WIFI} → ${REMOTE}`]);
  });

  test('is tried again where the kernel refuses at once, as it does while there is no route', async () => {
    const t = await start();
    await t.addAddress('wlan0', WIFI);
    t.refuse('createSubflow', 'ENETUNREACH');
    await t.connect(ends);
    commands(t);
    await t.advance(1100);
    expect(commands(t)).toEqual([`createSubflow ${WIFI} → ${REMOTE}`]);
  });

  test('is not tried again once the connection is closed', async () => {
    const { t, c } = await trying();
    await refused(t, c, WIFI);
    await t.close(c);
    await t.advance(100_000);
    expect(commands(t)).toEqual([]);
  });

  test('is not tried from an address that is gone', async () => {
    const { t, c } = await trying();
    await t.removeAddress('wlan0', WIFI);
    await refused(t, c, WIFI);
    await t.advance(100_000);
    expect(commands(t)).toEqual([]);
  });
});

describe('the last subflow', () => {
  test('is never destroyed', async () => {
    const t = await start();
    const c = await t.connect(ends);
    await t.removeAddress('eth0', LOCAL);
    expect(commands(t)).toEqual([]);
    expect(c.subflows).toHaveLength(1);
  });

  test('several from the address that goes stay: which of them still works is not known', async () => {
    const t = await start();
    const c = await t.connect(ends);
    await t.announce(c, 3, { ip: OTHER, port: 443 });
    await up(t, c, LOCAL, OTHER);
    commands(t);
    await t.removeAddress('eth0', LOCAL);
    expect(commands(t)).toEqual([]);
  });

  test('on an address that plugins never heard of is left alone', async () => {
    const t = await start();
    const c = await t.connect({ ...ends, local: { ip: '10.0.77.1' } });
    commands(t);
    await up(t, c, LOCAL);
    expect(commands(t)).toEqual([]);
  });

  test('stays where two addresses go before the kernel has told of the first', async () => {
    const { t } = await pair();
    commands(t);
    await t.removeAddress('eth0', LOCAL);
    await t.removeAddress('wlan0', WIFI);
    expect(commands(t)).toEqual([`destroySubflow ${LOCAL} → ${REMOTE}`]);
  });

  test('one that is only being tried does not count', async () => {
    const t = await start();
    await t.addAddress('wlan0', WIFI);
    await t.connect(ends);
    commands(t);
    await t.removeAddress('eth0', LOCAL);
    expect(commands(t)).toEqual([]);
  });

  test('the initial one goes with its address where another lives', async () => {
    const { t } = await pair();
    await t.removeAddress('eth0', LOCAL);
    expect(commands(t)).toEqual([`destroySubflow ${LOCAL} → ${REMOTE}`]);
  });

  test('is destroyed once it is the last no longer', async () => {
    const t = await start();
    const connection = await t.connect(ends);
    await t.removeAddress('eth0', LOCAL);
    expect(commands(t)).toEqual([]);
    await t.addAddress('wlan0', WIFI);
    expect(commands(t)).toEqual([`createSubflow ${WIFI} → ${REMOTE}`]);
    await up(t, connection, WIFI);
    expect(commands(t)).toEqual([`destroySubflow ${LOCAL} → ${REMOTE}`]);
  });
});

test('a wrong option is told', async () => {
  await expect(testPlugin(fullmesh, { options: { pairs: 'some' } })).rejects.toThrow(
    'pairs takes all, one, subnet, not "some"',
  );
});
