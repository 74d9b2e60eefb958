import { expect, test } from 'vitest';
import { commandsOf } from '../../test/fixtures/plugins/commands.ts';
import { type TestOptions, testPlugin } from '../testing/index.ts';
import ndiffports from './ndiffports.ts';

const LOCAL = '10.0.1.1';
const REMOTE = '10.0.9.9';
const ends = { local: { ip: LOCAL }, remote: { ip: REMOTE, port: 443 } };
const create = `create ${LOCAL} → ${REMOTE}`;

async function start(options: TestOptions['options'] = {}) {
  const t = await testPlugin(ndiffports, { options });
  await t.addAddress('eth0', LOCAL);
  await t.addAddress('wlan0', '10.0.2.1');
  return t;
}

test('one more over the same pair, and from no other address', async () => {
  const t = await start();
  const c = await t.connect(ends);
  expect(commandsOf(t)).toEqual([create]);
  await t.announce(c, 3, { ip: '10.0.8.8', port: 443 });
  expect(commandsOf(t)).toEqual([]);
});

test('as many as are asked for, the initial one included', async () => {
  const t = await start({ subflows: '4' });
  await t.connect(ends);
  expect(commandsOf(t)).toEqual([create, create, create]);
});

test('none where one is asked for', async () => {
  const t = await start({ subflows: '1' });
  await t.connect(ends);
  expect(commandsOf(t)).toEqual([]);
});

test('one that is lost is made anew, the others stay', async () => {
  const t = await start({ subflows: '3' });
  const { token } = await t.connect(ends);
  for (const localPort of [50_000, 50_001]) {
    await t.subflow('subflowEstablished', { token, localIp: LOCAL, localPort, remoteIp: REMOTE });
  }
  commandsOf(t);
  await t.subflow('subflowClosed', { token, localIp: LOCAL, localPort: 50_000, remoteIp: REMOTE, error: 'ECONNRESET' });
  await t.advance(1200);
  expect(commandsOf(t)).toEqual([create]);
});

test('where the peer denies its initial address, they lead to what it announces', async () => {
  const t = await start({ subflows: '3' });
  const c = await t.connect({ ...ends, denyJoinId0: true });
  expect(commandsOf(t)).toEqual([]);
  await t.announce(c, 3, { ip: '10.0.8.8', port: 443 });
  await t.announce(c, 4, { ip: 'fd00::8', port: 443 });
  expect(commandsOf(t)).toEqual([`create ${LOCAL} → 10.0.8.8`, `create ${LOCAL} → 10.0.8.8`]);
});

test('IPv6, and IPv4 from a socket of IPv6', async () => {
  const t = await start();
  await t.addAddress('eth0', '2001:db8::1');
  await t.connect({ local: { ip: '2001:db8::1' }, remote: { ip: '2001:db8::9', port: 443 } });
  expect(commandsOf(t)).toEqual(['create 2001:db8::1 → 2001:db8::9']);
  await t.connect({ local: { ip: `::ffff:${LOCAL}` }, remote: { ip: `::ffff:${REMOTE}`, port: 443 } });
  expect(commandsOf(t)).toEqual([`create ::ffff:${LOCAL} → ::ffff:${REMOTE}`]);
});

test('on the server side nothing is done', async () => {
  const t = await start();
  await t.connect({ ...ends, serverSide: true });
  expect(commandsOf(t)).toEqual([]);
});
