/**
 * A netlink socket as this room needs it: the kernel's is os/'s NetlinkSocket, and a test may stand another one in.
 * Datagrams come one at a time into {@link buffer}, which the next {@link receive} overwrites.
 */
export interface Socket {
  readonly buffer: Buffer;
  /** How many datagrams were too long for the buffer and are lost. */
  readonly truncated: number;
  readonly closed: boolean;
  send(datagram: Uint8Array): void;
  /** The length of the next datagram, now in the buffer; -1 where none waits. */
  receive(): number;
  /** Subscribes to a multicast group. */
  join(group: number): void;
  /** Asks for room for so many bytes of datagrams; whether it was granted in full. */
  receiveBuffer(bytes: number): boolean;
  /** How many datagrams the kernel has dropped for want of room. */
  drops(): number;
  /** Calls `ready` when datagrams wait. */
  watch(ready: () => void): void;
  close(): void;
}

/** Opens a socket of a netlink protocol. */
export type OpenSocket = (protocol: number) => Socket;
