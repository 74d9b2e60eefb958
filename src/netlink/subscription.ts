import type { CodecError } from './errors.ts';
import { newFrame, readFrame } from './frame.ts';
import type { Socket } from './socket.ts';

/** Datagrams taken in one turn of the event loop; what is left comes in the next. */
const BUDGET = 512;

export interface Listener {
  /** One message: its type and the offsets of what follows its header. The bytes are valid until it returns. */
  message(b: Buffer, body: number, end: number, type: number): void;
  /** So many datagrams were lost, since the last time. What is known may no longer be true. */
  lost(count: number): void;
  /** A datagram that is not made of whole messages; the rest of it is passed over. */
  malformed(error: CodecError | unknown): void;
}

/** Watches a socket that has joined its groups, and hands on every message. Closing the socket ends it. */
export function subscribe(socket: Socket, listener: Listener): void {
  const frame = newFrame();
  let seenDrops = socket.drops();
  let seenTruncated = 0;
  socket.watch(() => {
    for (let i = 0; i < BUDGET; i++) {
      const length = socket.receive();
      if (length < 0) break;
      try {
        for (let at = 0; at < length; at = frame.next) {
          readFrame(frame, socket.buffer, at, length);
          listener.message(socket.buffer, frame.body, frame.end, frame.type);
        }
      } catch (error) {
        listener.malformed(error);
      }
    }
    const drops = socket.drops();
    const lost = ((drops - seenDrops) >>> 0) + (socket.truncated - seenTruncated);
    seenDrops = drops;
    seenTruncated = socket.truncated;
    if (lost > 0) listener.lost(lost);
  });
}
