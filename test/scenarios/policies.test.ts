import { describe } from 'vitest';
import { eventually, type Host, scenario } from './world/index.ts';

const only = (plugin: string, options: Record<string, string> = {}) => ({
  core: { 'load-plugins': plugin },
  plugins: { [plugin]: options },
});

/** The devices that subflows are bound to are told on the real kernel alone. */
const plain = (list: () => Promise<string[]>) => async (): Promise<string[]> =>
  (await list()).map((each) => each.replaceAll(/[[\]]|%\w+|::ffff:/g, ''));
const subflows = (host: Host) => plain(() => host.subflows());
const backups = (host: Host) => plain(() => host.backups());

const ANNOUNCED = 'the peer announced an address';

const families = {
  IPv4: {
    to: '10.0.1.2',
    near: '10.0.2.1',
    far: '10.0.2.2',
    first: '10.0.1.1 > 10.0.1.2',
    second: '10.0.2.1 > 10.0.2.2',
  },
  IPv6: {
    to: 'fd00:1::2',
    near: 'fd00:2::1',
    far: 'fd00:2::2',
    first: 'fd00:1::1 > fd00:1::2',
    second: 'fd00:2::1 > fd00:2::2',
  },
};

for (const [family, { to, near, far, first, second }] of Object.entries(families)) {
  describe(family, () => {
    scenario('ndiffports: as many subflows over one pair as are asked for', async ({ world }) => {
      const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
      await client.start(only('ndiffports', { subflows: '3' }));
      await server.start(only('signal'));
      await client.connect(server, to);
      await eventually('three over the same pair', subflows(client), [first, first, first]);
    });

    for (const preset of ['backup', 'interactive']) {
      scenario(`${preset}: the spare path takes over, and gives way again`, async ({ world }) => {
        const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
        await client.removeAddress('v2', near);
        const { log } = await client.start(only(preset, { hold: '2000' }));
        await server.start(only('signal'));
        await client.connect(server, to);
        // By then the other link has an address to lead to.
        const heard = async (): Promise<string[]> => log.flatMap(({ msg }) => (msg === ANNOUNCED ? [ANNOUNCED] : []));
        await eventually('the announcement', heard, [ANNOUNCED]);
        await client.addAddress('v2', near);
        await eventually('a spare path', subflows(client), [first, second]);
        await eventually('it is backup', backups(client), [second]);
        await client.setLink('v1', false);
        await eventually('the spare path alone', subflows(client), [second], 1000);
        await eventually('it is backup no more', backups(client), []);
        await client.setLink('v1', true);
        await eventually('both again', subflows(client), [first, second], 10_000);
        await eventually('the other one is backup again', backups(client), [second], 5000);
      });
    }

    scenario('signal: the server’s other address is joined', async ({ world }) => {
      const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
      await client.start(only('aggregate', { pairs: 'subnet' }));
      await server.start(only('signal', { announce: far }));
      await client.connect(server, to);
      await eventually('a subflow there', subflows(client), [first, second]);
    });
  });
}
