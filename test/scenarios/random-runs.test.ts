import { describe } from 'vitest';
import { eventually, type Host, onKernel, pass, scenario } from './world/index.ts';

const RUNS = onKernel ? 1 : 25;
const STEPS = onKernel ? 12 : 25;
/** The first run's; another one by the environment, to look further or to see a run again that failed. */
const SEED = Number(process.env['MPTCPD_SEED'] ?? 1000);

/** Numbers from 0 to 1 that a seed always gives (a linear congruential generator, Numerical Recipes). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const config = { core: { 'load-plugins': 'fullmesh' } };
const LINKS = [1, 2];

for (const family of ['ipv4', 'ipv6'] as const) {
  const at = (link: number, host: 1 | 2): string =>
    family === 'ipv4' ? `10.0.${link}.${host}` : `fd00:${link}::${host}`;

  describe(`over ${family}: once things are quiet, subflows are what the plan says`, () => {
    for (let run = 0; run < RUNS; run++) {
      const seed = SEED + run;
      scenario(`after links and addresses came and went (MPTCPD_SEED=${seed})`, async ({ world }) => {
        const { client, server } = await world.pair({ links: LINKS.length, pathManager: 'userspace' });
        await client.start(config);
        await server.start(config);
        await client.connect(server, at(1, 2));
        const next = random(seed);
        const pick = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T;
        const up = new Map(LINKS.map((link) => [link, true]));
        const has = new Map<string, boolean>();
        const addressOf = (host: Host, link: number): string => at(link, host === client ? 1 : 2);
        const toggleLink = async (link: number): Promise<void> => {
          up.set(link, !up.get(link));
          await client.setLink(`v${link}`, up.get(link) === true);
        };
        const toggleAddress = async (host: Host, link: number): Promise<void> => {
          const ip = addressOf(host, link);
          const there = has.get(ip) ?? true;
          has.set(ip, !there);
          await host[there ? 'removeAddress' : 'addAddress'](`v${link}`, ip);
        };
        for (let step = 0; step < STEPS; step++) {
          if (next() < 0.6) await toggleLink(pick(LINKS));
          else await toggleAddress(pick([client, server]), pick(LINKS));
          await pass(Math.floor(next() * 300));
        }
        for (const link of LINKS) {
          if (!up.get(link)) await toggleLink(link);
          for (const host of [client, server])
            if (has.get(addressOf(host, link)) === false) await toggleAddress(host, link);
        }
        const all = LINKS.flatMap((from) => LINKS.map((to) => `${at(from, 1)} > ${at(to, 2)}`));
        // What failed in the meantime has its pauses.
        await eventually('the full mesh', () => client.subflows(), all, onKernel ? 25_000 : 90_000);
      });
    }
  });
}
