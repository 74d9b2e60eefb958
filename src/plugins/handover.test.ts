import { describe, expect, test } from 'vitest';
import { commandsOf } from '../../test/fixtures/plugins/commands.ts';
import { asAddrId, type Connection, type Subflow } from '../plugin-api/index.ts';
import { type PluginTest, type TestOptions, testPlugin } from '../testing/index.ts';
import handover from './handover.ts';

const LOCAL = '10.0.1.1';
const WWAN = '10.0.2.1';
const REMOTE = '10.0.9.9';
const STALL = 1000;
const HOLD = 10_000;
const ends = { local: { ip: LOCAL }, remote: { ip: REMOTE, port: 443 } };

/** A host with wlan0 and wwan0, both there for long, and a connection over wlan0. */
async function start(options: TestOptions['options'] = {}, to = ends) {
  const t = await testPlugin(handover, { options });
  await t.addAddress('wlan0', LOCAL);
  await t.addAddress('wwan0', WWAN);
  await t.advance(HOLD);
  const c = await t.connect(to);
  return { t, c };
}

const up = (t: PluginTest, { token }: Connection, localIp: string, remoteIp = REMOTE) =>
  t.subflow('subflowEstablished', { token, localIp, localPort: 50_000, locId: asAddrId(2), remoteIp });
const closed = (t: PluginTest, { token }: Connection, localIp: string, localPort: number) =>
  t.subflow('subflowClosed', { token, localIp, localPort, remoteIp: REMOTE });

/** For so many milliseconds subflows carry data, or have some outstanding. */
async function flow(t: PluginTest, c: Connection, ms: number, gets: (subflow: Subflow) => boolean): Promise<void> {
  for (let passed = 0; passed < ms; passed += 250) {
    await t.advance(250);
    await t.progress(
      c.subflows.map((each) => ({
        ...{ token: c.token, localIp: each.local.ip, localPort: each.local.port },
        ...{ remoteIp: each.remote.ip, remotePort: each.remote.port },
        ...{ acked: gets(each) ? ++bytes : 0, outstanding: true },
      })),
    );
  }
}
let bytes = 0;
const all = (): boolean => true;
const from =
  (ip: string) =>
  ({ local }: Subflow): boolean =>
    local.ip === ip;

/** The first path is in trouble, and the second has taken over. */
async function switched() {
  const { t, c } = await start();
  await flow(t, c, STALL, all);
  await flow(t, c, STALL + 500, () => false);
  await up(t, c, WWAN);
  commandsOf(t);
  return { t, c };
}

describe('as long as the first interface is well', () => {
  test('there is no other subflow, however much is sent', async () => {
    const { t, c } = await start();
    await flow(t, c, 60_000, all);
    expect(commandsOf(t)).toEqual([]);
  });

  test('nor when the other interface is new, or the peer announces another address', async () => {
    const { t, c } = await start();
    await t.addAddress('eth0', '10.0.3.1');
    await t.announce(c, 3, { ip: '10.0.8.8', port: 443 });
    await t.advance(60_000);
    expect(commandsOf(t)).toEqual([]);
  });

  test('nor when a connection begins on an interface that is new itself', async () => {
    const t = await testPlugin(handover);
    await t.addAddress('wwan0', WWAN);
    await t.advance(HOLD);
    await t.addAddress('wlan0', LOCAL);
    await t.connect(ends);
    await t.advance(60_000);
    expect(commandsOf(t)).toEqual([]);
  });

  test('a pause shorter than stall is none', async () => {
    const { t, c } = await start({ stall: '2000' });
    await flow(t, c, 1750, () => false);
    await flow(t, c, 1000, all);
    expect(commandsOf(t)).toEqual([]);
  });
});

describe('when the first interface is in trouble', () => {
  test('another takes over, and what is left of the first becomes backup', async () => {
    const { t, c } = await start();
    await flow(t, c, STALL, all);
    await flow(t, c, STALL + 500, () => false);
    expect(commandsOf(t)).toEqual([`create ${WWAN} → ${REMOTE}`]);
    await up(t, c, WWAN);
    expect(commandsOf(t)).toEqual([`change ${LOCAL} → ${REMOTE} backup`]);
    await flow(t, c, 60_000, from(WWAN));
    expect(commandsOf(t)).toEqual([]);
  });

  test('its carrier is lost: another takes over at once, and the dead subflow goes', async () => {
    const { t, c } = await start();
    await t.setLink('wlan0', false);
    expect(commandsOf(t)).toEqual([`create ${WWAN} → ${REMOTE}`]);
    await up(t, c, WWAN);
    expect(commandsOf(t)).toEqual(['remove id 0', `destroy ${LOCAL} → ${REMOTE}`]);
  });

  test('its address is gone: so too', async () => {
    const { t } = await start();
    await t.removeAddress('wlan0', LOCAL);
    expect(commandsOf(t)).toEqual([`create ${WWAN} → ${REMOTE}`]);
  });

  test('and all others are as well: every one of them is tried, and none is backup', async () => {
    const { t, c } = await switched();
    await flow(t, c, STALL + 500, () => false);
    expect(commandsOf(t)).toEqual([`change ${LOCAL} → ${REMOTE} nobackup`]);
  });

  test('all addresses of the peer are tried, that on the same link first, and one subflow stays', async () => {
    const { t, c } = await start();
    await t.announce(c, 3, { ip: '10.0.8.8', port: 443 });
    await t.announce(c, 4, { ip: '10.0.2.9', port: 443 });
    await t.setLink('wlan0', false);
    const tried = ['10.0.2.9', REMOTE, '10.0.8.8'].map((to) => `create ${WWAN} → ${to}`);
    expect(commandsOf(t)).toEqual(tried);
    await up(t, c, WWAN, '10.0.8.8');
    expect(commandsOf(t)).toEqual(['remove id 0', `destroy ${LOCAL} → ${REMOTE}`]);
    await t.subflow('subflowEstablished', { token: c.token, localIp: WWAN, localPort: 50_001, remoteIp: '10.0.2.9' });
    expect(commandsOf(t)).toEqual([`destroy ${WWAN} → 10.0.8.8`]);
    await t.subflow('subflowClosed', { token: c.token, localIp: WWAN, localPort: 50_000, remoteIp: '10.0.8.8' });
    await t.advance(HOLD);
    expect(commandsOf(t)).toEqual([]);
  });

  test('IPv6', async () => {
    const t = await testPlugin(handover);
    await t.addAddress('wlan0', '2001:db8:1::1');
    await t.addAddress('wwan0', 'fe80::1', { scope: 'link' });
    await t.addAddress('wwan0', '2001:db8:2::1');
    await t.connect({ local: { ip: '2001:db8:1::1' }, remote: { ip: '2001:db8:9::9', port: 443 } });
    await t.setLink('wlan0', false);
    expect(commandsOf(t)).toEqual(['create 2001:db8:2::1 → 2001:db8:9::9']);
  });

  test('IPv4 from a socket of IPv6', async () => {
    const mapped = { local: { ip: `::ffff:${LOCAL}` }, remote: { ip: `::ffff:${REMOTE}`, port: 443 } };
    const { t } = await start({}, mapped);
    await t.setLink('wlan0', false);
    expect(commandsOf(t)).toEqual([`create ::ffff:${WWAN} → ::ffff:${REMOTE}`]);
  });
});

