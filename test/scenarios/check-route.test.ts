import { describe } from 'vitest';
import { eventually, scenario } from './world/index.ts';

const config = {
  core: {
    'path-manager': 'addr_adv',
    'addr-flags': 'signal',
    'notify-flags': 'existing,skip_link_local,skip_loopback,check_route',
  },
};
const v4 = (n: number): string => `10.0.${n}.1 signal dev v${n}`;
const v6 = (n: number): string => `fd00:${n}::1 signal dev v${n}`;

describe('check_route: an address is used once a default route leads from it over its interface', () => {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const endpoint = family === 'ipv4' ? v4 : v6;

    scenario(`a route of ${family} that is there, one that comes, and one that goes`, async ({ world }) => {
      const { client } = await world.pair({ links: 2, pathManager: 'kernel' });
      await client.setDefaultRoute(family, 'v1', true);
      await client.start(config);
      await eventually('the address with a route', () => client.endpoints(), [endpoint(1)]);
      await client.setDefaultRoute(family, 'v1', false);
      await eventually('none without', () => client.endpoints(), []);
      await client.setDefaultRoute(family, 'v2', true);
      await eventually('the other one', () => client.endpoints(), [endpoint(2)]);
      await client.setDefaultRoute(family, 'v1', true, family === 'ipv4' ? '10.0.1.1' : 'fd00:1::1');
      await eventually('one by a table of its own', () => client.endpoints(), [endpoint(1), endpoint(2)]);
      await client.setDefaultRoute(family, 'v1', false, family === 'ipv4' ? '10.0.1.1' : 'fd00:1::1');
      await eventually('the other one alone', () => client.endpoints(), [endpoint(2)]);
    });
  }

  scenario('the route is lost with the carrier and looked for again with it', async ({ world }) => {
    const { client, server } = await world.pair({ links: 1, pathManager: 'kernel' });
    await client.setDefaultRoute('ipv4', 'v1', true);
    await client.start(config);
    await eventually('the address', () => client.endpoints(), [v4(1)]);
    await server.setLink('v1', false);
    await eventually('none', () => client.endpoints(), []);
    await server.setLink('v1', true);
    await eventually('the address again', () => client.endpoints(), [v4(1)]);
  });
});
