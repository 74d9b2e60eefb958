import type { AddrId } from '../core/model/ids.ts';
import type { Context } from './context.ts';
import { type Counters, readCounters, rise } from './mptcp-counters.ts';

/**
 * What is to be said after a removal that the kernel took: it drops RM_ADDR without a word while another address signal
 * of the connection waits (net/mptcp/pm.c, mptcp_pm_remove_addr). The counters are those of the namespace, and rise
 * before the answer comes: where another connection has sent an RM_ADDR meanwhile, nothing is known and nothing is said.
 */
export function removeWarning(id: AddrId, before: Counters, context: Context): string | undefined {
  const after = readCounters(context);
  if (rise('RmAddrTx', before, after) !== 0) return undefined;
  const dropped = rise('RmAddrTxDrop', before, after);
  if (dropped === undefined) return undefined;
  if (dropped > 0) {
    return (
      'the peer is not told of the removal: RM_ADDR was dropped, since another address signal of the connection still ' +
      `waits; once data have been exchanged, announce the address again with id ${id} and remove it then`
    );
  }
  return (
    `the peer is not told of the removal: no address with id ${id} was announced or is used by a subflow, or no ` +
    'subflow is left to tell it on; only the entry of this host is gone'
  );
}
