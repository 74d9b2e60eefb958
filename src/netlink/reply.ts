import { attrSet } from './attr-set.ts';
import { CodecError } from './errors.ts';
import { flags, HEADER_SIZE, newFrame, readFrame, types } from './frame.ts';
import { s32At, u32At } from './host-order.ts';
import { binary, text, u32 } from './types.ts';
import { align4 } from './writer.ts';

/** The attributes of an extended ACK (enum nlmsgerr_attrs). */
export const extack = attrSet('extack', {
  message: [1, text],
  /** Offset of the attribute that the kernel complains of, counted from the request's header. */
  offset: [2, u32],
  cookie: [3, binary],
  policy: [4, binary],
  /** The number of a required attribute that is missing … */
  missingType: [5, u32],
  /** … and the offset of the nest that should hold it; absent at the top. */
  missingNest: [6, u32],
});

/** What the kernel said of a request. */
export interface Outcome {
  /** 0, or a positive errno. */
  readonly errno: number;
  readonly message?: string;
  readonly offset?: number;
  readonly missingType?: number;
  readonly missingNest?: number;
  /** The dump is torn: what it lists changed while it was read (NLM_F_DUMP_INTR). */
  readonly interrupted: boolean;
}

/**
 * Takes the answer to one request apart, datagram by datagram. Pure: it is given bytes and says whether more must come.
 * Messages of other sequence numbers (late answers to a request that was given up) are passed over.
 */
export class Reply {
  #outcome: Outcome | undefined;
  #interrupted = false;
  /** Messages whose sequence number was not this request's. */
  strays = 0;
  /** Messages of this request. */
  own = 0;

  readonly #frame = newFrame();
  readonly #sequence: number;
  readonly #acked: boolean;
  readonly #message: (b: Buffer, body: number, end: number, type: number) => void;

  /**
   * @param acked the request asked for an ACK or for a dump: only that ends the answer; otherwise the first message does
   * @param message called for each message of the answer, with the offsets of what follows its header
   */
  constructor(sequence: number, acked: boolean, message: (b: Buffer, body: number, end: number, type: number) => void) {
    this.#sequence = sequence;
    this.#acked = acked;
    this.#message = message;
  }

  /** How it ended; undefined as long as more must come. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** @throws CodecError where the datagram is not made of whole messages */
  add(b: Buffer, length: number): void {
    const frame = this.#frame;
    for (let at = 0; at < length && !this.#outcome; at = frame.next) {
      readFrame(frame, b, at, length);
      if (frame.sequence !== this.#sequence) {
        this.strays++;
        continue;
      }
      this.own++;
      if (frame.flags & flags.dumpInterrupted) this.#interrupted = true;
      if (frame.type === types.error) {
        this.#end(b, frame.body, frame.end, frame.flags, true);
      } else if (frame.type === types.done) {
        this.#end(b, frame.body, frame.end, frame.flags, false);
      } else if (frame.type >= types.min) {
        this.#message(b, frame.body, frame.end, frame.type);
        if (!this.#acked && !(frame.flags & flags.multi)) this.#outcome = { errno: 0, interrupted: this.#interrupted };
      }
    }
  }

  /**
   * NLMSG_ERROR (which is the ACK too) and NLMSG_DONE both start with a negated errno; a dump that fails says so in
   * NLMSG_DONE. The request follows in an error: its header only when capped, all of it otherwise.
   */
  #end(b: Buffer, body: number, end: number, frameFlags: number, isError: boolean): void {
    const hasErrno = end - body >= 4;
    if (isError && !hasErrno) throw new CodecError('NL_TRUNCATED', 'no room for an errno');
    const errno = hasErrno ? -s32At(b, body) : 0;
    let at = body + 4;
    if (isError && at + HEADER_SIZE <= end) {
      const request = frameFlags & flags.capped ? HEADER_SIZE : u32At(b, at);
      if (request < HEADER_SIZE || request > end - at) {
        throw new CodecError('NL_TRUNCATED', `a request of ${request} bytes in ${end - at}`);
      }
      at += align4(request);
    }
    const words = frameFlags & flags.ackTlvs && at < end ? extack.decode(b, at, end) : {};
    this.#outcome = {
      errno: Math.max(errno, 0),
      interrupted: this.#interrupted,
      ...(words.message === undefined ? {} : { message: words.message }),
      ...(words.offset === undefined ? {} : { offset: words.offset }),
      ...(words.missingType === undefined ? {} : { missingType: words.missingType }),
      ...(words.missingNest === undefined ? {} : { missingNest: words.missingNest }),
    };
  }
}
