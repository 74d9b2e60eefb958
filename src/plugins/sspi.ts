import {
  type Connection,
  definePlugin,
  type End,
  familyOf,
  type IfIndex,
  type LocalAddress,
  type Subflow,
  sameIp,
  type Token,
} from '../plugin-api/index.ts';
import { nextPause, passing, retryOptions } from './retry.ts';

/**
 * The userspace path manager's single subflow per interface. On the client side: each interface beside that of the
 * initial subflow makes one, bound to it. On the server side: one address of each other interface is announced.
 */
export default definePlugin({
  name: 'sspi',
  api: 1,
  drives: 'userspace',
  priority: 10,
  description: 'one subflow for each interface (userspace path manager)',
  options: retryOptions,
  setup({ pm, state, options, after }) {
    /** By connection and interface, for those whose latest try failed. */
    const retries = new Map<Token, Map<IfIndex, Retry>>();
    /** Subflows whose addresses are gone, kept because no other was there. */
    const kept = new Map<Token, readonly Subflow[]>();

    function serve(connection: Connection): void {
      if (connection.state !== 'established') return;
      for (const ifIndex of new Set(state.addresses.map((address) => address.ifIndex))) {
        if (connection.serverSide) announce(connection, ifIndex);
        else void join(connection, ifIndex);
      }
    }

    /** An interface's addresses of a connection's family that lead to peers: the best first, of equals the oldest. */
    function candidates({ local }: Connection, ifIndex: IfIndex): readonly LocalAddress[] {
      return state.addresses
        .filter((a) => a.ifIndex === ifIndex && a.scope !== 'link' && a.scope !== 'host')
        .filter(({ ip }) => familyOf(ip) === familyOf(local.ip))
        .sort((a, b) => rank(a) - rank(b));
    }

    /** Tries the peer's addresses in turn until the kernel takes one: not each can be reached over each interface. */
    async function join(connection: Connection, ifIndex: IfIndex): Promise<void> {
      const { token, subflows } = connection;
      const to = targets(connection);
      const first = retries.get(token)?.get(ifIndex)?.failures ?? 0;
      for (let i = 0; i < to.length; i++) {
        const addresses = candidates(connection, ifIndex);
        const [local] = addresses;
        const remote = to[(first + i) % to.length];
        if (!local || !remote || subflows.some((s) => addresses.some((a) => isFrom(s, a)))) return;
        const made = await pm.createSubflow({ token, local: { ip: local.ip }, remote, ifIndex });
        if (made.ok || !passing.has(made.error.errno ?? '')) return;
      }
      if (to.length > 0) retryLater(connection, ifIndex);
    }

    function announce(connection: Connection, ifIndex: IfIndex): void {
      const { token, local, announced } = connection;
      const addresses = candidates(connection, ifIndex);
      const known = [local, ...announced].some(({ ip }) => addresses.some((a) => sameIp(a.ip, ip)));
      if (addresses[0] && !known) void pm.announce({ token, address: { ip: addresses[0].ip } });
    }

    /** Tries an interface again after a pause, which doubles as long as no subflow of it comes up in between. */
    function retryLater(connection: Connection, ifIndex: IfIndex): void {
      const { token } = connection;
      const interfaces = retries.get(token) ?? new Map<IfIndex, Retry>();
      retries.set(token, interfaces);
      const before = interfaces.get(ifIndex);
      if (before?.cancel) return;
      const pause = nextPause(before?.pause, options);
      const retry: Retry = { failures: (before?.failures ?? 0) + 1, pause, cancel: undefined };
      interfaces.set(ifIndex, retry);
      retry.cancel = after(pause, () => {
        retry.cancel = undefined;
        if (connection.state === 'established') void join(connection, ifIndex);
      });
    }

    /** An address is gone: the peer learns it where it was announced, and its subflows end where others live on. */
    async function leave({ token, announced, subflows }: Connection, gone: LocalAddress): Promise<void> {
      const known = announced.find(({ ip }) => sameIp(ip, gone.ip));
      const elsewhere = state.addresses.some(({ ip }) => sameIp(ip, gone.ip));
      if (known && !elsewhere) await pm.remove({ token, id: known.id });
      const live = subflows.filter((s) => s.state === 'established');
      const dead = live.filter((s) => isFrom(s, gone) && !isUsable(s));
      // The kernel tells of each end later: what was destroyed before is in the list still, but not usable.
      if (live.some(isUsable)) await destroy(dead);
      else kept.set(token, [...(kept.get(token) ?? []), ...dead]);
    }

    async function destroy(dead: readonly Subflow[]): Promise<void> {
      for (const { token, local, remote } of dead) await pm.destroySubflow({ token, local, remote });
    }

    const isUsable = (subflow: Subflow): boolean => state.addresses.some((address) => isFrom(subflow, address));

    return {
      connectionEstablished: serve,
      connectionClosed({ token }) {
        for (const { cancel } of retries.get(token)?.values() ?? []) cancel?.();
        retries.delete(token);
        kept.delete(token);
      },
      addressAnnounced: ({ connection }) => serve(connection),
      async subflowEstablished(subflow) {
        const { token } = subflow;
        for (const { ifIndex } of state.addresses.filter((address) => isFrom(subflow, address))) {
          retries.get(token)?.get(ifIndex)?.cancel?.();
          retries.get(token)?.delete(ifIndex);
        }
        const stale = kept.get(token);
        if (!stale || !isUsable(subflow)) return;
        kept.delete(token);
        await destroy(stale.filter((s) => s.state === 'established' && !isUsable(s)));
      },
      subflowClosed(subflow) {
        const connection = state.connection(subflow.token);
        if (!connection || connection.serverSide) return;
        for (const a of state.addresses) if (isFrom(subflow, a)) retryLater(connection, a.ifIndex);
      },
      localAddressAdded() {
        for (const connection of state.connections()) serve(connection);
      },
      async localAddressRemoved(address) {
        for (const connection of [...state.connections()]) {
          await leave(connection, address);
          serve(connection);
        }
      },
    };
  },
});

interface Retry {
  /** How often in a row. */
  readonly failures: number;
  /** Milliseconds. */
  readonly pause: number;
  /** Ends the pause; undefined once it is over. */
  cancel: (() => void) | undefined;
}

const rank = ({ deprecated, temporary }: LocalAddress): number => (deprecated ? 2 : 0) + (temporary ? 1 : 0);

/** Whether a subflow leaves from an address of this host, over its interface if the subflow is bound to one. */
const isFrom = ({ local, ifIndex }: Subflow, address: LocalAddress): boolean =>
  sameIp(local.ip, address.ip) && (ifIndex ?? address.ifIndex) === address.ifIndex;

/** Where subflows may go, the first choice first: each failure moves on to the next. */
function targets({ remote, remoteAddresses, denyJoinId0 }: Connection): readonly End[] {
  const all = denyJoinId0 ? remoteAddresses : [remote, ...remoteAddresses];
  return all.filter(({ ip }) => familyOf(ip) === familyOf(remote.ip));
}
