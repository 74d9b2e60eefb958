import * as c from './constants.ts';
import * as libc from './libc.ts';
import { encodeUnix } from './sockaddr.ts';
import { check, SystemError } from './system-error.ts';

/** An AF_UNIX datagram socket: what sd_notify(3), the journal and syslog(3) speak, and Node has not. Non-blocking. */
export class UnixDatagram {
  #fd: number;

  /** @param path where to listen; none for a socket that only sends. A leading `@` means the abstract namespace. */
  constructor(path?: string) {
    const type = c.SOCK_DGRAM | c.SOCK_CLOEXEC | c.SOCK_NONBLOCK;
    this.#fd = check(libc.socket(c.AF_UNIX, type, 0), 'socket', 'unix datagram');
    if (path === undefined) return;
    try {
      const address = encodeUnix(path);
      check(libc.bindAddress(this.#fd, address, address.length), 'bind', path);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Sends one datagram.
   * @returns false where the receiver's queue is full (EAGAIN): nothing was sent
   * @throws SystemError where nobody listens (ENOENT, ECONNREFUSED) or the datagram is too large (EMSGSIZE)
   */
  sendTo(path: string, data: Uint8Array): boolean {
    const address = encodeUnix(path);
    const flags = c.MSG_DONTWAIT | c.MSG_NOSIGNAL;
    const n = libc.sendto(this.#fd, data, data.length, flags, address, address.length);
    if (n === -c.EAGAIN) return false;
    if (n < 0) throw new SystemError('sendto', -n, path);
    return true;
  }

  /** The next datagram, or undefined where none waits. */
  receive(maximum = 65536): Buffer | undefined {
    const buffer = Buffer.alloc(maximum);
    const n = libc.recv(this.#fd, buffer, maximum, c.MSG_DONTWAIT);
    if (n === -c.EAGAIN) return undefined;
    return buffer.subarray(0, check(n, 'recv', 'unix datagram'));
  }

  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    // The kernel gives the number to the next socket: a late call must meet EBADF, not that one.
    this.#fd = -1;
    libc.close(fd);
  }
}
