import { describe } from 'vitest';
import { eventually, type Host, scenario } from './world/index.ts';

const sspi = { core: { 'load-plugins': 'sspi' } };

/** The subflows without the devices that they are bound to: the fake kernel does not know them. */
const subflows = (host: Host) => async (): Promise<string[]> =>
  (await host.subflows()).map((each) => each.replaceAll(/[[\]]|%\w+|::ffff:/g, ''));

describe('sspi: one subflow for each interface of the client', () => {
  for (const dualStack of [false, true]) {
    scenario(`over IPv4${dualStack ? ' from sockets of IPv6' : ''}`, async ({ world }) => {
      const { client, server } = await world.pair({ links: 3, pathManager: 'userspace' });
      await client.addAddress('v2', '10.0.22.1');
      await server.addAddress('v2', '10.0.22.2');
      await client.start(sspi);
      await server.start(sspi);
      await client.connect(server, '10.0.1.2', { dualStack });
      await eventually('one each', subflows(client), [
        '10.0.1.1 > 10.0.1.2',
        '10.0.2.1 > 10.0.1.2',
        '10.0.3.1 > 10.0.1.2',
      ]);
      await client.removeAddress('v2', '10.0.2.1');
      await eventually('one from the other address of the interface', subflows(client), [
        '10.0.1.1 > 10.0.1.2',
        '10.0.22.1 > 10.0.1.2',
        '10.0.3.1 > 10.0.1.2',
      ]);
    });
  }

  for (const cut of ['v1', 'v2'] as const) {
    const which = cut === 'v1' ? 'the interface of the initial subflow' : 'another interface';

    scenario(`${which} is switched off and comes back`, async ({ world }) => {
      const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
      const both = ['10.0.1.1 > 10.0.1.2', '10.0.2.1 > 10.0.1.2'];
      await client.start(sspi);
      await server.start(sspi);
      await client.connect(server, '10.0.1.2');
      await eventually('one each', subflows(client), both);
      await client.setLink(cut, false);
      await eventually('one is left', subflows(client), [cut === 'v1' ? '10.0.2.1 > 10.0.1.2' : '10.0.1.1 > 10.0.1.2']);
      await client.setLink(cut, true);
      await eventually('one each again', subflows(client), both, 20_000);
    });
  }

  scenario('the server’s other interface is joined where the client makes the full mesh', async ({ world }) => {
    const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
    await server.addAddress('v2', '10.0.2.22');
    await client.start({ core: { 'load-plugins': 'fullmesh' } });
    await server.start(sspi);
    await client.connect(server, '10.0.1.2');
    await eventually('one address of each interface', subflows(client), [
      '10.0.1.1 > 10.0.1.2',
      '10.0.1.1 > 10.0.2.2',
      '10.0.2.1 > 10.0.1.2',
      '10.0.2.1 > 10.0.2.2',
    ]);
  });
});
