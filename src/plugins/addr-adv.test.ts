import { beforeEach, describe, expect, test } from 'vitest';
import type { EndpointFlag, HeldAddress, Limits } from '../plugin-api/index.ts';
import { asAddrId, asIfIndex } from '../plugin-api/index.ts';
import { type PluginTest, testPlugin } from '../testing/index.ts';
import addrAdv from './addr-adv.ts';

const ETH = 1;

interface Args {
  readonly ip?: string;
  readonly id?: number;
  readonly flags?: readonly string[];
  readonly ifIndex?: number;
  readonly subflows?: number;
  readonly addAddrAccepted?: number;
}

/** What changed the kernel's state since the last time, in few words. */
function changes(t: PluginTest): readonly string[] {
  return t.commands.splice(0).flatMap(({ type, args }) => {
    const { ip, id, flags, ifIndex, subflows, addAddrAccepted } = (args ?? {}) as Args;
    if (type === 'addEndpoint') return [`add ${ip} dev ${ifIndex} ${flags?.join(' ')}`];
    if (type === 'removeEndpoint') return [`remove id ${id}`];
    if (type === 'setLimits') return [`limits ${subflows} ${addAddrAccepted}`];
    return [];
  });
}
const endpoints = (t: PluginTest): readonly string[] => changes(t).filter((each) => !each.startsWith('limits'));
const lastLimits = (t: PluginTest): string | undefined => changes(t).findLast((each) => each.startsWith('limits'));

const held = (ip: string, id: number, more: Partial<HeldAddress> = {}): HeldAddress => ({
  ip,
  id: asAddrId(id),
  port: 0,
  flags: ['subflow'],
  ifIndex: asIfIndex(ETH),
  ...more,
});

const start = (addressFlags: readonly EndpointFlag[] = ['subflow']) => testPlugin(addrAdv, { addressFlags });
let t: PluginTest;
beforeEach(async () => {
  t = await start();
});

describe('endpoints', () => {
  test('follow the addresses, of both families, on their device and with addr-flags', async () => {
    t = await start(['signal', 'backup']);
    await t.addAddress('eth0', '10.0.1.1');
    await t.addAddress('eth1', '2001:db8::1');
    expect(endpoints(t)).toEqual(['add 10.0.1.1 dev 1 signal backup', 'add 2001:db8::1 dev 2 signal backup']);
  });

  test('go with their addresses, by the id that the kernel has for them now', async () => {
    await t.addAddress('eth0', '10.0.1.1');
    changes(t);
    t.answer('listEndpoints', [held('10.0.2.1', 1), held('10.0.1.1', 7)]);
    await t.removeAddress('eth0', '10.0.1.1');
    expect(endpoints(t)).toEqual(['remove id 7']);
  });

  test('come back with the interface', async () => {
    await t.addAddress('eth0', '10.0.1.1');
    changes(t);
    t.answer('listEndpoints', [held('10.0.1.1', 1)]);
    await t.setLink('eth0', false);
    await t.setLink('eth0', true);
    expect(endpoints(t)).toEqual(['remove id 1', 'add 10.0.1.1 dev 1 subflow']);
  });

  test.each<[whose: string, there: readonly HeldAddress[]]>([
    ['nobody’s: somebody flushed them', []],
    ['on another device', [held('10.0.1.1', 1, { ifIndex: asIfIndex(9) })]],
    ['on no device', [held('10.0.1.1', 1, { ifIndex: undefined })]],
    ['with a port', [held('10.0.1.1', 1, { port: 8443 })]],
    ['of another address under the same id', [held('10.0.5.5', 1)]],
  ])('that are %s are left alone', async (_, there) => {
    await t.addAddress('eth0', '10.0.1.1');
    changes(t);
    t.answer('listEndpoints', there);
    await t.removeAddress('eth0', '10.0.1.1');
    expect(endpoints(t)).toEqual([]);
  });

  test('that could not be added are not removed', async () => {
    t.refuse('addEndpoint', 'EEXIST');
    await t.addAddress('eth0', '10.0.1.1');
    expect(t.logs).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: 'no endpoint for this address', address: '10.0.1.1' }),
    );
    changes(t);
    t.answer('listEndpoints', [held('10.0.1.1', 1)]);
    await t.removeAddress('eth0', '10.0.1.1');
    expect(endpoints(t)).toEqual([]);
  });

  test('an address on two interfaces has one, and it moves with the address', async () => {
    await t.addAddress('eth0', '10.0.1.1');
    await t.addAddress('eth1', '10.0.1.1');
    expect(endpoints(t)).toEqual(['add 10.0.1.1 dev 1 subflow']);
    t.answer('listEndpoints', [held('10.0.1.1', 1)]);
    await t.removeAddress('eth0', '10.0.1.1');
    expect(endpoints(t)).toEqual(['remove id 1', 'add 10.0.1.1 dev 2 subflow']);
  });

  test('an address on two interfaces stays where the second one goes', async () => {
    await t.addAddress('eth0', '10.0.1.1');
    await t.addAddress('eth1', '10.0.1.1');
    changes(t);
    await t.removeAddress('eth1', '10.0.1.1');
    expect(changes(t)).toEqual([]);
  });
});

