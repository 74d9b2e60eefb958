import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { endianness } from 'node:os';
import { AF_INET, AF_INET6, AF_UNIX } from './constants.ts';

/** An IP address in text form and a port. IPv6 link-local addresses may carry a scope: `fe80::1%3` (an index). */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

const LE = endianness() === 'LE';
const u16 = (buffer: Buffer, value: number): void =>
  void (LE ? buffer.writeUInt16LE(value) : buffer.writeUInt16BE(value));
const u16At = (buffer: Buffer): number => (LE ? buffer.readUInt16LE() : buffer.readUInt16BE());
const u32To = (buffer: Buffer, value: number, at: number): void =>
  void (LE ? buffer.writeUInt32LE(value, at) : buffer.writeUInt32BE(value, at));

/** The size of the largest address here, struct sockaddr_in6. */
export const SOCKADDR_SIZE = 28;

/** struct sockaddr_in or sockaddr_in6 (port and address in network byte order). */
export function encodeInet({ ip, port }: Endpoint): Buffer {
  if (isIPv4(ip)) {
    const b = Buffer.alloc(16);
    u16(b, AF_INET);
    b.writeUInt16BE(port, 2);
    b.set(ip.split('.').map(Number), 4);
    return b;
  }
  const [address = '', scope] = ip.split('%');
  if (!isIPv6(address)) throw new TypeError(`not an IP address: ${ip}`);
  const b = Buffer.alloc(SOCKADDR_SIZE);
  u16(b, AF_INET6);
  b.writeUInt16BE(port, 2);
  b.set(ipv6Bytes(address), 8);
  if (scope) u32To(b, Number(scope), 24);
  return b;
}

/** The family of an address in text form. */
export function familyOf(ip: string): number {
  return ip.includes(':') ? AF_INET6 : AF_INET;
}

/** The text form of a struct sockaddr_in or sockaddr_in6. */
export function decodeInet(b: Buffer): Endpoint {
  const port = b.readUInt16BE(2);
  if (u16At(b) === AF_INET) return { ip: b.subarray(4, 8).join('.'), port };
  const groups = Array.from({ length: 8 }, (_, i) => b.readUInt16BE(8 + 2 * i).toString(16)).join(':');
  return { ip: new SocketAddress({ family: 'ipv6', address: groups }).address, port };
}

/** struct sockaddr_un. A leading `@` or NUL means the abstract namespace. */
export function encodeUnix(path: string): Buffer {
  const abstract = path.startsWith('@') || path.startsWith('\0');
  const name = Buffer.from(abstract ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > 108) throw new TypeError(`path too long for a unix socket (107 bytes at most): ${path}`);
  const b = Buffer.alloc(2 + name.length);
  u16(b, AF_UNIX);
  name.copy(b, 2);
  return b;
}

function ipv6Bytes(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const text = dotted
    ? `${dotted[1]}${((Number(dotted[2]) << 8) | Number(dotted[3])).toString(16)}:${((Number(dotted[4]) << 8) | Number(dotted[5])).toString(16)}`
    : address;
  const [head = '', tail] = text.split('::');
  const left = head ? head.split(':') : [];
  const right = tail ? tail.split(':') : [];
  const middle = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...middle, ...right].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
