import { sameIp } from '../core/ip.ts';
import type { PmEvent, SubflowEvent } from '../core/model/events.ts';
import type { Ip, Token } from '../core/model/ids.ts';
import type { Connection, Subflow } from '../netlink/diag.ts';

/** A subflow that was asked for. */
export interface Wanted {
  readonly token: Token;
  /** Without a port, or with port 0, the kernel chooses one; with a wildcard the address too. */
  readonly local: { readonly ip: Ip; readonly port?: number };
  readonly remote: { readonly ip: Ip; readonly port: number };
}

/** What an event says of a subflow, as far as sock_diag knows it too. */
export type Found = Omit<SubflowEvent, 'type'>;

/** How it ended. */
export type Outcome =
  /** Not sure as long as the peer may still reject what this host has answered to its SYN/ACK (RFC 8684 section 3.2). */
  | { readonly type: 'established'; readonly subflow: Found; readonly sure: boolean }
  /** Nothing is known of a subflow that was gone when the events about it were lost. */
  | { readonly type: 'closed'; readonly subflow: Found | undefined }
  | { readonly type: 'connectionClosed' };

/**
 * Tells from events, or where some were lost from what sock_diag lists, how the creation of a subflow ended. There may
 * be others between the same addresses: only the local port tells them apart.
 */
export class SubflowWatch {
  readonly #wanted: Wanted;
  readonly #others: readonly Subflow[];

  /** @param others the subflows that the connection had before */
  constructor(wanted: Wanted, others: readonly Subflow[]) {
    this.#wanted = wanted;
    this.#others = others;
  }

  /** Takes in an event. @returns the outcome, once it is known */
  hear(event: PmEvent): Outcome | undefined {
    if (!('token' in event) || event.token !== this.#wanted.token) return undefined;
    if (event.type === 'connectionClosed') return { type: 'connectionClosed' };
    if (event.type !== 'subflowEstablished' && event.type !== 'subflowClosed') return undefined;
    const { localIp, localPort, remoteIp, remotePort } = event;
    if (!this.#isWanted({ ip: localIp, port: localPort }, { ip: remoteIp, port: remotePort })) return undefined;
    const { type, ...found } = event;
    // Where nobody has answered the port may be 0.
    const subflow = { ...found, remotePort: remotePort || this.#wanted.remote.port };
    return type === 'subflowEstablished' ? { type: 'established', subflow, sure: false } : { type: 'closed', subflow };
  }

  /** Takes in what sock_diag knows of the connection: undefined where there is none. */
  read(connection: Connection | undefined): Outcome | undefined {
    if (!connection) return { type: 'connectionClosed' };
    const subflow = connection.subflows.find((each) => this.#isWanted(each.local, each.remote));
    if (!subflow || subflow.state === 'closed') return { type: 'closed', subflow: undefined };
    if (subflow.state === 'syn-sent') return undefined;
    return { type: 'established', subflow: this.#fromDiag(subflow), sure: subflow.fullyEstablished };
  }

  #isWanted(local: Wanted['remote'], remote: Wanted['remote']): boolean {
    const { local: here, remote: there } = this.#wanted;
    if (!sameIp(remote.ip, there.ip) || (remote.port !== there.port && remote.port !== 0)) return false;
    if (!isWildcard(here.ip) && !sameIp(local.ip, here.ip)) return false;
    if (here.port) return local.port === here.port;
    return !this.#others.some(
      (other) =>
        other.local.port === local.port && sameIp(other.local.ip, local.ip) && sameIp(other.remote.ip, there.ip),
    );
  }

  #fromDiag({ local, remote, locId, remId, backupRemote, ifIndex }: Subflow): Found {
    return {
      token: this.#wanted.token,
      ...{ localIp: local.ip, localPort: local.port, remoteIp: remote.ip, remotePort: remote.port },
      ...{ locId, remId, ifIndex, backup: backupRemote },
      ...{ error: undefined, resetReason: undefined, resetTransient: false },
    };
  }
}

const isWildcard = (ip: Ip): boolean => ip === '0.0.0.0' || ip === '::' || ip === '::ffff:0.0.0.0';