describe('more addresses than the kernel takes', () => {
  const addresses = Array.from({ length: 9 }, (_, i) => `10.0.${i + 1}.1`);
  beforeEach(async () => {
    for (const ip of addresses.slice(0, 8)) await t.addAddress('eth0', ip);
    t.refuse('addEndpoint', 'ERANGE');
    await t.addAddress('eth0', '10.0.9.1');
    changes(t);
  });

  test('the ninth gets its endpoint when one goes', async () => {
    t.answer('listEndpoints', [held('10.0.3.1', 3)]);
    await t.removeAddress('eth0', '10.0.3.1');
    expect(endpoints(t)).toEqual(['remove id 3', 'add 10.0.9.1 dev 1 subflow']);
  });

  test('one that goes while it waits leaves no trace', async () => {
    await t.removeAddress('eth0', '10.0.9.1');
    expect(endpoints(t)).toEqual([]);
    t.answer('listEndpoints', [held('10.0.3.1', 3)]);
    await t.removeAddress('eth0', '10.0.3.1');
    expect(endpoints(t)).toEqual(['remove id 3']);
  });
});

describe('limits', () => {
  const found = (limits: Limits): void => t.answer('getLimits', limits);
  const fill = async (count: number): Promise<void> => {
    for (let n = 1; n <= count; n++) await t.addAddress('eth0', `10.0.${n}.1`);
  };

  test.each([
    [1, 'limits 3 3'],
    [3, 'limits 5 5'],
    [6, 'limits 8 8'],
    [8, 'limits 8 8'],
  ])('have room for the endpoints of %i addresses', async (count, expected) => {
    await fill(count);
    expect(lastLimits(t)).toBe(expected);
  });

  test('accept no more announced addresses where endpoints are for signalling only', async () => {
    t = await start(['signal']);
    await fill(2);
    expect(lastLimits(t)).toBe('limits 4 0');
  });

  test('never go below what was found', async () => {
    found({ subflows: 7, addAddrAccepted: 5 });
    await fill(1);
    expect(lastLimits(t)).toBe('limits 7 5');
    await fill(4);
    expect(lastLimits(t)).toBe('limits 7 6');
    await t.removeAddress('eth0', '10.0.1.1');
    expect(lastLimits(t)).toBe('limits 7 5');
  });

  test('what was found is what was there before the first change', async () => {
    found({ subflows: 2, addAddrAccepted: 0 });
    await fill(1);
    found({ subflows: 8, addAddrAccepted: 8 });
    await fill(2);
    expect(lastLimits(t)).toBe('limits 4 4');
  });

  test('go down with the addresses', async () => {
    await fill(3);
    changes(t);
    await t.removeAddress('eth0', '10.0.1.1');
    expect(lastLimits(t)).toBe('limits 4 4');
  });

  test('that cannot be read are left as they are, and read again the next time', async () => {
    t.refuse('getLimits', 'EPERM');
    await fill(1);
    expect(lastLimits(t)).toBeUndefined();
    await t.addAddress('eth0', '10.0.2.1');
    expect(lastLimits(t)).toBe('limits 4 4');
  });
});

test('connections of the kernel’s path manager are not its business', async () => {
  await t.addAddress('eth0', '10.0.1.1');
  changes(t);
  const c = await t.connect({ local: { ip: '10.0.1.1' }, remote: { ip: '10.0.9.9' } });
  await t.announce(c, 1, { ip: '10.0.8.8', port: 443 });
  await t.close(c);
  expect(t.commands).toEqual([]);
});
