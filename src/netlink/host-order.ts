import { endianness } from 'node:os';

/** Integers in host byte order: what netlink uses everywhere but where a table says otherwise. */
const LITTLE = endianness() === 'LE';

export const u16At: (b: Buffer, at: number) => number = LITTLE
  ? (b, at) => b.readUInt16LE(at)
  : (b, at) => b.readUInt16BE(at);
export const u32At: (b: Buffer, at: number) => number = LITTLE
  ? (b, at) => b.readUInt32LE(at)
  : (b, at) => b.readUInt32BE(at);
export const s32At: (b: Buffer, at: number) => number = LITTLE
  ? (b, at) => b.readInt32LE(at)
  : (b, at) => b.readInt32BE(at);
export const u64At: (b: Buffer, at: number) => bigint = LITTLE
  ? (b, at) => b.readBigUInt64LE(at)
  : (b, at) => b.readBigUInt64BE(at);

export const putU16: (b: Buffer, value: number, at: number) => void = LITTLE
  ? (b, value, at) => void b.writeUInt16LE(value, at)
  : (b, value, at) => void b.writeUInt16BE(value, at);
export const putU32: (b: Buffer, value: number, at: number) => void = LITTLE
  ? (b, value, at) => void b.writeUInt32LE(value, at)
  : (b, value, at) => void b.writeUInt32BE(value, at);
export const putS32: (b: Buffer, value: number, at: number) => void = LITTLE
  ? (b, value, at) => void b.writeInt32LE(value, at)
  : (b, value, at) => void b.writeInt32BE(value, at);
export const putU64: (b: Buffer, value: bigint, at: number) => void = LITTLE
  ? (b, value, at) => void b.writeBigUInt64LE(value, at)
  : (b, value, at) => void b.writeBigUInt64BE(value, at);
