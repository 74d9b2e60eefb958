import {
  choice,
  definePlugin,
  type End,
  type LocalAddress,
  unmapped,
  type WantedSubflow,
} from '../plugin-api/index.ts';
import { alternatives, familiesOption, locals, targets } from './paths.ts';
import { sameSubnet } from './subnet.ts';

/**
 * The userspace path manager's full mesh. On the client side: a subflow from every local address to every address of the
 * peer. On the server side: the other local addresses are announced, and the client makes the subflows.
 */
export default definePlugin({
  name: 'fullmesh',
  api: 1,
  drives: 'userspace',
  priority: 10,
  description: 'a subflow from every local address to every address of the peer (userspace path manager)',
  options: {
    pairs: choice({
      of: ['all', 'one', 'subnet'],
      default: 'all',
      help: 'all; one: a single subflow from each local address; subnet: only within the prefix of the local address',
    }),
    families: familiesOption,
  },
  plan({ connection, addresses, remotes, options: { pairs, families } }) {
    const own = locals(addresses, connection, families);
    if (connection.serverSide) return { announce: own.map(({ ip }) => ({ ip })) };
    if (pairs === 'one')
      return {
        subflows: own.flatMap((local, i) => single(local, turned(alternatives(remotes, connection, local), i))),
      };
    const fits = pairs === 'subnet' ? sameSubnet : () => true;
    // Every local address has a subflow before any has its second.
    const subflows = remotes.flatMap((remote) =>
      own
        .filter((local) => targets([remote], local).length > 0 && fits(local, unmapped(remote.ip)))
        .map(({ ip }) => ({ local: { ip }, remote })),
    );
    return { subflows };
  },
});

/** The first that can be reached. */
const single = ({ ip }: LocalAddress, remote: readonly End[]): readonly WantedSubflow[] =>
  remote.length > 0 ? [{ local: { ip }, remote }] : [];

/** The same in the same order, beginning with another: so that each local address has another one of the peer's. */
const turned = (ends: readonly End[], by: number): readonly End[] => {
  const at = ends.length > 0 ? by % ends.length : 0;
  return [...ends.slice(at), ...ends.slice(0, at)];
};
