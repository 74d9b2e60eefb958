import { describe, expect, test } from 'vitest';
import { commandsOf } from '../../test/fixtures/plugins/commands.ts';
import { type TestOptions, testPlugin } from '../testing/index.ts';
import signal from './signal.ts';

const LOCAL = '10.0.1.1';
const ends = { local: { ip: LOCAL, port: 443 }, remote: { ip: '10.0.9.9', port: 50_000 }, serverSide: true };

async function start(options: TestOptions['options'] = {}, to = ends) {
  const t = await testPlugin(signal, { options });
  await t.addAddress('eth0', LOCAL);
  await t.addAddress('eth1', '10.0.2.1');
  await t.addAddress('eth1', '2001:db8::1');
  const c = await t.connect(to);
  // The kernel holds one such signal at a time.
  await t.advance(1000);
  return { t, c };
}

describe('a server announces', () => {
  test('its other addresses, of the version of the connection', async () => {
    const { t } = await start();
    expect(commandsOf(t)).toEqual(['announce 10.0.2.1']);
    await t.addAddress('eth2', '10.0.3.1');
    await t.advance(1000);
    expect(commandsOf(t)).toEqual(['announce 10.0.3.1']);
    await t.removeAddress('eth2', '10.0.3.1');
    expect(commandsOf(t)).toEqual([expect.stringMatching(/^remove id \d+$/)]);
  });

  test('of both versions where that is wished and the socket takes both', async () => {
    const mapped = { ...ends, local: { ip: `::ffff:${LOCAL}`, port: 443 } };
    const { t } = await start({ families: 'both' }, mapped);
    expect(commandsOf(t)).toEqual(['announce 10.0.2.1', 'announce 2001:db8::1']);
    const plain = await start({ families: 'both' });
    expect(commandsOf(plain.t)).toEqual(['announce 10.0.2.1']);
  });

  test('the addresses that are named, and no others', async () => {
    const { t } = await start({ announce: '198.51.100.7, 198.51.100.8:8443, [2001:db8:9::1]:443' });
    expect(commandsOf(t)).toEqual(['announce 198.51.100.7', 'announce 198.51.100.8 8443']);
  });

  test('IPv6 addresses with a port and without', async () => {
    const v6 = { local: { ip: '2001:db8::1', port: 443 }, remote: { ip: '2001:db8::9' }, serverSide: true };
    const { t } = await start({ announce: '198.51.100.7,[2001:db8:9::1]:443,2001:db8:9::2' }, {
      ...ends,
      ...v6,
    } as typeof ends);
    expect(commandsOf(t)).toEqual(['announce 2001:db8:9::1 443', 'announce 2001:db8:9::2']);
  });

  test.each([
    ['yes', 'announce 198.51.100.7 listen true'],
    ['10.0.1.1', 'announce 198.51.100.7 listen 10.0.1.1'],
    ['no', 'announce 198.51.100.7'],
  ])('with listen = %s', async (listen, expected) => {
    const { t } = await start({ announce: '198.51.100.7', listen });
    expect(commandsOf(t)).toEqual([expected]);
  });
});

test('no subflows, and on the client side nothing at all', async () => {
  const { t, c } = await start();
  await t.announce(c, 3, { ip: '10.0.8.8', port: 443 });
  commandsOf(t);
  await t.connect({ ...ends, serverSide: false });
  await t.advance(1000);
  expect(commandsOf(t)).toEqual([]);
});

test.each([
  ['announce', '198.51.100'],
  ['announce', '198.51.100.7:0'],
  ['announce', '198.51.100.7:65536'],
  ['announce', '198.51.100.256'],
  ['announce', '[198.51.100.7]:80'],
  ['announce', '2001:db8::1::2'],
  ['announce', '2001:db8:1'],
  ['announce', 'example.org'],
  ['announce', '198.51.100.7, 198.51.100.7:8443'],
  ['announce', ''],
  ['listen', 'maybe'],
  ['listen', '10.0.1.1:80'],
])('%s = %s is refused in words', async (key, value) => {
  await expect(testPlugin(signal, { options: { [key]: value } })).rejects.toThrow(`${key} takes `);
});
