import type { CodecError } from './errors.ts';
import { newFrame, readFrame } from './frame.ts';
import type { Socket } from './socket.ts';

/** Datagrams taken in one turn of the event loop; what is left comes in the next. */
const BUDGET = 512;
/** What follows from one may take long, and others want their turn: no more begin after so many milliseconds. */
const TURN_MS = 20;
/** A flood that does not end is told of all the same: after so many datagrams what waited at first has been read. */
const MOST_BEHIND = 256 * BUDGET;

export interface Listener {
  /** One message: its type and the offsets of what follows its header. The bytes are valid until it returns. */
  message(b: Buffer, body: number, end: number, type: number): void;
  /**
   * So many datagrams were lost, since the last time: what is known may no longer be true. Told once what waited has been
   * read: it is older than what a reading of everything tells now, and would contradict it, without what was lost.
   */
  lost(count: number): void;
  /** Some were lost, and many wait to be read. */
  behind?(): void;
  /** A datagram that is not made of whole messages, or a message that fails; the rest of it is lost, and counted so. */
  malformed(error: CodecError | unknown): void;
}

/**
 * Watches a socket that has joined its groups, and hands on every message. Closing the socket ends it.
 * @param seenDrops losses up to this count are known: 0 where nobody has watched the socket before
 */
export function subscribe(socket: Socket, listener: Listener, seenDrops = socket.drops()): void {
  const frame = newFrame();
  let seen = seenDrops;
  let seenTruncated = 0;
  let lost = 0;
  let behind = 0;
  const turn = (): void => {
    let drained = false;
    let taken = 0;
    const end = performance.now() + TURN_MS;
    for (; taken < BUDGET && performance.now() < end; taken++) {
      const length = socket.receive();
      if (length < 0) {
        drained = true;
        break;
      }
      try {
        for (let at = 0; at < length; at = frame.next) {
          readFrame(frame, socket.buffer, at, length);
          listener.message(socket.buffer, frame.body, frame.end, frame.type);
        }
      } catch (error) {
        lost++;
        listener.malformed(error);
      }
    }
    const drops = socket.drops();
    lost += ((drops - seen) >>> 0) + (socket.truncated - seenTruncated);
    seen = drops;
    seenTruncated = socket.truncated;
    if (lost === 0) return;
    behind += taken;
    if (!drained && behind < MOST_BEHIND) {
      if (behind === taken) listener.behind?.();
      // Where nothing more waits after all, nobody calls again.
      setImmediate(() => {
        if (!socket.closed) turn();
      });
      return;
    }
    const count = lost;
    lost = 0;
    behind = 0;
    listener.lost(count);
  };
  socket.watch(turn);
}
