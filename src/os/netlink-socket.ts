import * as c from './constants.ts';
import * as libc from './libc.ts';
import { poll, type Watch } from './poll.ts';
import { check, SystemError } from './system-error.ts';

/** Larger than any datagram that the kernel builds: dumps come in up to 32 KiB, notifications in less. */
const BUFFER_SIZE = 65536;

/** What {@link NetlinkSocket.receive} returns when no datagram waits. */
export const NOTHING = -1;

/**
 * An AF_NETLINK socket, non-blocking, with extended ACKs, capped ACKs and strict checking of dump requests.
 * It acts on the network namespace in which it was opened.
 */
export class NetlinkSocket {
  /** The latest datagram that {@link receive} took; the next call overwrites it. */
  readonly buffer = Buffer.alloc(BUFFER_SIZE);
  /** Datagrams longer than the buffer, cut short by the kernel. */
  truncated = 0;
  /** Datagrams that another process sent, left unread: whoever holds CAP_NET_ADMIN may multicast into any group. */
  foreign = 0;
  /** The netlink protocol, as NETLINK_ROUTE (0) or NETLINK_GENERIC (16). */
  readonly protocol: number;

  #fd: number;
  readonly #sender = Buffer.alloc(12);
  readonly #senderLength = new Uint32Array(1);
  readonly #senderLengthBytes = new Uint8Array(this.#senderLength.buffer);
  readonly #senderWords = new Uint32Array(this.#sender.buffer, this.#sender.byteOffset, 3);
  readonly #meminfo = new Uint32Array(c.SK_MEMINFO_VARS);
  readonly #meminfoBytes = new Uint8Array(this.#meminfo.buffer);
  readonly #meminfoLength = new Uint32Array(1);
  readonly #meminfoLengthBytes = new Uint8Array(this.#meminfoLength.buffer);
  #watch: Watch | undefined;

  constructor(protocol: number) {
    this.protocol = protocol;
    const type = c.SOCK_RAW | c.SOCK_CLOEXEC | c.SOCK_NONBLOCK;
    this.#fd = check(libc.socket(c.AF_NETLINK, type, protocol), 'socket', `netlink protocol ${protocol}`);
    try {
      const address = Buffer.alloc(12); // struct sockaddr_nl: the kernel picks a free port id
      new Uint16Array(address.buffer, address.byteOffset, 1)[0] = c.AF_NETLINK;
      check(libc.bindAddress(this.#fd, address, address.length), 'bind', `netlink protocol ${protocol}`);
      for (const name of [c.NETLINK_EXT_ACK, c.NETLINK_CAP_ACK, c.NETLINK_GET_STRICT_CHK]) {
        this.#set(c.SOL_NETLINK, name, 1, `netlink option ${name}`);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get closed(): boolean {
    return this.#fd < 0;
  }

  /** Sends one datagram, one or more whole messages, to the kernel. */
  send(datagram: Uint8Array): void {
    let n: number;
    do n = libc.send(this.#fd, datagram, datagram.length, 0);
    while (n === -c.EINTR);
    check(n, 'send', `netlink protocol ${this.protocol}`);
  }

  /**
   * Takes the next datagram into {@link buffer}: its length, or {@link NOTHING}. Truncated datagrams and those that
   * the kernel did not send are counted and passed over.
   */
  receive(): number {
    for (;;) {
      this.#senderLength[0] = 12;
      const n = libc.recvfrom(
        this.#fd,
        this.buffer,
        BUFFER_SIZE,
        c.MSG_DONTWAIT | c.MSG_TRUNC,
        this.#sender,
        this.#senderLengthBytes,
      );
      if (n >= 0) {
        if (this.#senderWords[1] !== 0) this.foreign++;
        else if (n > BUFFER_SIZE) this.truncated++;
        else return n;
      } else if (n === -c.EAGAIN) {
        return NOTHING;
      } else if (n !== -c.EINTR) {
        throw new SystemError('recvfrom', -n, `netlink protocol ${this.protocol}`);
      }
    }
  }

  /** Subscribes to a multicast group. From then on an overrun is silent but counted: {@link drops}. */
  join(group: number): void {
    // Without ENOBUFS an overrun neither raises POLLERR nor marks the socket congested (af_netlink.c, netlink_overrun).
    this.#set(c.SOL_NETLINK, c.NETLINK_NO_ENOBUFS, 1, 'NETLINK_NO_ENOBUFS');
    this.#set(c.SOL_NETLINK, c.NETLINK_ADD_MEMBERSHIP, group, `netlink group ${group}`);
  }

  /**
   * Asks for room for `bytes` of datagrams: beyond net.core.rmem_max with CAP_NET_ADMIN, up to it without.
   * @returns whether the full size was granted
   */
  receiveBuffer(bytes: number): boolean {
    const value = Uint8Array.from(new Uint8Array(Int32Array.of(bytes).buffer));
    if (libc.setsockopt(this.#fd, c.SOL_SOCKET, c.SO_RCVBUFFORCE, value, 4) >= 0) return true;
    this.#set(c.SOL_SOCKET, c.SO_RCVBUF, bytes, 'SO_RCVBUF');
    const granted = new Int32Array(1);
    const length = new Uint8Array(Uint32Array.of(4).buffer);
    const into = new Uint8Array(granted.buffer);
    check(libc.getsockopt(this.#fd, c.SOL_SOCKET, c.SO_RCVBUF, into, length), 'getsockopt', 'SO_RCVBUF');
    // The kernel doubles what it is asked for, for its own bookkeeping (socket(7)), after it has cut it to the limit.
    return (granted[0] ?? 0) >= 2 * bytes;
  }

  /** How many datagrams the kernel has dropped on this socket because its buffer was full. */
  drops(): number {
    this.#meminfoLength[0] = this.#meminfoBytes.length;
    const r = libc.getsockopt(this.#fd, c.SOL_SOCKET, c.SO_MEMINFO, this.#meminfoBytes, this.#meminfoLengthBytes);
    check(r, 'getsockopt', 'SO_MEMINFO');
    return this.#meminfo[c.SK_MEMINFO_DROPS] ?? 0;
  }

  /** Calls `ready` whenever datagrams wait. Once a socket; ends with {@link close}. */
  watch(ready: () => void): void {
    if (this.#watch) throw new Error('this netlink socket is watched already');
    this.#watch = poll(this.#fd, ready);
  }

  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    // The kernel gives the number to the next socket: a late call must meet EBADF, not that one.
    this.#fd = -1;
    this.#watch?.close();
    libc.close(fd);
  }

  #set(level: number, name: number, value: number, subject: string): void {
    const bytes = new Uint8Array(Int32Array.of(value).buffer);
    check(libc.setsockopt(this.#fd, level, name, bytes, 4), 'setsockopt', subject);
  }
}
