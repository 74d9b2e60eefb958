import { describe } from 'vitest';
import { eventually, scenario } from './world/index.ts';

const fullmesh = { core: { 'load-plugins': 'fullmesh' } };

describe('fullmesh on both sides: every local address is joined to every address of the peer', () => {
  scenario('over IPv4', async ({ world }) => {
    const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
    await client.start(fullmesh);
    await server.start(fullmesh);
    await client.connect(server, '10.0.1.2');
    await eventually('the full mesh', () => client.subflows(), [
      '10.0.1.1 > 10.0.1.2',
      '10.0.1.1 > 10.0.2.2',
      '10.0.2.1 > 10.0.1.2',
      '10.0.2.1 > 10.0.2.2',
    ]);
  });

  scenario('over IPv6', async ({ world }) => {
    const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
    await client.start(fullmesh);
    await server.start(fullmesh);
    await client.connect(server, 'fd00:1::2');
    await eventually('the full mesh', () => client.subflows(), [
      'fd00:1::1 > fd00:1::2',
      'fd00:1::1 > fd00:2::2',
      'fd00:2::1 > fd00:1::2',
      'fd00:2::1 > fd00:2::2',
    ]);
  });

  scenario('over IPv4 from sockets of IPv6', async ({ world }) => {
    const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
    await client.start(fullmesh);
    await server.start(fullmesh);
    await client.connect(server, '10.0.1.2', { dualStack: true });
    await eventually('the full mesh', () => client.subflows(), [
      '10.0.1.1 > 10.0.1.2',
      '10.0.1.1 > 10.0.2.2',
      '10.0.2.1 > 10.0.1.2',
      '10.0.2.1 > 10.0.2.2',
    ]);
  });
});
