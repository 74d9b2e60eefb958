import { describe, expect } from 'vitest';
import { eventually, type Host, onKernel, pass, scenario } from './world/index.ts';

const fullmesh = { core: { 'load-plugins': 'fullmesh' } };
const SPAN = onKernel ? 4500 : 8000;

/** In that span, where pauses double from a second, each a tenth longer or shorter: tries at 0, 1, 3 and 7 seconds. */
const TRIES = onKernel ? 3 : 4;

/** The times between the ends of tries. */
const pauses = async (client: Host): Promise<number[]> => {
  const times = await client.closings();
  return times.slice(1).map((time, i) => time - (times[i] ?? 0));
};

for (const family of ['ipv4', 'ipv6'] as const) {
  const at = (link: number, host: 1 | 2): string =>
    family === 'ipv4' ? `10.0.${link}.${host}` : `fd00:${link}::${host}`;

  describe(`over ${family}: the peer refuses joins, and the connection does not suffer`, () => {
    scenario('nobody listens at the address that it announces', async ({ world }) => {
      const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
      await client.start({ ...fullmesh, plugins: { fullmesh: { pairs: 'subnet' } } });
      await server.start(fullmesh);
      const connection = await client.connect(server, at(1, 2), { bound: true });
      const flow = await connection.transfer('up');
      await pass(SPAN);
      expect(await flow.gap()).toBeLessThan(1000);
      expectBackoff(await pauses(client), await client.tries());
      expect(await client.subflows()).toEqual([`${at(1, 1)} > ${at(1, 2)}`]);
    });

    scenario('its kernel takes no more', async ({ world }) => {
      const { client, server } = await world.pair({ links: 2, pathManager: 'userspace', server: 'kernel' });
      await server.setLimits({ subflows: 0, addAddrAccepted: 0 });
      await client.start(fullmesh);
      const connection = await client.connect(server, at(1, 2));
      const flow = await connection.transfer('up');
      await pass(SPAN);
      // Closed at once for the third time in a row, the pair rests for minutes.
      expect(await client.tries()).toBe(3);
      expect(await flow.gap()).toBeLessThan(1000);
      expect(await client.subflows()).toEqual([`${at(1, 1)} > ${at(1, 2)}`]);
    });

    scenario('it removes the address', async ({ world }) => {
      const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
      await client.start(fullmesh);
      await server.start(fullmesh);
      const connection = await client.connect(server, at(1, 2));
      const ends = [1, 2].flatMap((from) => [1, 2].map((to) => `${at(from, 1)} > ${at(to, 2)}`));
      await eventually('the full mesh', () => client.subflows(), ends);
      const flow = await connection.transfer('up');
      await server.removeAddress('v2', at(2, 2));
      const left = ends.filter((each) => !each.endsWith(at(2, 2)));
      await eventually('none to that address', () => client.subflows(), left);
      const tries = await client.tries();
      await pass(3000);
      expect(await client.tries()).toBe(tries);
      expect(await flow.gap()).toBeLessThan(1000);
    });

    scenario(
      'it forbids its initial address: subflows go to the one that it announces, and only there',
      async ({ world }) => {
        const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
        await server.denyJoinId0();
        await client.start(fullmesh);
        await server.start(fullmesh);
        await client.connect(server, at(1, 2));
        const allowed = [`${at(1, 1)} > ${at(1, 2)}`, `${at(1, 1)} > ${at(2, 2)}`, `${at(2, 1)} > ${at(2, 2)}`];
        await eventually('those to the announced address', () => client.subflows(), allowed);
        await pass(3000);
        expect(await client.subflows()).toEqual(allowed);
        expect(await client.tries()).toBe(2);
      },
    );
  });
}

function expectBackoff(times: readonly number[], tries: number): void {
  expect(tries).toBe(TRIES);
  for (const [i, pause] of [1000, 2000, 4000].slice(0, TRIES - 1).entries()) {
    // A tenth either way, and on the running kernel what the machine takes.
    expect(times[i]).toBeGreaterThanOrEqual(pause * 0.9 - 20);
    expect(times[i]).toBeLessThanOrEqual(pause * 1.1 + (onKernel ? 500 : 20));
  }
}
