import type { LocalAddress } from '../plugin-api/index.ts';

/** Whether an address is within the prefix of a local one. */
export function sameSubnet({ ip, prefixLength }: LocalAddress, other: string): boolean {
  const [a, b] = [bytesOf(ip), bytesOf(other)];
  if (a.length !== b.length) return false;
  return a.every((byte, i) => {
    const bits = Math.min(8, Math.max(0, prefixLength - 8 * i));
    return (byte ^ (b[i] ?? 0)) >> (8 - bits) === 0;
  });
}

/** The bytes of an address in canonical text form (RFC 5952). */
function bytesOf(ip: string): readonly number[] {
  if (!ip.includes(':')) return ip.split('.').map(Number);
  const [head = '', tail] = ip.split('::');
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  return [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]);
}

const groups = (part: string): number[] =>
  part
    .split(':')
    .filter(Boolean)
    .map((group) => Number.parseInt(group, 16));
