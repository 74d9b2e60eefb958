import { CodecError } from './errors.ts';
import { putS32, putU16, putU32, putU64 } from './host-order.ts';

/** Netlink aligns messages and attributes to four bytes. */
export const align4 = (n: number): number => (n + 3) & ~3;

/** Grows a datagram from front to back. Reused: {@link reset} starts the next one. */
export class Writer {
  #buffer: Buffer;
  length = 0;

  constructor(size = 512) {
    this.#buffer = Buffer.alloc(size);
  }

  reset(): void {
    this.length = 0;
  }

  /** What was written, not copied: valid until the next write. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }

  u8(value: number): void {
    const at = this.#grow(1);
    this.#buffer[at] = value;
  }
  u16(value: number): void {
    const at = this.#grow(2);
    putU16(this.#buffer, value, at);
  }
  be16(value: number): void {
    const at = this.#grow(2);
    this.#buffer.writeUInt16BE(value, at);
  }
  u32(value: number): void {
    const at = this.#grow(4);
    putU32(this.#buffer, value, at);
  }
  s32(value: number): void {
    const at = this.#grow(4);
    putS32(this.#buffer, value, at);
  }
  u64(value: bigint): void {
    const at = this.#grow(8);
    putU64(this.#buffer, value, at);
  }
  raw(value: Uint8Array): void {
    const at = this.#grow(value.length);
    this.#buffer.set(value, at);
  }
  zeros(count: number): void {
    const at = this.#grow(count);
    this.#buffer.fill(0, at, at + count);
  }

  /** Opens an attribute: its header, with the length to come. Give the result to {@link close}. */
  open(id: number): number {
    const at = this.length;
    this.u16(0);
    this.u16(id);
    return at;
  }
  /** Closes the attribute opened at `at`: fills in its length and pads it. */
  close(at: number): void {
    const length = this.length - at;
    if (length > 0xffff) throw new CodecError('NL_OUT_OF_RANGE', `${length} bytes are more than an attribute holds`);
    putU16(this.#buffer, length, at);
    this.zeros(align4(this.length) - this.length);
  }
  /** Overwrites four bytes written before. */
  patch32(at: number, value: number): void {
    putU32(this.#buffer, value, at);
  }

  /** Makes room. It may replace the buffer: only after it may {@link #buffer} be read. */
  #grow(count: number): number {
    const at = this.length;
    const need = at + count;
    if (need > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(need, 2 * this.#buffer.length));
      this.#buffer.copy(larger);
      this.#buffer = larger;
    }
    this.length = need;
    return at;
  }
}
