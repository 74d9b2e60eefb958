import { definePlugin } from '../plugin-api/index.ts';
import { alternatives, familiesOption, locals, onePerInterface } from './paths.ts';

/**
 * The userspace path manager's single subflow per interface. On the client side: one from each interface, bound to it, to
 * the first address of the peer that it reaches. On the server side: one address of each other interface is announced.
 */
export default definePlugin({
  name: 'sspi',
  api: 1,
  drives: 'userspace',
  priority: 10,
  description: 'one subflow for each interface (userspace path manager)',
  options: { families: familiesOption },
  plan({ connection, addresses, remotes, options: { families } }) {
    const own = onePerInterface(locals(addresses, connection, families));
    if (connection.serverSide) return { announce: own.map(({ ip }) => ({ ip })) };
    const subflows = own
      .map((local) => ({ local, remote: alternatives(remotes, connection, local) }))
      .filter(({ remote }) => remote.length > 0);
    return { subflows };
  },
});
