/** Multipath TCP sockets without their subflows: cheap to ask for, however many connections there are. */
import type { IfIndex, Token } from '../core/model/ids.ts';
import type { Endpoint } from '../os/index.ts';
import type { Client } from './client.ts';
import type { Result } from './errors.ts';
import * as diag from './families/sock-diag.ts';

/** What the kernel calls the upper layer of its subflows and their listeners (net/mptcp/subflow.c, subflow_ulp_ops). */
const MPTCP = 'mptcp';

/** A Multipath TCP socket that listens. */
export interface Listener extends Endpoint {
  /** The interface that it is bound to, or 0. */
  readonly ifIndex: IfIndex;
  /** Whether one that is bound to `::` leaves IPv4 to others. */
  readonly v6Only: boolean;
}

/**
 * Those of the namespace of the client, a client of NETLINK_SOCK_DIAG. They are found among the TCP sockets that listen:
 * there the kernel takes a tenth of a millisecond, and milliseconds among its MPTCP sockets, however few there are
 * (net/mptcp/mptcp_diag.c, mptcp_diag_dump: it goes through all tokens first).
 */
export function readListeners(client: Client): Result<Listener[]> {
  const all: Listener[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const found = client.dump(diag.tcpSockets, diag.BY_FAMILY, { family, states: ['listen'] });
    if (!found.ok) return found;
    for (const { local: ip, localPort: port, ifIndex, v6Only = false, ulp } of found.value) {
      if (ulp?.name === MPTCP) all.push({ ip, port, ifIndex, v6Only });
    }
  }
  return { ok: true, value: all };
}

/** This host's end of the initial subflow of a connection, even after that is gone; ENOENT where there is none. */
export function findLocalEnd(client: Client, token: Token): Result<Endpoint> {
  const found = client.request(diag.mptcpSocket, diag.BY_FAMILY, { family: 'ipv4', token });
  if (!found.ok) return found;
  if (!found.value) throw new Error(`${diag.mptcpSocket.name}: an answer without a socket`);
  return { ok: true, value: { ip: found.value.local, port: found.value.localPort } };
}
