import { PROTOCOL as GENERIC } from '../netlink/families/nlctrl.ts';
import { beginFrame, endFrame, flags, HEADER_SIZE, newFrame, readFrame, types } from '../netlink/frame.ts';
import { extack } from '../netlink/reply.ts';
import type { OpenSocket, Socket } from '../netlink/socket.ts';
import { Writer } from '../netlink/writer.ts';
import { errnoNumber } from '../os/index.ts';

/** As the daemon's sockets have it. */
const BUFFER_SIZE = 65_536;

/** A request as a fake kernel's family sees it: what follows the message header. */
export interface FakeRequest {
  readonly type: number;
  readonly dump: boolean;
  readonly b: Buffer;
  readonly body: number;
  readonly end: number;
}

/** One message of an answer: its type, and what writes its body. */
export interface FakeMessage {
  readonly type: number;
  write(w: Writer): void;
}

/** The kernel says no. */
export class FakeRefusal extends Error {
  readonly errno: string;
  readonly text: string | undefined;
  constructor(errno: string, text?: string) {
    super(text ?? errno);
    this.errno = errno;
    this.text = text;
  }
}

/** Answers requests of one protocol; undefined where it knows nothing of the message type. */
export type FakeFamily = (request: FakeRequest) => readonly FakeMessage[] | undefined;

/** Netlink without a kernel: sockets whose requests are answered from tables, and multicast between them. */
export class FakeNetlink {
  /** How many messages wait at a multicast socket at most, until it is read: further ones are lost, and counted. */
  capacity = Number.POSITIVE_INFINITY;
  /** So many dumps are torn: what they list changes while they are read. */
  torn = 0;
  /** Nothing is answered. */
  mute = false;
  /** Multicast messages are too long for any buffer. */
  overlong = false;
  readonly #families = new Map<number, FakeFamily[]>();
  readonly #sockets = new Set<FakeSocket>();

  /** Adds a family; the newest is asked first. */
  add(protocol: number, family: FakeFamily): void {
    this.#families.set(protocol, [family, ...(this.#families.get(protocol) ?? [])]);
  }

  readonly openSocket: OpenSocket = (protocol) => {
    const socket = new FakeSocket(protocol, this.#answer, () => this.#sockets.delete(socket));
    this.#sockets.add(socket);
    return socket;
  };

  /** How many sockets are open. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Sends a message to every socket of the group. */
  multicast(protocol: number, group: number, message: FakeMessage): void {
    this.deliver(protocol, group, this.overlong ? Buffer.alloc(BUFFER_SIZE + 1) : frame(message, 0, 0));
  }

  /** Takes every socket out of a group that is gone. */
  leave(protocol: number, group: number): void {
    for (const socket of this.#sockets) if (socket.protocol === protocol) socket.groups.delete(group);
  }

  /** Sends bytes to every socket of the group, whatever they are. */
  deliver(protocol: number, group: number, datagram: Buffer): void {
    for (const socket of this.#sockets) {
      if (socket.protocol === protocol && socket.groups.has(group)) socket.deliver(datagram, this.capacity);
    }
  }

  readonly #answer = (protocol: number, datagram: Buffer): Buffer[] => {
    const header = readFrame(newFrame(), datagram, 0, datagram.length);
    if (this.mute) return [];
    const dump = (header.flags & flags.dump) === flags.dump;
    const torn = dump && this.torn > 0 ? flags.dumpInterrupted : 0;
    if (torn) this.torn--;
    const request = { type: header.type, dump, b: datagram, body: header.body, end: header.end };
    try {
      const messages = this.#ask(protocol, request);
      const replies = messages.map((each) => frame(each, dump ? flags.multi : 0, header.sequence));
      if (dump) replies.push(frame({ type: types.done, write: (w) => w.s32(0) }, flags.multi | torn, header.sequence));
      else if (header.flags & flags.ack) replies.push(verdict(datagram, header.sequence, 0));
      return replies;
    } catch (error) {
      if (!(error instanceof FakeRefusal)) throw error;
      return [verdict(datagram, header.sequence, errnoNumber(error.errno) ?? 22, error.text)];
    }
  };

  #ask(protocol: number, request: FakeRequest): readonly FakeMessage[] {
    for (const family of this.#families.get(protocol) ?? []) {
      const messages = family(request);
      if (messages) return messages;
    }
    // As generic netlink has it of a number that no family has (net/netlink/genetlink.c, genl_rcv_msg).
    throw new FakeRefusal(protocol === GENERIC ? 'ENOENT' : 'EOPNOTSUPP');
  }
}

function frame(message: FakeMessage, frameFlags: number, sequence: number): Buffer {
  const w = new Writer();
  const at = beginFrame(w, message.type, frameFlags, sequence);
  message.write(w);
  endFrame(w, at);
  return Buffer.from(w.bytes);
}

/** NLMSG_ERROR: the errno, the request's header, and the kernel's words. */
function verdict(request: Buffer, sequence: number, errno: number, text?: string): Buffer {
  const frameFlags = flags.capped | (text === undefined ? 0 : flags.ackTlvs);
  const write = (w: Writer): void => {
    w.s32(-errno);
    w.raw(request.subarray(0, HEADER_SIZE));
    if (text !== undefined) extack.encode(w, { message: text });
  };
  return frame({ type: types.error, write }, frameFlags, sequence);
}

class FakeSocket implements Socket {
  readonly protocol: number;
  readonly buffer = Buffer.alloc(BUFFER_SIZE);
  truncated = 0;
  closed = false;
  readonly groups = new Set<number>();
  readonly #answer: (protocol: number, datagram: Buffer) => Buffer[];
  readonly #closed: () => void;
  readonly #queue: Buffer[] = [];
  #ready: (() => void) | undefined;
  #scheduled = false;
  #drops = 0;

  constructor(protocol: number, answer: (protocol: number, datagram: Buffer) => Buffer[], closed: () => void) {
    this.protocol = protocol;
    this.#answer = answer;
    this.#closed = closed;
  }

  send(datagram: Uint8Array): void {
    this.#queue.push(...this.#answer(this.protocol, Buffer.from(datagram)));
  }
  receive(): number {
    for (let datagram = this.#queue.shift(); datagram; datagram = this.#queue.shift()) {
      if (datagram.length <= BUFFER_SIZE) return datagram.copy(this.buffer);
      this.truncated++;
    }
    return -1;
  }
  join(group: number): void {
    this.groups.add(group);
  }
  receiveBuffer(): boolean {
    return true;
  }
  drops(): number {
    return this.#drops;
  }
  watch(ready: () => void): void {
    this.#ready = ready;
    this.#schedule();
  }
  close(): void {
    this.#ready = undefined;
    this.closed = true;
    this.#closed();
  }

  deliver(datagram: Buffer, capacity: number): void {
    if (this.#queue.length >= capacity) {
      this.#drops++;
      return;
    }
    this.#queue.push(datagram);
    this.#schedule();
  }

  /** As the event loop would: once for all that waits. */
  #schedule(): void {
    if (this.#scheduled || !this.#ready || this.#queue.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#ready?.();
      this.#schedule();
    });
  }
}
