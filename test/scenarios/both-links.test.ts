import { describe, expect } from 'vitest';
import { eventually, onKernel, pass, scenario } from './world/index.ts';

const plain = (subflow: string): string => subflow.replaceAll(/[[\]]|%\w+/g, '');

for (const plugin of ['fullmesh', 'sspi']) {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const at = (link: number, host: 1 | 2): string =>
      family === 'ipv4' ? `10.0.${link}.${host}` : `fd00:${link}::${host}`;
    const pair = (from: number, to: number): string => `${at(from, 1)} > ${at(to, 2)}`;
    const all =
      plugin === 'fullmesh'
        ? [pair(1, 1), pair(1, 2), pair(2, 1), pair(2, 2)]
        : [pair(1, 1), family === 'ipv4' ? pair(2, 1) : pair(2, 2)];
    const config = { core: { 'load-plugins': plugin } };

    describe(`${plugin} over ${family}`, () => {
      scenario('a session survives that both links are switched off and on in turn', async ({ world }) => {
        const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
        await client.start(config);
        await server.start(config);
        const connection = await client.connect(server, at(1, 2));
        const subflows = async (): Promise<string[]> => (await client.subflows()).map(plain);
        await eventually('all subflows', subflows, all);
        const session = await connection.talk();
        // A minute of it; on the running kernel eight seconds.
        for (let i = 0; i < (onKernel ? 2 : 15); i++) {
          for (const link of ['v1', 'v2']) {
            await client.setLink(link, false);
            await pass(1000);
            await client.setLink(link, true);
            await pass(1000);
          }
        }
        // Two seconds where an answer waits on a path that crosses from the one link to the other, half of one elsewhere.
        expect(await session.gap(), 'the longest wait for an answer').toBeLessThan(3000);
        await eventually('all subflows again', subflows, all, 10_000);
      });

      scenario('a connection survives that both links are off, and is revived by one', async ({ world }) => {
        const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
        await client.start(config);
        await server.start(config);
        const connection = await client.connect(server, at(1, 2));
        const subflows = async (): Promise<string[]> => (await client.subflows()).map(plain);
        await eventually('all subflows', subflows, all);
        await client.setLink('v1', false);
        await client.setLink('v2', false);
        await pass(2000);
        await client.setLink('v2', true);
        // It resolves once data arrives.
        await connection.transfer('up');
        await client.setLink('v1', true);
        await eventually('all subflows again', subflows, all);
      });
    });
  }
}

describe('flaps', () => {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const at = (link: number, host: 1 | 2): string =>
      family === 'ipv4' ? `10.0.${link}.${host}` : `fd00:${link}::${host}`;
    const all = [1, 2].flatMap((from) => [1, 2].map((to) => `${at(from, 1)} > ${at(to, 2)}`));

    scenario(`a hundred of them over ${family}: none is lost, none is there twice`, async ({ world }) => {
      const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
      const config = { core: { 'load-plugins': 'fullmesh' } };
      await client.start(config);
      await server.start(config);
      const connection = await client.connect(server, at(1, 2));
      await eventually('the full mesh', () => client.subflows(), all);
      const flow = await connection.transfer('up');
      for (let i = 0; i < 50; i++) {
        for (const link of ['v1', 'v2']) {
          await client.setLink(link, false);
          await pass((i % 5) * 20);
          await client.setLink(link, true);
          await pass((i % 3) * 50);
        }
      }
      await eventually('the full mesh again', () => client.subflows(), all, 5000);
      await eventually('and no more on the server', () => server.subflows(), all.map(reverse), 15_000);
      await flow.gap();
      await pass(500);
      expect(await flow.gap()).toBeLessThan(1000);
      // Tries are limited: ten in a second.
      expect(await client.tries()).toBeLessThan(1000);
    });
  }
});

const reverse = (subflow: string): string => subflow.split(' > ').reverse().join(' > ');
