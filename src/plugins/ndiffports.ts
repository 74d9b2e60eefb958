import { definePlugin, int, type WantedSubflow } from '../plugin-api/index.ts';
import { targets } from './paths.ts';

/**
 * The userspace path manager's several subflows over one pair of addresses, from different ports: networks that spread
 * flows over several paths, or limit each flow, carry more that way. On the client side alone.
 */
export default definePlugin({
  name: 'ndiffports',
  api: 1,
  drives: 'userspace',
  priority: 10,
  description: 'several subflows over the pair of addresses that a connection began with (userspace path manager)',
  options: {
    subflows: int({ default: 2, min: 1, max: 64, help: 'how many subflows, the initial one included' }),
  },
  plan({ connection, remotes, options: { subflows } }) {
    if (connection.serverSide) return {};
    const { ip } = connection.local;
    const initial: WantedSubflow = { local: { ip }, remote: connection.remote };
    // A peer may take no others where the connection began: then they lead to what it has announced.
    const others = remotes.includes(connection.remote) ? [connection.remote] : targets(remotes, connection.local);
    const more: WantedSubflow = { local: { ip }, remote: others };
    return { subflows: [initial, ...(others.length > 0 ? Array(subflows - 1).fill(more) : [])] };
  },
});
