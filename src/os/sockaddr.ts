import { endianness } from 'node:os';
import { AF_INET, AF_INET6, AF_UNIX } from './constants.ts';
import { ipv4At, ipv6At, parseIpv4, parseIpv6 } from './ip.ts';

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

const u32At = (buffer: Buffer, at: number): number => (LE ? buffer.readUInt32LE(at) : buffer.readUInt32BE(at));
// An interface's name is no scope: its index would have to be asked from the right network namespace.
const isScope = (text: string): boolean => /^\d{1,10}$/.test(text) && Number(text) <= 0xffffffff;

/** The size of the largest address here, struct sockaddr_in6. */
export const SOCKADDR_SIZE = 28;

/** struct sockaddr_in or sockaddr_in6 (port and address in network byte order). */
export function encodeInet({ ip, port }: Endpoint): Buffer {
  const v4 = parseIpv4(ip);
  if (v4) {
    const b = Buffer.alloc(16);
    u16(b, AF_INET);
    b.writeUInt16BE(port, 2);
    b.set(v4, 4);
    return b;
  }
  const [address = '', scope] = ip.split('%');
  const v6 = parseIpv6(address);
  if (!v6 || (scope !== undefined && !isScope(scope))) throw new TypeError(`not an IP address: ${ip}`);
  const b = Buffer.alloc(SOCKADDR_SIZE);
  u16(b, AF_INET6);
  b.writeUInt16BE(port, 2);
  b.set(v6, 8);
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
  if (u16At(b) === AF_INET) return { ip: ipv4At(b, 4), port };
  const scope = u32At(b, 24);
  return { ip: scope ? `${ipv6At(b, 8)}%${scope}` : ipv6At(b, 8), port };
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
