import type { Random } from './random.ts';

/** No datagram is longer, and no file or command line that anybody wrote. */
const MOST_BYTES = 65_536;
const bytes = [0, 1, 2, 3, 4, 5, 8, 15, 16, 0x7f, 0x80, 0xff];
const halves = [0, 1, 3, 4, 5, 8, 16, 0x7fff, 0x8000, 0xfffc, 0xffff];
const words = [0, 1, 3, 4, 16, 20, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];

type Mutation = (b: Buffer, random: Random, other: Buffer) => Buffer;

const somewhere = (b: Buffer, random: Random, align = 1): number => {
  const at = random.below(b.length);
  return at - (at % align);
};
const slice = (b: Buffer, random: Random): readonly [from: number, to: number] => {
  const from = random.below(b.length + 1);
  return [from, Math.min(b.length, from + random.below(33))];
};

/** In place where the length stays; each is given one byte at least. */
const mutations: readonly Mutation[] = [
  (b, random) => {
    b[somewhere(b, random)] = random.below(256);
    return b;
  },
  (b, random) => {
    b[somewhere(b, random)] = random.pick(bytes);
    return b;
  },
  (b, random) => {
    const at = somewhere(b, random);
    b[at] = (b[at] ?? 0) ^ (1 << random.below(8));
    return b;
  },
  // Lengths and numbers of attributes, and lengths of messages, stand at such places.
  (b, random) => {
    const at = somewhere(b, random, 2);
    if (at + 2 <= b.length) b.writeUInt16LE(random.pick(halves), at);
    return b;
  },
  (b, random) => {
    const at = somewhere(b, random, 4);
    if (at + 4 <= b.length) b.writeUInt32LE(random.pick(words), at);
    return b;
  },
  (b, random) => {
    const at = somewhere(b, random, 2);
    if (at + 2 <= b.length) b.writeUInt16LE((b.readUInt16LE(at) + random.below(9) + 0xfffc) & 0xffff, at);
    return b;
  },
  (b, random) => b.subarray(0, random.below(b.length + 1)),
  (b, random) => {
    const [from, to] = slice(b, random);
    return Buffer.concat([b.subarray(0, from), b.subarray(to)]);
  },
  (b, random) => {
    const [from, to] = slice(b, random);
    return Buffer.concat([b.subarray(0, to), b.subarray(from)]);
  },
  (b, random, other) => {
    const [from, to] = slice(other, random);
    const at = random.below(b.length + 1);
    return Buffer.concat([b.subarray(0, at), other.subarray(from, to), b.subarray(at)]);
  },
  (b, random, other) =>
    Buffer.concat([b.subarray(0, random.below(b.length + 1)), other.subarray(random.below(other.length + 1))]),
];

/** The same over and over: what takes more time than it should shows with length. */
function repeated(b: Buffer, random: Random): Buffer {
  const [from, to] = slice(b, random);
  if (to === from) return b;
  const times = random.below(Math.floor(MOST_BYTES / (to - from)));
  return Buffer.concat([b.subarray(0, from), ...Array<Buffer>(times).fill(b.subarray(from, to)), b.subarray(to)]);
}

/** Real bytes with something changed, put in or taken out. @param other further real bytes, to take pieces from */
export function mutate(seed: Buffer, other: Buffer, random: Random): Buffer {
  let b: Buffer = Buffer.from(seed);
  for (let left = 1 + random.below(4); left > 0; left--) {
    if (b.length === 0) b = Buffer.from(other);
    if (b.length === 0) return b;
    b = random.pick(mutations)(b, random, other);
  }
  if (random.below(2000) === 0) b = repeated(b, random);
  return b.length > MOST_BYTES ? b.subarray(0, MOST_BYTES) : b;
}
