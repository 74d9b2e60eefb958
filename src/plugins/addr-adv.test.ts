import { beforeEach, describe, expect, test } from 'vitest';
import { answerWith, limitsOf } from '../../test/fixtures/plugins/endpoints.ts';
import type { EndpointFlag, HeldAddress } from '../plugin-api/index.ts';
import { asAddrId as asId, asIfIndex } from '../plugin-api/index.ts';
import { FakeKernel, FakeRefusal, type PluginTest, testPlugin } from '../testing/index.ts';
import addrAdv from './addr-adv.ts';

/** The first interface of a test. */
const ETH = asIfIndex(1);

/** The kernel's endpoints and limits, and the commands that changed them since the last look. */
let kernel: FakeKernel['endpoints'];
let changes: string[];
let t: PluginTest;

const start = async (flags: readonly EndpointFlag[] = ['subflow']): Promise<void> => {
  t = await testPlugin(addrAdv, {
    addressFlags: flags,
    kernel: (command) => answerWith(kernel, command, (change) => changes.push(change)),
  });
};
beforeEach(async () => {
  kernel = new FakeKernel().endpoints;
  changes = [];
  await start();
});

const limits = () => limitsOf(kernel);

const show = ({ ip, port, id, flags, ifIndex }: HeldAddress): string =>
  `${id} ${ip}${port ? ` port ${port}` : ''} ${flags.join(' ')}${ifIndex === undefined ? '' : ` dev ${ifIndex}`}`;
const endpoints = (): readonly string[] => kernel.list().map(show);
const changed = (): readonly string[] => changes.splice(0);
const warnings = (): readonly unknown[] => t.logs.filter(({ level }) => level === 'warn' || level === 'error');

async function addMany(from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) await t.addAddress('eth0', `10.0.${n}.1`);
}

describe('endpoints', () => {
  test('follow the addresses, of both families, on their device and with addr-flags', async () => {
    await start(['signal', 'backup']);
    await t.addAddress('eth0', '10.0.1.1');
    await t.addAddress('eth1', '2001:db8::1');
    expect(endpoints()).toEqual(['1 10.0.1.1 signal backup dev 1', '2 2001:db8::1 signal backup dev 2']);
    await t.removeAddress('eth0', '10.0.1.1');
    expect(endpoints()).toEqual(['2 2001:db8::1 signal backup dev 2']);
  });

  test('have the lowest id that nobody has', async () => {
    kernel.add({ ip: '192.0.2.1', id: asId(2), flags: ['signal'] });
    await addMany(1, 3);
    await t.removeAddress('eth0', '10.0.1.1');
    await t.addAddress('eth0', '10.0.9.1');
    expect(endpoints()).toEqual([
      '1 10.0.9.1 subflow dev 1',
      '2 192.0.2.1 signal',
      '3 10.0.2.1 subflow dev 1',
      '4 10.0.3.1 subflow dev 1',
    ]);
  });

  test('go and come with the interface, and nothing is left or lost however often', async () => {
    await addMany(1, 2);
    for (let i = 0; i < 5; i++) {
      await t.setLink('eth0', false);
      expect(endpoints()).toEqual([]);
      expect(limits()).toEqual({ subflows: 2, addAddrAccepted: 2 });
      await t.setLink('eth0', true);
      expect(endpoints()).toEqual(['1 10.0.1.1 subflow dev 1', '2 10.0.2.1 subflow dev 1']);
      expect(limits()).toEqual({ subflows: 4, addAddrAccepted: 4 });
    }
  });

  test('are added once', async () => {
    await addMany(1, 2);
    expect(changed()).toEqual(['limits 2 2', 'add 10.0.1.1', 'limits 3 3', 'add 10.0.2.1', 'limits 4 4']);
    await t.setLink('eth1', true);
    await t.addAddress('eth1', '10.0.3.1');
    expect(changed()).toEqual(['add 10.0.3.1', 'limits 5 5']);
  });

  test('that somebody flushed come back with the next change', async () => {
    await addMany(1, 2);
    kernel.flush();
    await t.addAddress('eth0', '10.0.3.1');
    expect(endpoints().map((each) => each.slice(2, 10))).toEqual(['10.0.1.1', '10.0.2.1', '10.0.3.1']);
  });

  test('that the kernel refuses are warned of once, and tried again', async () => {
    await start(['signal', 'fullmesh']);
    changed();
    await addMany(1, 2);
    await t.removeAddress('eth0', '10.0.2.1');
    expect(changed().filter((each) => each === 'add 10.0.1.1: EINVAL')).toHaveLength(3);
    const warned = (ip: string): number => t.logs.filter(({ address }) => address === ip).length;
    expect([warned('10.0.1.1'), warned('10.0.2.1')]).toEqual([1, 1]);
    await addMany(2, 2); // another one, as far as anybody knows
    expect([warned('10.0.1.1'), warned('10.0.2.1')]).toEqual([1, 2]);
  });

  test('take the place of one that the kernel made for itself', async () => {
    kernel.add({ ip: '10.0.1.1', id: asId(5), flags: ['implicit'] });
    await t.addAddress('eth0', '10.0.1.1');
    expect(endpoints()).toEqual(['5 10.0.1.1 subflow dev 1']);
    await t.removeAddress('eth0', '10.0.1.1');
    expect(endpoints()).toEqual([]);
  });
});

