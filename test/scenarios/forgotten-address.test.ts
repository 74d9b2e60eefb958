import { eventually, scenario } from './world/index.ts';

const fullmesh = { core: { 'load-plugins': 'fullmesh' } };
const all = ['10.0.1.1 > 10.0.1.2', '10.0.1.1 > 10.0.2.2', '10.0.2.1 > 10.0.1.2', '10.0.2.1 > 10.0.2.2'];

scenario('what its server announces while no mptcpd runs, a client is told once more', async ({ world }) => {
  const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
  const first = await client.start(fullmesh);
  await server.start(fullmesh);
  await client.connect(server, '10.0.1.2');
  await eventually('the full mesh', () => client.subflows(), all);
  await client.setLink('v2', false);
  await eventually('one path is left', () => client.subflows(), ['10.0.1.1 > 10.0.1.2']);
  await eventually('one path is left on the server', () => server.subflows(), ['10.0.1.2 > 10.0.1.1']);
  await first.kill();
  // The server's address is back, and announced, long before another mptcpd of the client could hear of it.
  await client.setLink('v2', true);
  await client.start(fullmesh);
  await eventually('the full mesh again', () => client.subflows(), all, 25_000);
});
