/** What users of the C mptcpd meet when addresses, interfaces and routes change (its defects 3, 4, 5, 7, 8, 14, 15). */
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { until } from '../../src/lab/process.ts';
import { eventually } from '../scenarios/world/index.ts';
import { KernelWorld } from '../scenarios/world/kernel.ts';
import { kernelTest } from './need.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');

let world: KernelWorld;
beforeEach(async () => {
  world = await KernelWorld.open();
});
afterEach(() => world.close());

type Host = Awaited<ReturnType<KernelWorld['pair']>>['client'];

const plain = { core: { 'load-plugins': 'addr_adv' } };
const checkRoute = (more: Readonly<Record<string, string>> = {}) => ({
  core: { ...plain.core, 'notify-flags': 'existing,skip_link_local,skip_loopback,check_route', ...more },
});
const V4 = '10.0.1.1 subflow dev v1';
const V6 = 'fd00:1::1 subflow dev v1';

/** A client with the kernel's path manager. */
const client = async (links: number): Promise<Host> => (await world.pair({ links, pathManager: 'kernel' })).client;
const endpoints = (host: Host) => (): Promise<string[]> => host.endpoints();
const limits = (host: Host) => async (): Promise<string[]> => [JSON.stringify(await host.limits())];

describe('interfaces that go and come back (defect 3)', () => {
  test('a link that flaps twenty times leaves endpoints and limits exact', async () => {
    const host = await client(1);
    await host.start(plain);
    await eventually('endpoints', endpoints(host), [V4, V6]);
    const before = await limits(host)();
    for (let i = 0; i < 20; i++) {
      await host.setLink('v1', false);
      await host.setLink('v1', true);
    }
    await host.addAddress('v1', '10.0.9.1');
    await host.removeAddress('v1', '10.0.1.1');
    await eventually('the endpoints of the addresses', endpoints(host), ['10.0.9.1 subflow dev v1', V6]);
    await eventually('the limits of two addresses', limits(host), before);
  });

  test('an interface that was down at the start, and one that came later, are used once they are up', async () => {
    const host = await client(1);
    await host.setLink('v1', false);
    await host.start(plain);
    await host.addLink('v9', false);
    await host.addAddress('v9', '10.0.9.1');
    await host.addAddress('v1', '10.0.8.1');
    await host.setLink('v9', true);
    await eventually('the new one', endpoints(host), ['10.0.9.1 subflow dev v9']);
    await host.setLink('v1', true);
    const all = [V4, V6, '10.0.8.1 subflow dev v1', '10.0.9.1 subflow dev v9'];
    await eventually('and the old one', endpoints(host), all);
  });
});

describe('check_route (defect 4)', () => {
  test('a route that comes after the time for it is over, and one that goes', async () => {
    const host = await client(1);
    const daemon = await host.start(checkRoute({ 'check-route-time': '1' }));
    await host.addAddress('v1', '10.0.9.1');
    await until('mptcpd has given up looking', () =>
      daemon.log.some(({ msg, address }) => /no default route/.test(`${msg}`) && `${address}`.startsWith('10.0.9.1')),
    );
    expect(await host.endpoints()).toEqual([]);
    await host.setDefaultRoute('ipv4', 'v1', true);
    await eventually('the addresses', endpoints(host), [V4, '10.0.9.1 subflow dev v1']);
    await host.setDefaultRoute('ipv4', 'v1', false);
    await eventually('none without a route', endpoints(host), []);
  });

  test('routes to networks for documentation do not get in its way', async () => {
    const host = await client(1);
    await host.lab.run('ip', 'route', 'add', '192.0.2.0/24', 'dev', 'v1');
    await host.lab.run('ip', '-6', 'route', 'add', '2001:db8::/32', 'dev', 'v1');
    await host.start(checkRoute());
    expect(await host.endpoints()).toEqual([]);
    await host.setDefaultRoute('ipv4', 'v1', true);
    await host.setDefaultRoute('ipv6', 'v1', true);
    await eventually('both addresses', endpoints(host), [V4, V6]);
  });

  test('a table for packets from one address counts, at the start and later', async () => {
    const host = await client(2);
    await host.setDefaultRoute('ipv4', 'v1', true, '10.0.1.1');
    await host.start(checkRoute());
    await eventually('the one that has a table', endpoints(host), [V4]);
    await host.lab.run('ip', 'rule', 'add', 'from', '10.0.2.1', 'table', '102');
    await host.lab.run('ip', 'route', 'add', 'default', 'dev', 'v2', 'table', '102');
    await eventually('both', endpoints(host), [V4, '10.0.2.1 subflow dev v2']);
  });
});

describe('without any configuration (defect 5)', () => {
  test('addresses that were there before make subflows', async () => {
    const { client: host, server } = await world.pair({ links: 2, pathManager: 'kernel' });
    for (const each of [host, server]) await each.start({ core: {} });
    await host.connect(server, '10.0.1.2');
    await until('a subflow over the second link', async () =>
      (await host.subflows()).some((each) => each.startsWith('10.0.2.1%v2 > ')),
    );
  });
});

