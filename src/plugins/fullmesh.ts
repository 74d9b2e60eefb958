import {
  type Connection,
  definePlugin,
  type End,
  familyOf,
  type Ip,
  int,
  type LocalAddress,
  type Subflow,
  sameIp,
  type Token,
  unmapped,
} from '../plugin-api/index.ts';
import { nextPause, passing, retryOptions } from './retry.ts';

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
    'max-subflows': int({ default: 8, min: 1, max: 255, help: 'subflows of a connection, the initial one included' }),
    ...retryOptions,
  },
  setup({ pm, state, options, after }) {
    /** By connection, by pair of addresses: when it is tried again, and how long the next wait is. */
    const retries = new Map<Token, Map<string, { cancel: () => void; wait: number }>>();
    /** Subflows whose addresses are gone, kept because no other was there. */
    const kept = new Map<Token, readonly Subflow[]>();

    function mesh(connection: Connection): void {
      if (connection.state !== 'established') return;
      if (connection.serverSide) announce(connection);
      else for (const { ip } of own()) for (const to of targets(connection)) void join(connection, ip, to);
    }

    /** Addresses of link scope lead nowhere but to a neighbour of one interface. */
    const own = (): readonly LocalAddress[] => state.addresses.filter(({ scope }) => scope !== 'link');
    const isOwn = (ip: Ip): boolean => own().some((address) => sameIp(address.ip, ip));

    async function join(connection: Connection, ip: Ip, to: Place): Promise<void> {
      if (familyOf(ip) !== familyOf(to.ip)) return;
      if (connection.subflows.length >= options['max-subflows']) return;
      if (connection.subflows.some((s) => sameIp(s.local.ip, ip) && isAt(s.remote, to))) return;
      const made = await pm.createSubflow({ token: connection.token, local: { ip }, remote: to });
      if (!made.ok && passing.has(made.error.errno ?? '')) retryLater(connection, ip, to);
    }

    function announce(connection: Connection): void {
      for (const { ip } of own()) {
        if (familyOf(ip) !== familyOf(connection.local.ip)) continue;
        if (sameIp(ip, connection.local.ip) || connection.announced.some((a) => sameIp(a.ip, ip))) continue;
        void pm.announce({ token: connection.token, address: { ip } });
      }
    }

    /** The address is gone: the peer learns it where it was announced, and its subflows end where another lives. */
    async function leave(connection: Connection, ip: Ip): Promise<void> {
      const { token, announced, subflows } = connection;
      const known = announced.find((a) => sameIp(a.ip, ip));
      if (known) await pm.remove({ token, id: known.id });
      if (connection.state === 'closed') return;
      const live = subflows.filter((s) => s.state === 'established');
      const dead = live.filter(({ local }) => sameIp(local.ip, ip));
      // The kernel tells of each end later: what was destroyed before is in the list still, but its address is gone.
      if (live.some(({ local }) => isOwn(local.ip))) await destroy(dead);
      else kept.set(token, [...(kept.get(token) ?? []), ...dead]);
    }

    async function destroy(dead: readonly Subflow[]): Promise<void> {
      for (const { token, local, remote } of dead) await pm.destroySubflow({ token, local, remote });
    }

    /** Tries a pair again, after a while that doubles as long as it is not established in between. */
    function retryLater(connection: Connection, ip: Ip, to: Place): void {
      const { token } = connection;
      if (connection.state === 'closed') return;
      const pairs = retries.get(token) ?? new Map<string, { cancel: () => void; wait: number }>();
      retries.set(token, pairs);
      const before = pairs.get(pairOf(ip, to));
      before?.cancel();
      const wait = nextPause(before?.wait, options);
      const cancel = after(wait, () => {
        const wanted = isOwn(ip) && targets(connection).some((t) => isAt(t, to));
        if (wanted && connection.state === 'established') void join(connection, ip, to);
      });
      pairs.set(pairOf(ip, to), { cancel, wait });
    }

    return {
      connectionEstablished: mesh,
      connectionClosed({ token }) {
        for (const { cancel } of retries.get(token)?.values() ?? []) cancel();
        retries.delete(token);
        kept.delete(token);
      },
      addressAnnounced: ({ connection }) => mesh(connection),
      subflowEstablished({ token, local, remote }) {
        const pairs = retries.get(token);
        pairs?.get(pairOf(local.ip, remote))?.cancel();
        pairs?.delete(pairOf(local.ip, remote));
        const stale = kept.get(token);
        if (!stale || !isOwn(local.ip)) return;
        kept.delete(token);
        void destroy(stale.filter((s) => s.state === 'established' && !isOwn(s.local.ip)));
      },
      subflowClosed({ token, local, remote }) {
        const connection = state.connection(token);
        if (!connection || connection.serverSide) return;
        // An address that is gone comes back with localAddressAdded, which tries at once; now others may have its place.
        if (isOwn(local.ip)) retryLater(connection, local.ip, remote);
        else mesh(connection);
      },
      localAddressAdded() {
        for (const connection of state.connections()) mesh(connection);
      },
      async localAddressRemoved({ ip }: LocalAddress) {
        if (isOwn(ip)) return; // another interface has it too
        for (const connection of [...state.connections()]) await leave(connection, ip);
      },
    };
  },
});

type Place = Pick<End, 'ip' | 'port'>;

/** Where subflows may go: the peer's initial address unless it forbids that, and those that it announced. */
function targets(connection: Connection): readonly End[] {
  const { remote, remoteAddresses, denyJoinId0 } = connection;
  return denyJoinId0 ? remoteAddresses : [remote, ...remoteAddresses];
}

const isAt = (a: Place, b: Place): boolean => a.port === b.port && sameIp(a.ip, b.ip);

const pairOf = (ip: Ip, to: Place): string => `${unmapped(ip)} > ${unmapped(to.ip)} ${to.port}`;
