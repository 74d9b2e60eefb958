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
} from '../plugin-api/index.ts';

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
    'retry-after': int({
      default: 1000,
      min: 10,
      help: 'milliseconds until a lost subflow is tried again, then doubled',
    }),
    'retry-most': int({ default: 60_000, min: 10, help: 'the most milliseconds between two tries' }),
  },
  setup({ pm, state, options, after }) {
    const retries = new Map<Token, { cancel: () => void; wait: number }>();

    function mesh(connection: Connection): void {
      if (connection.state !== 'established') return;
      if (connection.serverSide) announce(connection);
      else for (const { ip } of state.addresses) for (const to of targets(connection)) join(connection, ip, to);
    }

    function join(connection: Connection, ip: Ip, to: End): void {
      if (familyOf(ip) !== familyOf(to.ip)) return;
      if (connection.subflows.length >= options['max-subflows']) return;
      if (connection.subflows.some((s) => sameIp(s.local.ip, ip) && isTo(s, to))) return;
      void pm.createSubflow({ token: connection.token, local: { ip }, remote: to });
    }

    function announce(connection: Connection): void {
      for (const { ip, scope } of state.addresses) {
        if (scope === 'link' || familyOf(ip) !== familyOf(connection.local.ip)) continue;
        if (sameIp(ip, connection.local.ip) || connection.announced.some((a) => sameIp(a.ip, ip))) continue;
        void pm.announce({ token: connection.token, address: { ip } });
      }
    }

    /** The address is gone: the peer learns it where it was announced, and its subflows make room for others. */
    async function leave(connection: Connection, ip: Ip): Promise<void> {
      const known = connection.announced.find((a) => sameIp(a.ip, ip));
      if (known) await pm.remove({ token: connection.token, id: known.id });
      for (const subflow of connection.subflows.filter((s) => sameIp(s.local.ip, ip) && s.state === 'established')) {
        if (!connection.subflows.some((s) => s !== subflow && s.state === 'established')) return; // never the last one
        await pm.destroySubflow({ token: connection.token, local: subflow.local, remote: subflow.remote });
      }
    }

    /** Tries again what is missing, after a while that doubles as long as nothing is established in between. */
    function retryLater(token: Token): void {
      const before = retries.get(token);
      before?.cancel();
      const wait = Math.min(before ? before.wait * 2 : options['retry-after'], options['retry-most']);
      const cancel = after(wait, () => {
        const connection = state.connection(token);
        if (connection) mesh(connection);
      });
      retries.set(token, { cancel, wait });
    }

    function forget(token: Token): void {
      retries.get(token)?.cancel();
      retries.delete(token);
    }

    return {
      connectionEstablished: mesh,
      connectionClosed: ({ token }) => forget(token),
      addressAnnounced: ({ connection }) => mesh(connection),
      subflowEstablished: ({ token }) => forget(token),
      subflowClosed({ token, local }) {
        // An address that is gone comes back with localAddressAdded, which tries at once.
        if (state.addresses.some(({ ip }) => sameIp(ip, local.ip))) retryLater(token);
      },
      localAddressAdded() {
        for (const connection of state.connections()) mesh(connection);
      },
      async localAddressRemoved({ ip }: LocalAddress) {
        if (state.addresses.some((other) => sameIp(other.ip, ip))) return; // another interface has it too
        for (const connection of [...state.connections()]) await leave(connection, ip);
      },
    };
  },
});

/** Where subflows may go: the peer's initial address unless it forbids that, and those that it announced. */
function targets(connection: Connection): readonly End[] {
  const { remote, remoteAddresses, denyJoinId0 } = connection;
  return denyJoinId0 ? remoteAddresses : [remote, ...remoteAddresses];
}

const isTo = (s: Subflow, to: End): boolean => s.remote.port === to.port && sameIp(s.remote.ip, to.ip);
