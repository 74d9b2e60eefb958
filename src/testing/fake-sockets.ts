import { type AddrId, asAddrId, type Ip, type Token } from '../core/model/ids.ts';
import * as diag from '../netlink/families/sock-diag.ts';
import { type FakeMessage, type FakeNetlink, FakeRefusal, type FakeRequest } from './fake-netlink.ts';

interface Place {
  readonly ip: Ip;
  readonly port: number;
}

/** A subflow as its host's TCP has it. */
export interface FakeSocket {
  readonly token: Token;
  readonly local: Place & { readonly id: AddrId };
  readonly remote: Place & { readonly id: AddrId };
  readonly state: 'established' | 'syn-sent';
  readonly initial: boolean;
  /** This host opened it. */
  readonly madeHere: boolean;
  readonly fullyEstablished: boolean;
  /** Whether this host, and whether the other one, asks to use it only when there is no other. */
  readonly backup: boolean;
  readonly backupRemote: boolean;
  readonly bytesAcked: number;
  /** Segments on their way. */
  readonly unacked: number;
}

/** A connection as its host has it, or a listener: its token is 0. */
export interface FakeConnectionSocket {
  readonly token: Token;
  readonly state: diag.State;
  readonly local: Place;
  readonly remote: Place;
  /** 0 where no application holds it. */
  readonly inode: number;
  /** It has become plain TCP. */
  readonly fallback?: boolean;
}

/** Answers as sock_diag does, from what the world says of a host's connections and subflows. */
export class FakeSockets {
  /** Set by whoever plays the connections. */
  list: () => readonly FakeSocket[] = () => [];
  connections: () => readonly FakeConnectionSocket[] = () => [];
  /** How often the sockets of a family were listed, and how often one connection was asked for. */
  readonly asked = { lists: 0, tokens: 0 };

  constructor(netlink: FakeNetlink) {
    netlink.add(diag.PROTOCOL, (request) => this.#answer(request));
  }

  #answer({ type, dump, b, body, end }: FakeRequest): readonly FakeMessage[] | undefined {
    if (type !== diag.BY_FAMILY) return undefined;
    const { family, protocol, states = [], token } = diag.readRequest(b, body, end);
    const isWanted = ({ local, state }: { readonly local: Place; readonly state: diag.State }): boolean =>
      local.ip.includes(':') === (family === 'ipv6') && states.includes(state);
    if (!dump) {
      this.asked.tokens++;
      const found = this.connections().find((each) => each.token === token);
      if (!found) throw new FakeRefusal('ENOENT');
      return [message(diag.mptcpSocket, fromConnection(found, 0))];
    }
    this.asked.lists++;
    if (protocol !== diag.TCP) {
      return this.connections()
        .filter(isWanted)
        .map((each, i) => message(diag.mptcpSockets, fromConnection(each, i)));
    }
    return this.list()
      .filter(isWanted)
      .map((each, i) => message(diag.tcpSockets, fromSubflow(each, i)));
  }
}

const message = <T>({ encode }: diag.DiagOperation<T>, socket: T): FakeMessage => ({
  type: diag.BY_FAMILY,
  write: (w) => encode(w, socket),
});

function fromConnection({ token, inode, fallback, ...header }: FakeConnectionSocket, cookie: number) {
  const info = { token, flags: fallback ? ['fallback'] : [] };
  return { ...fromHeader(header, cookie), inode, info } as unknown as diag.MptcpSocket;
}

function fromSubflow({ token, local, remote, bytesAcked, unacked, ...socket }: FakeSocket, cookie: number) {
  const { initial, madeHere, fullyEstablished, backup, backupRemote } = socket;
  const mptcp = {
    token,
    mpCapableRemote: initial,
    mpCapableLocal: initial && madeHere,
    joinRemote: !initial,
    joinLocal: !initial && madeHere,
    backupRemote,
    backupLocal: backup,
    fullyEstablished,
    remId: remote.id ?? asAddrId(0),
    locId: local.id,
  };
  return {
    ...fromHeader({ state: socket.state, local, remote }, cookie),
    info: { bytesAcked: BigInt(bytesAcked), unacked },
    ulp: { name: 'mptcp', mptcp },
  } as unknown as diag.TcpSocket;
}

function fromHeader(
  { state, local, remote }: Pick<FakeConnectionSocket, 'state' | 'local' | 'remote'>,
  cookie: number,
) {
  const family: diag.DiagFamily = local.ip.includes(':') ? 'ipv6' : 'ipv4';
  const ends = { localPort: local.port, remotePort: remote.port, local: local.ip, remote: remote.ip };
  // Cookies of the families differ: sockets of both are told apart by them.
  return { family, state, ...ends, cookie: BigInt(2 * cookie + (family === 'ipv6' ? 1 : 0)) };
}
