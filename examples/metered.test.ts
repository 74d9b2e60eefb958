import { testPlugin } from 'mptcpd/testing';
import { expect, test } from 'vitest';
import metered from './metered.mjs';

const WIFI = '10.0.1.1';
const MOBILE = '10.0.2.1';
const remote = { ip: '192.0.2.1', port: 443 };

/** A phone with a connection over its WLAN. */
async function phone(more: Parameters<typeof testPlugin>[1] = {}) {
  const t = await testPlugin(metered, more);
  await t.addAddress('wlan0', WIFI);
  const connection = await t.connect({ local: { ip: WIFI }, remote });
  return { t, connection };
}

test('the metered interface gets a backup subflow as soon as it has an address', async () => {
  const { t, connection } = await phone();
  expect(t.commands).toEqual([]);
  await t.addAddress('wwan0', MOBILE);
  expect(t.commands).toMatchObject([
    { type: 'createSubflow', args: { token: connection.token, local: { ip: MOBILE }, remote, backup: true } },
  ]);
});

test('one that fails goes to the next address of the peer, and pauses after the last', async () => {
  const { t, connection } = await phone({ planSettings: { retryAfter: 5000 } });
  await t.announce(connection, 1, { ip: '198.51.100.1', port: 443 });
  await t.addAddress('wwan0', MOBILE);
  const fails = (remoteIp: string) =>
    t.subflow('subflowClosed', { token: connection.token, localIp: MOBILE, remoteIp, error: 'ETIMEDOUT' });
  await fails(remote.ip);
  expect(t.commands).toHaveLength(2);
  await fails('198.51.100.1');
  expect(t.commands).toHaveLength(2);
  await t.advance(5500);
  expect(t.commands.map(({ args }) => (args as { remote: { ip: string } }).remote.ip)).toEqual([
    remote.ip,
    '198.51.100.1',
    remote.ip,
  ]);
});

test('IPv6 goes to IPv6, and the names of metered interfaces are an option', async () => {
  const { t, connection } = await phone({ options: { interfaces: 'usb' } });
  await t.announce(connection, 1, { ip: '2001:db8::1', port: 443 });
  await t.addAddress('usb0', '2001:db8:2::1');
  expect(t.commands).toEqual([]);
  const six = await t.connect({ local: { ip: '2001:db8:1::1' }, remote: { ip: '2001:db8::1', port: 443 } });
  expect(t.commands).toMatchObject([
    { args: { token: six.token, local: { ip: '2001:db8:2::1' }, remote: { ip: '2001:db8::1' }, backup: true } },
  ]);
});

test('a server announces its addresses', async () => {
  const t = await testPlugin(metered);
  await t.addAddress('eth0', '10.0.1.1');
  await t.addAddress('eth1', '10.0.2.1');
  await t.connect({
    local: { ip: '10.0.1.1', port: 443 },
    remote: { ip: '192.0.2.1', port: 50_000 },
    serverSide: true,
  });
  expect(t.commands).toMatchObject([{ type: 'announce', args: { address: { ip: '10.0.2.1' } } }]);
});
