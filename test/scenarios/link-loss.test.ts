import { describe, expect } from 'vitest';
import { eventually, type Host, pass, scenario } from './world/index.ts';

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
/** Until the subflows are there again. */
const BACK = SECOND;

const policies: Readonly<Record<string, (family: Family) => readonly string[]>> = {
  fullmesh: (family) => [1, 2].flatMap((from) => [1, 2].map((to) => `${at(family, from, 1)} > ${at(family, to, 2)}`)),
  // An IPv6 address is reached by its own link alone.
  sspi: (family) => [1, 2].map((n) => `${at(family, n, 1)} > ${at(family, family === 'ipv4' ? 1 : n, 2)}`),
};

for (const [plugin, wanted] of Object.entries(policies)) {
  for (const family of ['ipv4', 'ipv6'] as const) {
    describe(`${plugin} over ${family}: data goes on when one of two links is lost, and it is used when it is back`, () => {
      for (const [what, set] of Object.entries(losses)) {
        for (const link of [1, 2]) {
          scenario(`link ${link}: ${what}`, async ({ world }) => {
            const config = { core: { 'load-plugins': plugin } };
            const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
            await client.start(config);
            await server.start(config);
            const connection = await client.connect(server, at(family, 1, 2));
            const all = wanted(family);
            const subflows = async (): Promise<string[]> => (await client.subflows()).map(plain);
            await eventually('all subflows', subflows, all);
            const up = await connection.transfer('up');
            const down = await connection.transfer('down');
            await set({ client, server }, link, family, true);
            // Whether the peer hears that its ends are of no use is up to where the kernel sends that; ours are closed.
            const lost = async (): Promise<string[]> =>
              (await subflows()).filter((each) => each.startsWith(`${at(family, link, 1)} `));
            await eventually('none from there', lost, []);
            await pass(SECOND);
            await set({ client, server }, link, family, false);
            await eventually('all subflows again', subflows, all, BACK);
            expect(Math.max(await up.gap(), await down.gap())).toBeLessThan(SECOND);
          });
        }
      }
    });
  }
}

/** Without the devices that subflows are bound to. */
const plain = (subflow: string): string => subflow.replaceAll(/[[\]]|%\w+/g, '');