describe('an address that is there twice', () => {
  test('on two interfaces: its endpoint stays with the first and moves when that loses it', async () => {
    await t.addAddress('eth0', '10.0.1.1');
    await t.addAddress('eth1', '10.0.1.1');
    expect(endpoints()).toEqual(['1 10.0.1.1 subflow dev 1']);
    await t.removeAddress('eth0', '10.0.1.1');
    expect(endpoints()).toEqual(['1 10.0.1.1 subflow dev 2']);
    await t.removeAddress('eth1', '10.0.1.1');
    expect(endpoints()).toEqual([]);
  });

  test('on two interfaces: it stays where the second one goes', async () => {
    await t.addAddress('eth0', '10.0.1.1');
    await t.addAddress('eth1', '10.0.1.1');
    changed();
    await t.setLink('eth1', false);
    expect(changed()).toEqual(['limits 3 3']);
    expect(warnings()).toEqual([]);
  });

  test('with two lengths of its prefix: it counts once, and stays when one of them goes', async () => {
    await t.addAddress('eth0', '10.0.1.1');
    await t.addAddress('eth0', '10.0.1.1', { prefixLength: 32 });
    expect(limits()).toEqual({ subflows: 3, addAddrAccepted: 3 });
    await t.removeAddress('eth0', '10.0.1.1');
    expect(endpoints()).toEqual(['1 10.0.1.1 subflow dev 1']);
  });
});

