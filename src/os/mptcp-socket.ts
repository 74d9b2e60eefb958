import * as c from './constants.ts';
import * as libc from './libc.ts';
import { poll, type Watch } from './poll.ts';
import { decodeInet, type Endpoint, encodeInet, familyOf, SOCKADDR_SIZE } from './sockaddr.ts';
import { check, SystemError } from './system-error.ts';

const STREAM = c.SOCK_STREAM | c.SOCK_CLOEXEC | c.SOCK_NONBLOCK;
const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);
const show = ({ ip, port }: Endpoint): string => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

/** What all stream sockets here share: a descriptor, at most one watch, one close. */
abstract class Descriptor {
  #fd: number;
  #watch: Watch | undefined;

  protected constructor(fd: number) {
    this.#fd = fd;
  }

  protected get fd(): number {
    return this.#fd;
  }

  /** The socket's own end. */
  get local(): Endpoint {
    return name(libc.getsockname, this.fd, 'getsockname');
  }

  /** Calls `ready` whenever the socket is readable (or writable); a later call replaces an earlier one. */
  watch(ready: () => void, direction: 'readable' | 'writable' = 'readable'): void {
    this.#watch?.close();
    this.#watch = poll(this.fd, ready, direction);
  }

  unwatch(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    // The kernel gives the number to the next socket: a late call must meet EBADF, not that one.
    this.#fd = -1;
    this.unwatch();
    libc.close(fd);
  }
}

/** One Multipath TCP connection (IPPROTO_MPTCP), non-blocking. */
export class MptcpStream extends Descriptor {
  /** Where {@link connect} went, for errors. */
  readonly #to: string | undefined;

  private constructor(fd: number, to?: string) {
    super(fd);
    this.#to = to;
  }

  /** Wraps a descriptor that accept(2) gave. */
  static accepted(fd: number): MptcpStream {
    return new MptcpStream(fd);
  }

  /**
   * Starts to connect. The outcome is known once the socket is writable: {@link connected}.
   * @param from the own address to use, and a port (0: any)
   */
  static connect(to: Endpoint, from?: Endpoint): MptcpStream {
    const fd = check(libc.socket(familyOf(to.ip), STREAM, c.IPPROTO_MPTCP), 'socket', 'MPTCP');
    const stream = new MptcpStream(fd, show(to));
    try {
      if (from) {
        const address = encodeInet(from);
        check(libc.bindAddress(fd, address, address.length), 'bind', show(from));
      }
      const address = encodeInet(to);
      const r = libc.connect(fd, address, address.length);
      if (r < 0 && r !== -c.EINPROGRESS) throw new SystemError('connect', -r, show(to));
      return stream;
    } catch (error) {
      stream.close();
      throw error;
    }
  }

  /** Throws the reason why {@link connect} failed, if it did (SO_ERROR). */
  connected(): void {
    const error = new Int32Array(1);
    const length = new Uint8Array(Uint32Array.of(4).buffer);
    check(libc.getsockopt(this.fd, c.SOL_SOCKET, c.SO_ERROR, new Uint8Array(error.buffer), length), 'getsockopt');
    if (error[0]) throw new SystemError('connect', error[0], this.#to);
  }

  /** The other end. */
  get remote(): Endpoint {
    return name(libc.getpeername, this.fd, 'getpeername');
  }

  /** Writes what the socket takes now: the number of bytes, 0 where it is full. */
  write(data: Uint8Array): number {
    const n = libc.send(this.fd, data, data.length, c.MSG_DONTWAIT | c.MSG_NOSIGNAL);
    return n === -c.EAGAIN ? 0 : check(n, 'send', 'MPTCP connection');
  }

  /** Reads what is there: the number of bytes, 0 at the end of the stream, undefined where nothing waits. */
  read(into: Uint8Array): number | undefined {
    const n = libc.recv(this.fd, into, into.length, c.MSG_DONTWAIT);
    return n === -c.EAGAIN ? undefined : check(n, 'recv', 'MPTCP connection');
  }

  /** Sends no more; the other end reads to the end of the stream. */
  end(): void {
    check(libc.shutdown(this.fd, 1), 'shutdown', 'MPTCP connection');
  }

  /** Closes at once with a reset (MP_FASTCLOSE, RFC 8684 section 3.5) instead of an orderly end. */
  abort(): void {
    const linger = new Uint8Array(Int32Array.of(1, 0).buffer);
    check(libc.setsockopt(this.fd, c.SOL_SOCKET, c.SO_LINGER, linger, linger.length), 'setsockopt', 'SO_LINGER');
    this.close();
  }
}

/** A listening Multipath TCP socket. */
export class MptcpListener extends Descriptor {
  /**
   * @param at where to listen; port 0 lets the kernel choose, {@link local} tells. `::` takes IPv4 as well.
   * @throws SystemError EADDRINUSE, EADDRNOTAVAIL, EPROTONOSUPPORT (no MPTCP in the kernel), ENOPROTOOPT (switched off)
   */
  constructor(at: Endpoint, backlog = 128) {
    super(check(libc.socket(familyOf(at.ip), STREAM, c.IPPROTO_MPTCP), 'socket', 'MPTCP'));
    try {
      check(libc.setsockopt(this.fd, c.SOL_SOCKET, c.SO_REUSEADDR, int(1), 4), 'setsockopt', 'SO_REUSEADDR');
      if (at.ip === '::') {
        check(libc.setsockopt(this.fd, c.IPPROTO_IPV6, c.IPV6_V6ONLY, int(0), 4), 'setsockopt', 'IPV6_V6ONLY');
      }
      const address = encodeInet(at);
      check(libc.bindAddress(this.fd, address, address.length), 'bind', show(at));
      check(libc.listen(this.fd, backlog), 'listen', show(at));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The next connection that waits, or undefined. */
  accept(): MptcpStream | undefined {
    const length = new Uint8Array(Uint32Array.of(SOCKADDR_SIZE).buffer);
    const flags = c.SOCK_CLOEXEC | c.SOCK_NONBLOCK;
    const fd = libc.accept4(this.fd, Buffer.alloc(SOCKADDR_SIZE), length, flags);
    if (fd === -c.EAGAIN) return undefined;
    return MptcpStream.accepted(check(fd, 'accept', 'MPTCP listener'));
  }
}

function name(call: typeof libc.getsockname, fd: number, syscall: string): Endpoint {
  const address = Buffer.alloc(SOCKADDR_SIZE);
  const length = new Uint8Array(Uint32Array.of(SOCKADDR_SIZE).buffer);
  check(call(fd, address, length), syscall, 'MPTCP socket');
  return decodeInet(address);
}
