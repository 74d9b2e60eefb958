import type { Ip, Token } from '../core/model/ids.ts';
import * as diag from '../netlink/families/sock-diag.ts';
import type { FakeMessage, FakeNetlink, FakeRequest } from './fake-netlink.ts';

interface Place {
  readonly ip: Ip;
  readonly port: number;
}

/** A subflow as its host's TCP counts it. */
export interface FakeSocket {
  readonly token: Token;
  readonly local: Place;
  readonly remote: Place;
  readonly bytesAcked: number;
  /** Segments on their way. */
  readonly unacked: number;
}

/** Answers dumps of TCP sockets, as sock_diag does, from what the world says of a host's subflows. */
export class FakeSockets {
  /** Set by whoever plays the connections. */
  list: () => readonly FakeSocket[] = () => [];

  constructor(netlink: FakeNetlink) {
    netlink.add(diag.PROTOCOL, (request) => this.#answer(request));
  }

  #answer({ type, dump, b, body, end }: FakeRequest): readonly FakeMessage[] | undefined {
    if (type !== diag.BY_FAMILY || !dump) return undefined;
    const { family, protocol, states = [] } = diag.readRequest(b, body, end);
    // Of Multipath TCP's own sockets there is nothing to tell here: only established subflows are played.
    if (protocol !== diag.TCP || !states.includes('established')) return [];
    const ofFamily = this.list().filter(({ local }) => local.ip.includes(':') === (family === 'ipv6'));
    return ofFamily.map((socket, i) => ({
      type: diag.BY_FAMILY,
      write: (w) => diag.tcpSockets.encode(w, toWire(socket, family, i)),
    }));
  }
}

function toWire({ token, local, remote, bytesAcked, unacked }: FakeSocket, family: diag.DiagFamily, cookie: number) {
  return {
    family,
    state: 'established',
    localPort: local.port,
    remotePort: remote.port,
    local: local.ip,
    remote: remote.ip,
    cookie: BigInt(cookie),
    info: { bytesAcked: BigInt(bytesAcked), unacked },
    ulp: { name: 'mptcp', mptcp: { token } },
  } as unknown as diag.TcpSocket;
}