describe('what others made', () => {
  test.each<[what: string, there: Partial<HeldAddress>]>([
    ['with other flags', { flags: ['signal'], ifIndex: ETH }],
    ['with more flags', { flags: ['subflow', 'backup'], ifIndex: ETH }],
    ['on another device', { flags: ['subflow'], ifIndex: asIfIndex(9) }],
    ['on no device', { flags: ['subflow'] }],
  ])('an endpoint %s is left alone, and the address is left to it without a warning', async (_, there) => {
    kernel.add({ ip: '10.0.1.1', ...there });
    const before = endpoints();
    changed();
    await t.addAddress('eth0', '10.0.1.1');
    await t.addAddress('eth0', '10.0.2.1');
    await t.removeAddress('eth0', '10.0.2.1');
    await t.removeAddress('eth0', '10.0.1.1');
    await t.stop();
    expect(changed().filter((each) => each.includes('10.0.1.1'))).toEqual([]);
    expect(endpoints()).toEqual(before);
    expect(warnings()).toEqual([]);
    const told = t.logs.filter(
      ({ msg }) => msg === 'no endpoint for this address: it has an endpoint of somebody else',
    );
    expect(told).toEqual([expect.objectContaining({ level: 'debug', address: '10.0.1.1', id: 1 })]);
  });

  test('an endpoint with a port announces it: the address has one of its own beside it', async () => {
    await start(['signal']);
    kernel.add({ ip: '10.0.1.1', port: 8443, flags: ['signal'], ifIndex: ETH });
    await t.addAddress('eth0', '10.0.1.1');
    expect(endpoints()).toEqual(['1 10.0.1.1 port 8443 signal dev 1', '2 10.0.1.1 signal dev 1']);
    await t.removeAddress('eth0', '10.0.1.1');
    expect(endpoints()).toEqual(['1 10.0.1.1 port 8443 signal dev 1']);
  });

  test('an endpoint that took an id over is not removed for it', async () => {
    await t.addAddress('eth0', '10.0.1.1');
    kernel.flush();
    kernel.add({ ip: '192.0.2.1', id: asId(1), flags: ['subflow'], ifIndex: ETH });
    await t.removeAddress('eth0', '10.0.1.1');
    expect(endpoints()).toEqual(['1 192.0.2.1 subflow dev 1']);
  });

  test('an endpoint that took the place of an own one stays', async () => {
    await addMany(1, 1);
    for (const flags of [['signal'], ['subflow', 'backup']] as const) {
      kernel.delete(1);
      kernel.add({ ip: '10.0.1.1', flags, ifIndex: ETH, id: asId(1) });
      await addMany(2, 2);
      await t.removeAddress('eth0', '10.0.2.1');
    }
    await t.removeAddress('eth0', '10.0.1.1');
    expect(endpoints()).toEqual(['1 10.0.1.1 subflow backup dev 1']);
  });

  test('an endpoint that came when the own one had gone stays', async () => {
    await addMany(1, 1);
    await t.removeAddress('eth0', '10.0.1.1');
    kernel.add({ ip: '10.0.1.1', flags: ['subflow', 'backup'], ifIndex: ETH });
    await addMany(1, 1);
    await t.removeAddress('eth0', '10.0.1.1');
    expect(endpoints()).toEqual(['2 10.0.1.1 subflow backup dev 1']);
  });

  test('flags that were changed meanwhile stay, and the endpoint goes with its address', async () => {
    await t.addAddress('eth0', '10.0.1.1');
    kernel.setFlags(1, ['backup']);
    await t.addAddress('eth0', '10.0.2.1');
    expect(endpoints()).toEqual(['1 10.0.1.1 subflow backup dev 1', '2 10.0.2.1 subflow dev 1']);
    await t.removeAddress('eth0', '10.0.1.1');
    expect(endpoints()).toEqual(['2 10.0.2.1 subflow dev 1']);
  });
});

describe('what a run before left behind', () => {
  beforeEach(async () => {
    await addMany(1, 2);
    await start(); // the one before has not been stopped
    changed();
  });

  test('is taken up again, and goes with its address', async () => {
    await addMany(1, 2);
    expect(changed().filter((each) => each.startsWith('add'))).toEqual([]);
    expect(warnings()).toEqual([]);
    await t.removeAddress('eth0', '10.0.1.1');
    expect(endpoints()).toEqual(['2 10.0.2.1 subflow dev 1']);
  });

  test('is removed at the end', async () => {
    await addMany(1, 2);
    await t.stop();
    expect(endpoints()).toEqual([]);
  });

  test('of an address that is not there any more is left: it may be anybody’s', async () => {
    await addMany(2, 2);
    await t.stop();
    expect(endpoints()).toEqual(['1 10.0.1.1 subflow dev 1']);
  });
});

describe('more addresses than the kernel takes', () => {
  beforeEach(() => addMany(1, 11));
  const ips = (): readonly string[] => kernel.list().map(({ ip }) => ip);

  test('are warned of once, whatever comes and goes', async () => {
    await t.removeAddress('eth0', '10.0.11.1');
    await t.removeAddress('eth0', '10.0.1.1');
    await addMany(12, 14);
    await t.setLink('eth0', false);
    await t.setLink('eth0', true);
    expect(warnings()).toEqual([expect.objectContaining({ waiting: ['10.0.9.1'] })]);
    expect(changes.filter((each) => each.includes(':'))).toEqual([]); // nothing was refused
  });

  test('wait for their turn, the earlier ones first', async () => {
    expect(ips()).not.toContain('10.0.9.1');
    await t.removeAddress('eth0', '10.0.3.1');
    expect(ips()[2]).toBe('10.0.9.1');
    await t.removeAddress('eth0', '10.0.5.1');
    expect(ips()[4]).toBe('10.0.10.1');
    await t.addAddress('eth0', '10.0.3.1');
    await t.removeAddress('eth0', '10.0.6.1');
    expect(ips()[5]).toBe('10.0.11.1');
    await t.removeAddress('eth0', '10.0.7.1');
    expect(ips()[6]).toBe('10.0.3.1');
  });

  test('get a place that somebody else freed with the next change', async () => {
    kernel.delete(4);
    kernel.add({ ip: '192.0.2.1', id: asId(4), flags: ['signal'] });
    await t.removeAddress('eth0', '10.0.11.1');
    expect(ips()).not.toContain('10.0.9.1');
    kernel.delete(4);
    await t.removeAddress('eth0', '10.0.10.1');
    expect(ips()[3]).toBe('10.0.4.1');
  });

  test('leave no trace when they go while they wait', async () => {
    changed();
    await t.removeAddress('eth0', '10.0.9.1');
    expect(changed()).toEqual([]);
    await t.removeAddress('eth0', '10.0.3.1');
    expect(ips()[2]).toBe('10.0.10.1');
  });
});

