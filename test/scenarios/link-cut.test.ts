import { describe } from 'vitest';
import { eventually, scenario } from './world/index.ts';

const fullmesh = { core: { 'load-plugins': 'fullmesh' } };
const all = ['10.0.1.1 > 10.0.1.2', '10.0.1.1 > 10.0.2.2', '10.0.2.1 > 10.0.1.2', '10.0.2.1 > 10.0.2.2'];

describe('fullmesh: subflows follow the links', () => {
  for (const cut of ['v1', 'v2'] as const) {
    const left = cut === 'v1' ? '10.0.2.1 > 10.0.2.2' : '10.0.1.1 > 10.0.1.2';
    const which = cut === 'v1' ? 'the link of the initial subflow' : 'another link';

    scenario(`${which} is switched off by the client and comes back`, async ({ world }) => {
      const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
      await client.start(fullmesh);
      await server.start(fullmesh);
      await client.connect(server, '10.0.1.2');
      await eventually('the full mesh', () => client.subflows(), all);
      await client.setLink(cut, false);
      await eventually('one path is left', () => client.subflows(), [left]);
      await eventually('one path is left on the server', () => server.subflows(), [reverse(left)]);
      await client.setLink(cut, true);
      await eventually('the full mesh again', () => client.subflows(), all, 20_000);
    });
  }

  scenario('links that flap in turn, faster than subflows come up, lose none of them', async ({ world }) => {
    const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
    await client.start(fullmesh);
    await server.start(fullmesh);
    await client.connect(server, '10.0.1.2');
    await eventually('the full mesh', () => client.subflows(), all);
    for (let i = 0; i < 10; i++) {
      for (const link of ['v1', 'v2']) {
        await client.setLink(link, false);
        await client.setLink(link, true);
      }
    }
    await eventually('the full mesh again', () => client.subflows(), all, 25_000);
  });

  scenario('an address that comes later is used', async ({ world }) => {
    const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
    await client.removeAddress('v2', '10.0.2.1');
    await client.start(fullmesh);
    await server.start({ core: { 'load-plugins': 'addr_adv' } });
    await client.connect(server, '10.0.1.2');
    await eventually('the initial subflow', () => client.subflows(), ['10.0.1.1 > 10.0.1.2']);
    await client.addAddress('v2', '10.0.2.1');
    await eventually('the second subflow', () => client.subflows(), ['10.0.1.1 > 10.0.1.2', '10.0.2.1 > 10.0.1.2']);
    await client.removeAddress('v2', '10.0.2.1');
    await eventually('the initial subflow alone', () => client.subflows(), ['10.0.1.1 > 10.0.1.2']);
  });
});

const reverse = (subflow: string): string => subflow.split(' > ').reverse().join(' > ');
