import { CodecError } from './errors.ts';
import { u16At, u32At } from './host-order.ts';
import { align4, type Writer } from './writer.ts';

/** The header of every netlink message (include/uapi/linux/netlink.h, struct nlmsghdr). */
export const HEADER_SIZE = 16;

export const flags = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  dumpInterrupted: 0x10,
  /** On an error: the request stands in it without its payload (NETLINK_CAP_ACK). */
  capped: 0x100,
  /** On an error or the end of a dump: extended ACK attributes follow. */
  ackTlvs: 0x200,
  root: 0x100,
  match: 0x200,
  dump: 0x300,
} as const;

/** Message types below this are netlink's own. */
const NLMSG_MIN_TYPE = 0x10;
export const types = { noop: 1, error: 2, done: 3, overrun: 4, min: NLMSG_MIN_TYPE } as const;

/** One message inside a datagram, as offsets: `body` … `end` is what follows the header. */
export interface Frame {
  type: number;
  flags: number;
  sequence: number;
  body: number;
  end: number;
  /** Where the next message starts. */
  next: number;
}

/**
 * Reads the header at `at` of a datagram of `length` bytes into `frame`, which is reused from message to message.
 * @throws CodecError NL_TRUNCATED where the datagram ends before the message does
 */
export function readFrame(frame: Frame, b: Buffer, at: number, length: number): Frame {
  const left = length - at;
  if (left < HEADER_SIZE) throw new CodecError('NL_TRUNCATED', `${left} bytes where a message header has 16`);
  const size = u32At(b, at);
  if (size < HEADER_SIZE || size > left) {
    throw new CodecError('NL_TRUNCATED', `a message of ${size} bytes in ${left}`);
  }
  frame.type = u16At(b, at + 4);
  frame.flags = u16At(b, at + 6);
  frame.sequence = u32At(b, at + 8);
  frame.body = at + HEADER_SIZE;
  frame.end = at + size;
  frame.next = at + align4(size);
  return frame;
}

export const newFrame = (): Frame => ({ type: 0, flags: 0, sequence: 0, body: 0, end: 0, next: 0 });

/** Opens a message; give the result to {@link endFrame}. */
export function beginFrame(w: Writer, type: number, messageFlags: number, sequence: number, port = 0): number {
  const at = w.length;
  w.u32(0);
  w.u16(type);
  w.u16(messageFlags);
  w.u32(sequence);
  w.u32(port);
  return at;
}

/** Closes the message opened at `at`: fills in its length and pads it. */
export function endFrame(w: Writer, at: number): void {
  w.patch32(at, w.length - at);
  w.zeros(align4(w.length) - w.length);
}
