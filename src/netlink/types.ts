import { inspect } from 'node:util';
import type { AddrId, IfIndex, Ip, Token } from '../core/model/ids.ts';
import { errnoName, errnoNumber, ipv4At, ipv6At, parseIpv4, parseIpv6 } from '../os/index.ts';
import { CodecError } from './errors.ts';
import { s32At, u16At, u32At, u64At } from './host-order.ts';
import type { Writer } from './writer.ts';

/** How one value stands in a payload. Reading copies: nothing read refers to the buffer afterwards. */
export interface Type<T> {
  /** The name in errors and in the comparison with the kernel's policy: `u8`, `be16`, `binary`, `nested`, … */
  readonly kind: string;
  /** The exact size in bytes, where it is fixed. */
  readonly size?: number;
  /** Whether a value is of this type: for entries that may be one type or another. */
  accepts?(value: unknown): boolean;
  write(w: Writer, value: T): void;
  read(b: Buffer, at: number, length: number): T;
}

/** Refuses a value that its type cannot hold; `inspect` alone can show any value at all. */
const hold: (condition: boolean, kind: string, value: unknown) => asserts condition = (condition, kind, value) => {
  if (condition) return;
  const shown = typeof value === 'string' ? JSON.stringify(value) : inspect(value, { depth: 0, breakLength: Infinity });
  throw new CodecError('NL_OUT_OF_RANGE', `${shown} is no ${kind}`);
};
const whole = (value: unknown, low: number, high: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high;

function integer<T extends number = number>(
  kind: string,
  size: number,
  [low, high]: readonly [number, number],
  read: (b: Buffer, at: number) => number,
  write: (w: Writer, value: number) => void,
  wireKind = kind,
): Type<T> {
  return {
    kind: wireKind,
    size,
    read: read as (b: Buffer, at: number) => T,
    write: (w, value) => {
      hold(whole(value, low, high), kind, value);
      write(w, value);
    },
  };
}

const U8 = [0, 0xff] as const;
const U16 = [0, 0xffff] as const;
const U32 = [0, 0xffffffff] as const;
const S32 = [-0x80000000, 0x7fffffff] as const;
const readU8 = (b: Buffer, at: number): number => b[at] ?? 0;
const readBe16 = (b: Buffer, at: number): number => b.readUInt16BE(at);

export const u8 = integer('u8', 1, U8, readU8, (w, v) => w.u8(v));
export const u16 = integer('u16', 2, U16, u16At, (w, v) => w.u16(v));
export const u32 = integer('u32', 4, U32, u32At, (w, v) => w.u32(v));
export const s32 = integer('s32', 4, S32, s32At, (w, v) => w.s32(v));
/** Sixteen bits in network byte order, as the ports of events are. */
export const be16 = integer('be16', 2, U16, readBe16, (w, v) => w.be16(v));
/** A connection's token, host byte order. */
export const token = integer<Token>('token', 4, U32, u32At, (w, v) => w.u32(v), 'u32');
/** An address id. */
export const addrId = integer<AddrId>('address id', 1, U8, readU8, (w, v) => w.u8(v), 'u8');
/** An interface index, signed as the kernel's ints are. */
export const ifIndex = integer<IfIndex>('interface index', 4, S32, s32At, (w, v) => w.s32(v), 's32');

export const u64: Type<bigint> = {
  kind: 'u64',
  size: 8,
  read: u64At,
  write: (w, value) => {
    hold(typeof value === 'bigint' && value >= 0n && value < 1n << 64n, 'u64', value);
    w.u64(value);
  },
};

/** A byte that is a boolean: anything but 0 is true. */
export const bool: Type<boolean> = {
  kind: 'u8',
  size: 1,
  read: (b, at) => b[at] !== 0,
  write: (w, value) => {
    hold(typeof value === 'boolean', 'boolean', value);
    w.u8(value ? 1 : 0);
  },
};

/** An attribute whose presence is its value. */
export const flag: Type<true> = {
  kind: 'flag',
  size: 0,
  read: () => true,
  write: (_, value) => hold(value === true, 'flag (true, or left out)', value),
};

export const ipv4: Type<Ip> = {
  kind: 'ipv4',
  size: 4,
  accepts: (value) => typeof value === 'string' && !value.includes(':'),
  read: ipv4At,
  write: (w, value) => {
    const bytes = typeof value === 'string' ? parseIpv4(value) : undefined;
    hold(bytes !== undefined, 'IPv4 address', value);
    w.raw(bytes);
  },
};

export const ipv6: Type<Ip> = {
  kind: 'ipv6',
  size: 16,
  accepts: (value) => typeof value === 'string' && value.includes(':'),
  read: ipv6At,
  write: (w, value) => {
    const bytes = typeof value === 'string' ? parseIpv6(value) : undefined;
    hold(bytes !== undefined, 'IPv6 address', value);
    w.raw(bytes);
  },
};

/** The family in which an address is written: an IPv4-mapped one is IPv6 to the kernel, as its AF_INET6 sockets have it. */
export const writtenFamily = (ip: Ip): 'ipv4' | 'ipv6' => (ip.includes(':') ? 'ipv6' : 'ipv4');

/** An address whose family stands elsewhere: its length tells. */
export const ip: Type<Ip> = {
  kind: 'ip',
  read: (b, at, length) => {
    if (length === 4) return ipv4At(b, at);
    if (length === 16) return ipv6At(b, at);
    throw new CodecError('NL_BAD_LENGTH', `${length} bytes are no IP address`);
  },
  write: (w, value) => {
    hold(typeof value === 'string', 'IP address', value);
    (value.includes(':') ? ipv6 : ipv4).write(w, value);
  },
};

/** NUL-terminated text. */
export const text: Type<string> = {
  kind: 'text',
  accepts: (value) => typeof value === 'string',
  read: (b, at, length) => {
    let end = at;
    // Not indexOf: it would look beyond this text for a NUL.
    while (end < at + length && b[end] !== 0) end++;
    return b.toString('utf8', at, end);
  },
  write: (w, value) => {
    hold(typeof value === 'string' && !value.includes('\0'), 'text', value);
    w.raw(Buffer.from(`${value}\0`));
  },
};

/** Bytes of a length that is not fixed. */
export const binary: Type<Uint8Array> = {
  kind: 'binary',
  read: (b, at, length) => Uint8Array.prototype.slice.call(b, at, at + length),
  write: (w, value) => {
    hold(value instanceof Uint8Array, 'Uint8Array', value);
    w.raw(value);
  },
};

/** An errno as its name; 0 is never sent. */
export const errno = (base: Type<number>): Type<string> => ({
  ...base,
  read: (b, at, length) => errnoName(base.read(b, at, length)),
  write: (w, value) => {
    const number = typeof value === 'string' ? errnoNumber(value) : undefined;
    hold(number !== undefined, 'errno', value);
    base.write(w, number);
  },
});

/** A number that stands for a word; a number without a word stays a number. */
export const names = <W extends string>(base: Type<number>, words: Readonly<Record<number, W>>): Type<W | number> => {
  const numbers = new Map(Object.entries(words).map(([n, word]) => [word as W | number, Number(n)]));
  return {
    ...base,
    accepts: (value) => typeof value === 'number' || numbers.has(value as W),
    read: (b, at, length) => {
      const n = base.read(b, at, length);
      return words[n] ?? n;
    },
    write: (w, value) => {
      const number = typeof value === 'number' ? value : numbers.get(value);
      hold(number !== undefined, `word (${Object.values(words).join(', ')})`, value);
      base.write(w, number);
    },
  };
};

/** A set of flags as a list of words, in the order of the table; bits without a word are left out. */
export const flagList = <W extends string>(
  base: Type<number>,
  bits: Readonly<Record<W, number>>,
): Type<readonly W[]> => {
  const entries = Object.entries(bits) as [W, number][];
  return {
    ...base,
    read: (b, at, length) => {
      const value = base.read(b, at, length);
      return entries.filter(([, bit]) => (value & bit) !== 0).map(([word]) => word);
    },
    write: (w, value) => {
      hold(Array.isArray(value) as boolean, 'list of flags', value);
      let sum = 0;
      for (const word of value) {
        hold(Object.hasOwn(bits, word), `flag (${Object.keys(bits).join(', ')})`, word);
        sum |= bits[word];
      }
      base.write(w, sum >>> 0);
    },
  };
};
