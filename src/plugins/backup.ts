import { definePlugin, int } from '../plugin-api/index.ts';
import { familiesOption } from './paths.ts';
import { hasInitial, over, preferOption, waysOf } from './ways.ts';

/**
 * The userspace path manager's spare paths: a client's connection has a subflow over each interface, and all but the first
 * are backup. When the first is gone the next one is backup no more, until the first is back.
 */
export default definePlugin({
  name: 'backup',
  api: 1,
  drives: 'userspace',
  priority: 10,
  description: 'a subflow over each interface, all but the first as backup (userspace path manager)',
  options: {
    prefer: preferOption,
    hold: int({
      default: 10_000,
      min: 0,
      max: 3_600_000,
      help: 'how many milliseconds an interface must have been there before it comes first again',
    }),
    families: familiesOption,
  },
  plan(view) {
    const { prefer, hold, families } = view.options;
    if (view.connection.serverSide) return {};
    const ways = waysOf(view, prefer, families);
    const ready = ways.filter(({ live }) => live.length > 0);
    const settled = ready.find((way) => hasInitial(way) || view.usableFor(way.local, hold));
    const first = settled ?? ready[0] ?? ways[0];
    return { subflows: ways.map((way) => over(way, way !== first)) };
  },
});