describe('a point-to-point address (defect 7)', () => {
  test('is this end’s, not the peer’s', async () => {
    const host = await client(1);
    await host.start(plain);
    await host.lab.run('ip', 'addr', 'add', '10.8.0.1', 'peer', '10.8.0.2', 'dev', 'v1');
    await eventually('its endpoint', endpoints(host), [V4, V6, '10.8.0.1 subflow dev v1']);
    await host.lab.run('ip', 'addr', 'del', '10.8.0.1', 'peer', '10.8.0.2', 'dev', 'v1');
    await eventually('none of it', endpoints(host), [V4, V6]);
  });
});

describe('IPv6 addresses (defect 8)', () => {
  /** The addresses of v1 that have a flag, as ip(8) sees them. */
  const flagged = (host: Host, flag: string): Promise<string> =>
    host.lab.run('ip', '-6', 'addr', 'show', 'dev', 'v1', flag);
  const detectDuplicates = (host: Host): Promise<string> =>
    host.lab.run('sysctl', '-qw', 'net.ipv6.conf.v1.accept_dad=1');

  test('are used once duplicate address detection is over, not before', async () => {
    const host = await client(1);
    await host.start(plain);
    await eventually('endpoints', endpoints(host), [V4, V6]);
    await detectDuplicates(host);
    await host.lab.run('ip', 'addr', 'add', 'fd00:9::1/64', 'dev', 'v1');
    let whileTentative = 0;
    await until('the detection is over', async () => {
      const shown = await host.endpoints(); // first: what is tentative after it was so before
      if (!(await flagged(host, 'tentative')).includes('fd00:9::1')) return true;
      whileTentative++;
      expect(shown).not.toContain('fd00:9::1 subflow dev v1');
      return false;
    });
    expect(whileTentative).toBeGreaterThan(0);
    await eventually('its endpoint', endpoints(host), [V4, V6, 'fd00:9::1 subflow dev v1']);
  });

  test('are never used if another host has them', async () => {
    const { client: host, server } = await world.pair({ links: 1, pathManager: 'kernel' });
    await server.addAddress('v1', 'fd00:9::1');
    await detectDuplicates(host);
    await host.start(plain);
    await host.lab.run('ip', 'addr', 'add', 'fd00:9::1/64', 'dev', 'v1');
    await until('the duplicate is found', async () => (await flagged(host, 'dadfailed')).includes('fd00:9::1'));
    await host.addAddress('v1', '10.0.9.1'); // what mptcpd hears after it
    await eventually('endpoints of the others', endpoints(host), [V4, V6, '10.0.9.1 subflow dev v1']);
  });

  test('that go with their link take their endpoints with them', async () => {
    const host = await client(1);
    const keys = ['all', 'default', 'v1'].map((name) => `net.ipv6.conf.${name}.keep_addr_on_down=0`);
    await host.lab.run('sysctl', '-qw', ...keys);
    await host.start(plain);
    await eventually('endpoints', endpoints(host), [V4, V6]);
    await host.setLink('v1', false);
    await eventually('none', endpoints(host), []);
    await host.setLink('v1', true);
    await eventually('that of IPv4', endpoints(host), [V4]);
    await host.addAddress('v1', 'fd00:1::1');
    await eventually('both', endpoints(host), [V4, V6]);
  });
});

describe('more addresses than the kernel takes endpoints (defect 14)', () => {
  test('those that wait get the places of those that go', async () => {
    const host = await client(0);
    await host.addLink('v1', true);
    const ips = Array.from({ length: 12 }, (_, n) => `10.0.${n + 1}.1`);
    for (const ip of ips) await host.addAddress('v1', ip);
    await host.start(plain);
    const shown = async (): Promise<string[]> => (await host.endpoints()).map((each) => each.replace(/ .*/, ''));
    await until('eight endpoints', async () => (await shown()).length === 8);
    const going = (await shown()).slice(0, 6);
    for (const ip of going) await host.removeAddress('v1', ip);
    await eventually(
      'the other six',
      shown,
      ips.filter((ip) => !going.includes(ip)),
    );
    for (const ip of going.slice(0, 2)) await host.addAddress('v1', ip);
    await eventually(
      'eight again',
      shown,
      ips.filter((ip) => !going.slice(2).includes(ip)),
    );
  });
});

describe('one address on two interfaces (defect 15)', () => {
  test('keeps its endpoint until both have lost it', async () => {
    const host = await client(2);
    await host.start(plain);
    const others = [V4, V6, '10.0.2.1 subflow dev v2', 'fd00:2::1 subflow dev v2'];
    await eventually('endpoints', endpoints(host), others);
    for (const link of ['v1', 'v2']) await host.addAddress(link, '10.5.5.5');
    await eventually('one for both', endpoints(host), [...others, '10.5.5.5 subflow dev v1']);
    await host.removeAddress('v1', '10.5.5.5');
    await eventually('that of the other', endpoints(host), [...others, '10.5.5.5 subflow dev v2']);
    await host.addAddress('v1', '10.5.5.5');
    await host.removeAddress('v2', '10.5.5.5');
    await eventually('that of the first again', endpoints(host), [...others, '10.5.5.5 subflow dev v1']);
    await host.removeAddress('v1', '10.5.5.5');
    await eventually('none of it', endpoints(host), others);
  });
});
