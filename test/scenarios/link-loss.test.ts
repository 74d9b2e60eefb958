import { describe, expect } from 'vitest';
import { eventually, type Host, onKernel, pass, scenario } from './world/index.ts';

type Family = 'ipv4' | 'ipv6';

/** An address of the client (1) or the server (2) on a link. */
const at = (family: Family, link: number, host: 1 | 2): string =>
  family === 'ipv4' ? `10.0.${link}.${host}` : `fd00:${link}::${host}`;

type Hosts = { readonly client: Host; readonly server: Host };

const losses: Readonly<Record<string, (hosts: Hosts, link: number, family: Family, lost: boolean) => Promise<void>>> = {
  'the client switches it off': ({ client }, link, _, lost) => client.setLink(`v${link}`, !lost),
  'the carrier is lost': ({ server }, link, _, lost) => server.setLink(`v${link}`, !lost),
  'the client loses the address': ({ client }, link, family, lost) =>
    client[lost ? 'removeAddress' : 'addAddress'](`v${link}`, at(family, link, 1)),
};

const SECOND = 1000;
/**
 * Until the subflows are there again. The kernel tells of a carrier that returns up to a second late (net/core/
 * link_watch.c), and of what it could not reach before another bit later.
 */
const BACK = onKernel ? 2.5 * SECOND : SECOND;

/** Time is measured on a machine that others use too: one run of three that keeps to it is enough. */
const TIMED = { retry: onKernel ? 2 : 0 };

const policies: Readonly<Record<string, (family: Family) => readonly string[]>> = {
  fullmesh: (family) => [1, 2].flatMap((from) => [1, 2].map((to) => `${at(family, from, 1)} > ${at(family, to, 2)}`)),
  // To which of the peer's addresses they lead is all one: to the first that could be reached.
  sspi: (family) => [1, 2].map((n) => at(family, n, 1)),
};

for (const [plugin, wanted] of Object.entries(policies)) {
  for (const family of ['ipv4', 'ipv6'] as const) {
    describe(`${plugin} over ${family}: data goes on when one of two links is lost, and it is used when it is back`, () => {
      for (const [what, set] of Object.entries(losses)) {
        scenario(what, TIMED, async ({ world }) => {
          const config = { core: { 'load-plugins': plugin } };
          const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
          await client.start(config);
          await server.start(config);
          const connection = await client.connect(server, at(family, 1, 2));
          const all = wanted(family);
          const subflows = async (): Promise<string[]> =>
            (await client.subflows()).map(plugin === 'sspi' ? from : plain);
          await eventually('all subflows', subflows, all);
          const up = await connection.transfer('up');
          const down = await connection.transfer('down');
          // Once link 1 is back, IPv4 may lead from there to the peer's address on link 2, and would go with that.
          for (const link of plugin === 'sspi' && family === 'ipv4' ? [2] : [1, 2]) {
            await set({ client, server }, link, family, true);
            // Whether the peer hears that its ends are of no use is up to where the kernel sends that; ours are closed.
            const lost = async (): Promise<string[]> =>
              (await subflows()).filter((each) => from(each) === at(family, link, 1));
            await eventually(`none from link ${link}`, lost, []);
            await pass(500);
            await set({ client, server }, link, family, false);
            await eventually(`all subflows again, after link ${link}`, subflows, all, BACK);
          }
          expect(Math.max(await up.gap(), await down.gap())).toBeLessThan(SECOND);
        });
      }
    });
  }
}

/** Without the devices that subflows are bound to. */
const plain = (subflow: string): string => subflow.replaceAll(/[[\]]|%\w+/g, '');

const from = (subflow: string): string => plain(subflow).split(' > ')[0] ?? '';
