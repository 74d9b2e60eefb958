import { describe } from 'vitest';
import { type Connection, eventually, type Host, pass, scenario } from './world/index.ts';

const STALL = 1000;
const HOLD = 2000;
const handover = {
  core: { 'load-plugins': 'handover' },
  plugins: { handover: { stall: `${STALL}`, hold: `${HOLD}` } },
};
const signal = { core: { 'load-plugins': 'signal' } };

/** The devices that subflows are bound to are told on the real kernel alone. */
const plain = (list: () => Promise<string[]>) => async (): Promise<string[]> =>
  (await list()).map((each) => each.replaceAll(/[[\]]|%\w+|::ffff:/g, ''));
const subflows = (host: Host) => plain(() => host.subflows());
const backups = (host: Host) => plain(() => host.backups());

/** Waits until more of a transfer arrives. */
async function moves(connection: Connection): Promise<void> {
  const before = await connection.received();
  const grown = async (): Promise<string[]> => ((await connection.received()) > before + 100_000 ? ['more'] : []);
  await eventually('the transfer goes on', grown, ['more']);
}

const families = {
  IPv4: { first: '10.0.1.1 > 10.0.1.2', second: '10.0.2.1 > 10.0.2.2', to: '10.0.1.2', dualStack: false },
  'IPv4 from sockets of IPv6': {
    ...{ first: '10.0.1.1 > 10.0.1.2', second: '10.0.2.1 > 10.0.2.2', to: '10.0.1.2' },
    dualStack: true,
  },
  IPv6: { first: 'fd00:1::1 > fd00:1::2', second: 'fd00:2::1 > fd00:2::2', to: 'fd00:1::2', dualStack: false },
};

describe('handover: a second path only while the first one fails', () => {
  for (const [family, { first, second, to, dualStack }] of Object.entries(families)) {
    scenario(`${family}: a transfer survives a path that swallows packets, and goes back to it`, async ({ world }) => {
      const { client, server: other } = await world.pair({ links: 2, pathManager: 'userspace' });
      await client.start(handover);
      await other.start(signal);
      const connection = await client.connect(other, to, { dualStack });
      await connection.send();
      await eventually('one path', subflows(client), [first]);
      // By then the server's other address is known.
      await pass(500);
      await client.setBlackhole('v1', true);
      await eventually('the second path', subflows(client), [first, second], STALL + 1000);
      await eventually('the first is backup', backups(client), [first]);
      await moves(connection);
      await client.setBlackhole('v1', false);
      await eventually('the first path alone', subflows(client), [first], HOLD + 15_000);
      await eventually('it is backup no more', backups(client), []);
      await moves(connection);
    });

    scenario(`${family}: the link of the first path is switched off and comes back`, async ({ world }) => {
      const { client, server: other } = await world.pair({ links: 2, pathManager: 'userspace' });
      await client.start(handover);
      await other.start(signal);
      const connection = await client.connect(other, to, { dualStack });
      await connection.send();
      await eventually('one path', subflows(client), [first]);
      // By then the server's other address is known.
      await pass(500);
      await client.setLink('v1', false);
      await eventually('the second path alone', subflows(client), [second], 1000);
      await moves(connection);
      await client.setLink('v1', true);
      await eventually('the first path alone', subflows(client), [first], HOLD + 10_000);
      await eventually('it is no backup', backups(client), []);
      await moves(connection);
    });
  }
});
