import { definePlugin, int } from '../plugin-api/index.ts';
import { familiesOption } from './paths.ts';
import { hasInitial, overAny, preferOption, waysOf } from './ways.ts';

/** What speaks against a way, from nothing to most. */
const Doubt = { none: 0, fresh: 1, recent: 2, now: 3 } as const;

/**
 * The userspace path manager's one interface at a time: a client's connection has its subflow over the first interface,
 * and none over another until the first is gone or in trouble. Then the next one takes over, and what is left over the
 * first becomes backup. Once the first has been well for a while, it takes over again.
 */
export default definePlugin({
  name: 'handover',
  api: 1,
  drives: 'userspace',
  priority: 10,
  description: 'another interface only when the first one fails (userspace path manager)',
  options: {
    prefer: preferOption,
    stall: int({
      default: 1000,
      min: 100,
      max: 600_000,
      help: 'how many milliseconds data may wait for an acknowledgement before that is trouble',
    }),
    hold: int({
      default: 10_000,
      min: 0,
      max: 3_600_000,
      help: 'how many milliseconds an interface must have been well before it is used again',
    }),
    families: familiesOption,
  },
  plan(view) {
    const { prefer, stall, hold, families } = view.options;
    if (view.connection.serverSide) return {};
    const doubts = waysOf(view, prefer, families).map((way) => {
      const troubled = (held: number): boolean => way.live.some((each) => view.inTrouble(each, stall, held));
      if (troubled(0)) return { way, doubt: Doubt.now };
      if (troubled(hold)) return { way, doubt: Doubt.recent };
      return { way, doubt: hasInitial(way) || view.usableFor(way.local, hold) ? Doubt.none : Doubt.fresh };
    });
    const ranked = doubts.sort((a, b) => a.doubt - b.doubt);
    const ready = ranked.findIndex(({ way }) => way.live.length > 0);
    // Those that are better than the best that is there, and that one. Where none is any good, all may be tried.
    const enough = ready < 0 || ranked[0]?.doubt === Doubt.now ? ranked.length : ready + 1;
    const used = ranked.slice(0, enough).flatMap(({ way }) => overAny(way, false));
    const left = ranked.slice(enough).filter(({ way, doubt }) => way.live.length > 0 && (doubt > 1 || hasInitial(way)));
    return { subflows: [...used, ...left.flatMap(({ way }) => overAny(way, true))] };
  },
});
