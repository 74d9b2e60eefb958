import { testPlugin } from 'mptcpd/testing';
import { expect, test } from 'vitest';
import mirror from './mirror.mjs';

test('a connection gets a subflow from each other address', async () => {
  const t = await testPlugin(mirror);
  await t.addAddress('eth0', '10.0.1.1');
  await t.addAddress('wlan0', '10.0.2.1');
  const { token } = await t.connect({ local: { ip: '10.0.1.1' }, remote: { ip: '192.0.2.1', port: 443 } });
  expect(t.commands).toMatchObject([
    { type: 'createSubflow', args: { token, local: { ip: '10.0.2.1' }, remote: { ip: '192.0.2.1', port: 443 } } },
  ]);
});

test('the option limits them', async () => {
  const t = await testPlugin(mirror, { options: { subflows: '1' } });
  for (const n of [1, 2, 3]) await t.addAddress(`eth${n}`, `10.0.${n}.1`);
  await t.connect({ local: { ip: '10.0.1.1' }, remote: { ip: '192.0.2.1' } });
  expect(t.commands).toHaveLength(1);
});

test('a refusal is logged, and the next address is tried', async () => {
  const t = await testPlugin(mirror);
  for (const n of [1, 2, 3]) await t.addAddress(`eth${n}`, `10.0.${n}.1`);
  t.refuse('createSubflow', 'ENETUNREACH');
  await t.connect({ local: { ip: '10.0.1.1' }, remote: { ip: '192.0.2.1' } });
  expect(t.commands).toHaveLength(2);
  expect(t.logs).toContainEqual(
    expect.objectContaining({ level: 'info', ip: '10.0.2.1', msg: 'no subflow from this address' }),
  );
});
