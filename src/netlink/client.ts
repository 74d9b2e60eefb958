import { errnoName } from '../os/index.ts';
import { NetlinkError, NoAnswerError, type Result } from './errors.ts';
import { beginFrame, endFrame, flags, HEADER_SIZE } from './frame.ts';
import type { Operation } from './operation.ts';
import { type Outcome, Reply } from './reply.ts';
import type { Socket } from './socket.ts';
import { Writer } from './writer.ts';

/** How often a dump is asked for again when what it lists changes while it is read. */
const TORN_DUMP_TRIES = 10;
/** Answers are there at once: what goes on for so many milliseconds without a message of this request ends never. */
const SILENCE_MS = 1000;
/** However much there is to be read, it ends after this. */
const LONGEST_MS = 10_000;

/**
 * Requests and their answers on a socket of their own, so that no flood of events stands before an answer.
 * Synchronous: the kernel has queued its answer by the time that send(2) returns.
 */
export class Client {
  readonly #socket: Socket;
  readonly #writer = new Writer();
  #sequence = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * Sends one request.
   * @param type the message type: the family's number, or rtnetlink's
   * @returns the answer, undefined where an ACK is all there is; or the kernel's refusal
   * @throws CodecError where the request cannot be written or the answer not be read, NoAnswerError where none comes within
   * a second, SystemError where the socket fails
   */
  request<Request, Answer>(op: Operation<Request, Answer>, type: number, request: Request): Result<Answer | undefined> {
    let answer: Answer | undefined;
    const outcome = this.#exchange(op, type, request, op.answers ? 0 : flags.ack, (b, body, end) => {
      answer = op.read(b, body, end);
    });
    return outcome.errno === 0 ? { ok: true, value: answer } : { ok: false, error: this.#refusal(op, outcome) };
  }

  /** Asks for everything there is; a dump that was torn by a change is asked for again. */
  dump<Request, Answer>(op: Operation<Request, Answer>, type: number, request: Request): Result<Answer[]> {
    for (let tries = 0; tries < TORN_DUMP_TRIES; tries++) {
      const answers: Answer[] = [];
      const outcome = this.#exchange(op, type, request, flags.dump, (b, body, end) => {
        answers.push(op.read(b, body, end));
      });
      if (outcome.errno !== 0) return { ok: false, error: this.#refusal(op, outcome) };
      if (!outcome.interrupted) return { ok: true, value: answers };
    }
    const words = `changed while it was read, ${TORN_DUMP_TRIES} times in a row`;
    return { ok: false, error: NetlinkError.of(op.name, 'EINTR', words) };
  }

  close(): void {
    this.#socket.close();
  }

  #exchange<Request>(
    op: Operation<Request, unknown>,
    type: number,
    request: Request,
    extraFlags: number,
    message: (b: Buffer, body: number, end: number, type: number) => void,
  ): Outcome {
    const sequence = this.#nextSequence();
    const w = this.#writer;
    w.reset();
    const at = beginFrame(w, type, flags.request | extraFlags, sequence);
    op.write(w, request);
    endFrame(w, at);
    this.#socket.send(w.bytes);

    const truncated = this.#socket.truncated;
    const reply = new Reply(sequence, extraFlags !== 0, message);
    const patience = new Patience();
    while (!reply.outcome) {
      const length = this.#socket.receive();
      const cut = this.#socket.truncated !== truncated;
      if (length < 0) throw new NoAnswerError(op.name, cut ? 'the answer is longer than any should be' : undefined);
      try {
        reply.add(this.#socket.buffer, length);
        if (!reply.outcome && patience.isOver(reply.own)) throw new NoAnswerError(op.name, 'the answer does not end');
      } catch (error) {
        this.#drain();
        throw error;
      }
    }
    // A part of the dump was cut off: it is as good as torn.
    if (this.#socket.truncated !== truncated) return { ...reply.outcome, interrupted: true };
    return reply.outcome;
  }

  /** A dump that is left half read makes the kernel refuse the next one with EBUSY (af_netlink.c, __netlink_dump_start). */
  #drain(): void {
    const end = performance.now() + SILENCE_MS;
    while (this.#socket.receive() >= 0 && performance.now() < end);
  }

  #nextSequence(): number {
    this.#sequence = (this.#sequence + 1) >>> 0 || 1;
    return this.#sequence;
  }

  /** The extended ACK counts offsets from the request's header; the request is still in the writer. */
  #refusal<Request>(op: Operation<Request, unknown>, outcome: Outcome): NetlinkError {
    const { bytes } = this.#writer;
    let path: readonly string[] = [];
    if (outcome.offset !== undefined) {
      path = op.locate(bytes, HEADER_SIZE, bytes.length, outcome.offset);
    } else if (outcome.missingType !== undefined) {
      path = op.nameOf(bytes, HEADER_SIZE, bytes.length, outcome.missingType, outcome.missingNest);
    }
    const words = outcome.message ?? (outcome.missingType === undefined ? undefined : 'attribute missing');
    return NetlinkError.of(op.name, errnoName(outcome.errno), words, path.length > 0 ? path : undefined);
  }
}

/** How long an answer is waited for. */
class Patience {
  readonly #start = performance.now();
  #heardAt = this.#start;
  #heard = 0;

  /** @param heard messages of this request, so far */
  isOver(heard: number): boolean {
    const now = performance.now();
    if (heard !== this.#heard) this.#heardAt = now;
    this.#heard = heard;
    return now - this.#heardAt > SILENCE_MS || now - this.#start > LONGEST_MS;
  }
}