describe('limits', () => {
  test.each([0, 1, 3, 6, 8, 9])('have room for the endpoints of %i addresses, up to 8', async (count) => {
    await addMany(1, count);
    const room = Math.min(2 + count, 8);
    expect(limits()).toEqual({ subflows: room, addAddrAccepted: room });
  });

  test('accept no more announced addresses where endpoints are for signalling only', async () => {
    kernel.setLimits({ subflows: 2, rcvAddAddrs: 0 });
    await start(['signal']);
    await addMany(1, 2);
    expect(limits()).toEqual({ subflows: 4, addAddrAccepted: 0 });
  });

  test('never go below what was found', async () => {
    kernel.setLimits({ subflows: 7, rcvAddAddrs: 5 });
    await start();
    await addMany(1, 1);
    expect(limits()).toEqual({ subflows: 7, addAddrAccepted: 5 });
    await addMany(2, 4);
    expect(limits()).toEqual({ subflows: 7, addAddrAccepted: 6 });
    await t.removeAddress('eth0', '10.0.1.1');
    expect(limits()).toEqual({ subflows: 7, addAddrAccepted: 5 });
  });

  test('never go below what others set meanwhile, each by itself', async () => {
    await addMany(1, 3);
    kernel.setLimits({ subflows: 6 });
    await t.removeAddress('eth0', '10.0.1.1');
    expect(limits()).toEqual({ subflows: 6, addAddrAccepted: 4 });
    kernel.setLimits({ rcvAddAddrs: 8 });
    await t.removeAddress('eth0', '10.0.2.1');
    expect(limits()).toEqual({ subflows: 6, addAddrAccepted: 8 });
    await t.stop();
    expect(limits()).toEqual({ subflows: 6, addAddrAccepted: 8 });
  });

  test('that are right already are not set again', async () => {
    await addMany(1, 6);
    changed();
    await addMany(7, 8);
    expect(changed()).toEqual(['add 10.0.7.1', 'add 10.0.8.1']);
  });
});

describe('at the end', () => {
  test('own endpoints are gone, others’ stay, and the limits are as they were', async () => {
    kernel.setLimits({ subflows: 3, rcvAddAddrs: 1 });
    await start();
    kernel.add({ ip: '192.0.2.1', flags: ['signal'] });
    await addMany(1, 3);
    await t.stop();
    expect(endpoints()).toEqual(['1 192.0.2.1 signal']);
    expect(limits()).toEqual({ subflows: 3, addAddrAccepted: 1 });
  });

  test('and after it nothing is done any more', async () => {
    await t.stop();
    changed();
    await addMany(1, 1);
    expect(changed()).toEqual([]);
  });
});

describe('what cannot be read', () => {
  test('endpoints: nothing is added or removed, until they can be', async () => {
    await addMany(1, 1);
    changed();
    const { list } = kernel;
    kernel.list = () => {
      throw new FakeRefusal('EPERM');
    };
    await addMany(2, 2);
    expect(changed().filter((each) => !each.startsWith('limits'))).toEqual([]);
    kernel.list = list;
    await addMany(3, 3);
    expect(changed()).toEqual(['add 10.0.2.1', 'add 10.0.3.1', 'limits 5 5']);
  });
});

test('connections of the kernel’s path manager are not its business', async () => {
  await t.addAddress('eth0', '10.0.1.1');
  changed();
  t.commands.length = 0;
  const c = await t.connect({ local: { ip: '10.0.1.1' }, remote: { ip: '10.0.9.9' } });
  await t.announce(c, 1, { ip: '10.0.8.8', port: 443 });
  await t.close(c);
  expect([changed(), t.commands]).toEqual([[], []]);
});
