import { describe, expect, test } from 'vitest';
import { commandsOf } from '../../test/fixtures/plugins/commands.ts';
import { asAddrId, type Connection } from '../plugin-api/index.ts';
import { type PluginTest, type TestOptions, testPlugin } from '../testing/index.ts';
import backup from './backup.ts';

const LOCAL = '10.0.1.1';
const WWAN = '10.0.2.1';
const REMOTE = '10.0.9.9';
const HOLD = 10_000;
const ends = { local: { ip: LOCAL }, remote: { ip: REMOTE, port: 443 } };

/** A host with wlan0 and wwan0, both there for long, and a connection over wlan0. */
async function start(options: TestOptions['options'] = {}) {
  const t = await testPlugin(backup, { options });
  await t.addAddress('wlan0', LOCAL);
  await t.addAddress('wwan0', WWAN);
  await t.advance(HOLD);
  const c = await t.connect(ends);
  return { t, c };
}

const up = (t: PluginTest, { token }: Connection, localIp: string, localPort = 50_000) =>
  t.subflow('subflowEstablished', { token, localIp, localPort, locId: asAddrId(2), remoteIp: REMOTE });
const closed = (t: PluginTest, { token }: Connection, localIp: string, localPort: number, error?: string) =>
  t.subflow('subflowClosed', { token, localIp, localPort, remoteIp: REMOTE, error });

/** Its spare path is there. */
async function ready(options: TestOptions['options'] = {}) {
  const { t, c } = await start(options);
  await up(t, c, WWAN);
  commandsOf(t);
  return { t, c };
}

test('every other interface gets a subflow that is backup', async () => {
  const { t } = await start();
  expect(commandsOf(t)).toEqual([`create ${WWAN} → ${REMOTE} backup`]);
  await t.addAddress('eth0', '10.0.3.1');
  expect(commandsOf(t)).toEqual([`create 10.0.3.1 → ${REMOTE} backup`]);
});

describe('the first interface is gone', () => {
  test('its carrier: the spare one is backup no more, and the dead subflow goes', async () => {
    const { t } = await ready();
    await t.setLink('wlan0', false);
    expect(commandsOf(t)).toEqual([
      'remove id 0',
      `destroy ${LOCAL} → ${REMOTE}`,
      `change ${WWAN} → ${REMOTE} nobackup`,
    ]);
  });

  test('its subflow: so too, and it is made anew as backup', async () => {
    const { t, c } = await ready();
    await closed(t, c, LOCAL, c.local.port, 'ETIMEDOUT');
    expect(commandsOf(t)).toEqual([`change ${WWAN} → ${REMOTE} nobackup`]);
    await t.advance(1200);
    expect(commandsOf(t)).toEqual([`create ${LOCAL} → ${REMOTE} backup`]);
  });

  test('and comes back: it is spare until it has been there for the hold-down', async () => {
    const { t, c } = await ready();
    await t.setLink('wlan0', false);
    await closed(t, c, LOCAL, c.local.port);
    commandsOf(t);
    await t.setLink('wlan0', true);
    expect(commandsOf(t)).toEqual([`create ${LOCAL} → ${REMOTE} backup`]);
    await up(t, c, LOCAL, 50_001);
    await t.advance(HOLD - 1);
    expect(commandsOf(t)).toEqual([]);
    await t.advance(1);
    expect(commandsOf(t)).toEqual([`change ${LOCAL} → ${REMOTE} nobackup`, `change ${WWAN} → ${REMOTE} backup`]);
  });

  test('for long: what is not established does not come first', async () => {
    const { t, c } = await ready({ hold: '0' });
    await t.setLink('wlan0', false);
    await closed(t, c, LOCAL, c.local.port);
    await t.setLink('wlan0', true);
    await t.advance(1000);
    expect(commandsOf(t)).not.toContain(`change ${WWAN} → ${REMOTE} backup`);
    await up(t, c, LOCAL, 50_001);
    expect(commandsOf(t)).toContain(`change ${WWAN} → ${REMOTE} backup`);
  });
});

test('with two addresses of an interface: the one in use stays, though a better one comes', async () => {
  const { t, c } = await start();
  await t.addAddress('wwan0', '10.0.2.99');
  await up(t, c, WWAN);
  commandsOf(t);
  await t.addAddress('wwan0', '10.0.2.98');
  expect(commandsOf(t)).toEqual([]);
  await t.removeAddress('wwan0', WWAN);
  expect(commandsOf(t)).toContain(`create 10.0.2.99 → ${REMOTE} backup`);
});

test('prefer names the first: it takes over once it is there', async () => {
  const { t, c } = await start({ prefer: 'wwan0' });
  expect(commandsOf(t)).toEqual([`create ${WWAN} → ${REMOTE} backup`]);
  await up(t, c, WWAN);
  expect(commandsOf(t)).toEqual([`change ${WWAN} → ${REMOTE} nobackup`, `change ${LOCAL} → ${REMOTE} backup`]);
});

test('IPv6', async () => {
  const t = await testPlugin(backup);
  await t.addAddress('wlan0', '2001:db8:1::1');
  await t.addAddress('wwan0', 'fe80::1', { scope: 'link' });
  await t.addAddress('wwan0', '2001:db8:2::1');
  await t.addAddress('wwan0', WWAN);
  await t.connect({ local: { ip: '2001:db8:1::1' }, remote: { ip: '2001:db8:9::9', port: 443 } });
  expect(commandsOf(t)).toEqual(['create 2001:db8:2::1 → 2001:db8:9::9 backup']);
});

test('on the server side nothing is done', async () => {
  const { t } = await start();
  commandsOf(t);
  await t.connect({ ...ends, serverSide: true });
  expect(commandsOf(t)).toEqual([]);
});