describe('when the first interface is well again', () => {
  test('it takes over after the hold-down, and the other subflow goes', async () => {
    const { t, c } = await switched();
    await flow(t, c, 250, all);
    await flow(t, c, HOLD - 500, all);
    expect(commandsOf(t)).toEqual([]);
    await flow(t, c, 750, all);
    expect(commandsOf(t)).toEqual([`destroy ${WWAN} → ${REMOTE}`, `change ${LOCAL} → ${REMOTE} nobackup`]);
  });

  test('not while it fails again and again', async () => {
    const { t, c } = await switched();
    for (let i = 0; i < 5; i++) {
      await flow(t, c, HOLD - 1000, all);
      await flow(t, c, STALL + 500, from(WWAN));
    }
    expect(commandsOf(t)).toEqual([]);
  });

  test('its carrier is back: it has its subflow after the hold-down, and the other goes once that is there', async () => {
    const { t, c } = await start();
    await t.setLink('wlan0', false);
    await up(t, c, WWAN);
    await closed(t, c, LOCAL, c.local.port);
    commandsOf(t);
    await t.setLink('wlan0', true);
    await t.advance(HOLD - 1);
    expect(commandsOf(t)).toEqual([]);
    await t.advance(1);
    expect(commandsOf(t)).toEqual([`create ${LOCAL} → ${REMOTE}`]);
    await t.subflow('subflowEstablished', { token: c.token, localIp: LOCAL, localPort: 50_001, remoteIp: REMOTE });
    expect(commandsOf(t)).toEqual([`destroy ${WWAN} → ${REMOTE}`]);
  });
});

describe('an interface that comes back with another address', () => {
  test('is known by its prefix', async () => {
    const { t, c } = await start();
    await t.removeAddress('wlan0', LOCAL);
    await up(t, c, WWAN);
    await closed(t, c, LOCAL, c.local.port);
    commandsOf(t);
    await t.addAddress('wlan0', '10.0.1.77');
    await t.advance(HOLD);
    expect(commandsOf(t)).toEqual([`create 10.0.1.77 → ${REMOTE}`]);
  });
});

describe('prefer', () => {
  test('names the interface that comes first; the initial subflow stays as backup', async () => {
    const { t, c } = await start({ prefer: 'ww*, initial' });
    expect(commandsOf(t)).toEqual([`create ${WWAN} → ${REMOTE}`]);
    await up(t, c, WWAN);
    expect(commandsOf(t)).toEqual([`change ${LOCAL} → ${REMOTE} backup`]);
    await t.setLink('wwan0', false);
    expect(commandsOf(t)).toEqual([
      expect.stringMatching('^remove id'),
      `destroy ${WWAN} → ${REMOTE}`,
      `change ${LOCAL} → ${REMOTE} nobackup`,
    ]);
  });

  test('orders the others: all are tried, and the best of those that come up stays', async () => {
    const { t, c } = await start({ prefer: 'initial, eth*' });
    await t.addAddress('eth0', '10.0.3.1');
    await t.advance(HOLD);
    await t.setLink('wlan0', false);
    expect(commandsOf(t)).toEqual([`create 10.0.3.1 → ${REMOTE}`, `create ${WWAN} → ${REMOTE}`]);
    await up(t, c, WWAN);
    commandsOf(t);
    await t.subflow('subflowEstablished', { token: c.token, localIp: '10.0.3.1', localPort: 50_001, remoteIp: REMOTE });
    expect(commandsOf(t)).toEqual([`destroy ${WWAN} → ${REMOTE}`]);
  });
});

test('on the server side nothing is done, and the peer’s subflows stay', async () => {
  const t = await testPlugin(handover);
  await t.addAddress('wlan0', LOCAL);
  await t.addAddress('wwan0', WWAN);
  const c = await t.connect({ ...ends, serverSide: true });
  await t.subflow('subflowEstablished', { token: c.token, localIp: WWAN, remoteIp: REMOTE });
  await t.advance(60_000);
  expect(commandsOf(t)).toEqual([]);
});
