import { describe, expect } from 'vitest';
import { eventually, scenario } from './world/index.ts';

const addrAdv = {
  core: {
    'path-manager': 'addr_adv',
    'addr-flags': 'subflow',
    'notify-flags': 'existing,skip_link_local,skip_loopback',
  },
};

describe("addr_adv: the kernel's endpoints follow the addresses", () => {
  scenario('they exist at the start, come and go', async ({ world }) => {
    const { client } = await world.pair({ links: 1, pathManager: 'kernel' });
    const daemon = await client.start(addrAdv);
    const both = ['10.0.1.1 subflow dev v1', 'fd00:1::1 subflow dev v1'];
    await eventually('endpoints of what is there', () => client.endpoints(), both);
    await client.addAddress('v1', '10.0.9.1');
    await eventually('an endpoint more', () => client.endpoints(), [...both, '10.0.9.1 subflow dev v1']);
    expect(await client.limits()).toEqual({ subflows: 5, addAddrAccepted: 5 });
    await client.removeAddress('v1', '10.0.1.1');
    await eventually('an endpoint less', () => client.endpoints(), [
      '10.0.9.1 subflow dev v1',
      'fd00:1::1 subflow dev v1',
    ]);
    await client.removeAddress('v1', 'fd00:1::1');
    await eventually('one endpoint', () => client.endpoints(), ['10.0.9.1 subflow dev v1']);
    await daemon.stop();
  });

  scenario('they go with the carrier and come back with it', async ({ world }) => {
    const { client, server } = await world.pair({ links: 2, pathManager: 'kernel' });
    await client.start({ core: { ...addrAdv.core, 'addr-flags': 'signal' } });
    const of = (link: number): string[] => [
      `10.0.${link}.1 signal dev v${link}`,
      `fd00:${link}::1 signal dev v${link}`,
    ];
    await eventually('endpoints on both links', () => client.endpoints(), [...of(1), ...of(2)]);
    await server.setLink('v2', false);
    await eventually('none on the dead link', () => client.endpoints(), of(1));
    await server.setLink('v2', true);
    await eventually('endpoints on both links again', () => client.endpoints(), [...of(1), ...of(2)]);
    await client.setLink('v1', false);
    await eventually('none on the link that is switched off', () => client.endpoints(), of(2));
    await client.setLink('v1', true);
    await eventually('endpoints on both links once more', () => client.endpoints(), [...of(1), ...of(2)]);
  });

  scenario('an address given to an interface that is switched on later', async ({ world }) => {
    const { client } = await world.pair({ links: 0, pathManager: 'kernel' });
    await client.start(addrAdv);
    await client.addLink('v1', false);
    await client.addAddress('v1', '10.0.7.1');
    await client.setLink('v1', true);
    await eventually('its endpoint', () => client.endpoints(), ['10.0.7.1 subflow dev v1']);
  });

  scenario('endpoints and limits that others made are left alone', async ({ world }) => {
    const { client } = await world.pair({ links: 1, pathManager: 'kernel' });
    await client.addEndpoint('192.0.2.1', ['signal']);
    await client.setLimits({ subflows: 7, addAddrAccepted: 6 });
    await client.start(addrAdv);
    await eventually('one more each', () => client.endpoints(), [
      '192.0.2.1 signal',
      '10.0.1.1 subflow dev v1',
      'fd00:1::1 subflow dev v1',
    ]);
    await client.removeAddress('v1', '10.0.1.1');
    await client.removeAddress('v1', 'fd00:1::1');
    await eventually('the foreign one', () => client.endpoints(), ['192.0.2.1 signal']);
    expect(await client.limits()).toEqual({ subflows: 7, addAddrAccepted: 6 });
  });

  scenario('without the flag existing only new addresses count', async ({ world }) => {
    const { client } = await world.pair({ links: 1, pathManager: 'kernel' });
    await client.start({ core: { ...addrAdv.core, 'notify-flags': 'skip_link_local,skip_loopback' } });
    await client.addAddress('v1', '10.0.8.1');
    await eventually('the new one', () => client.endpoints(), ['10.0.8.1 subflow dev v1']);
  });
});
