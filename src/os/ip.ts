/**
 * IP addresses between wire and text. The text is canonical (RFC 5952, IPv4-mapped with a dotted tail), so that two
 * equal addresses are equal strings.
 */

/**
 * Remembers the text of addresses seen lately, so that events about the same few addresses make no new strings.
 * Direct-mapped: a newer address takes the slot of an older one, and the memory stays what it is.
 */
const SLOTS = 1024;
const words4 = new Uint32Array(SLOTS);
const texts4 = new Array<string>(SLOTS).fill('');
const words6 = new Uint32Array(4 * SLOTS);
const texts6 = new Array<string>(SLOTS).fill('');

const slotOf = (hash: number): number => (Math.imul(hash, 0x9e3779b1) >>> 22) & (SLOTS - 1);

/** The text of the four bytes at `at`. */
export function ipv4At(b: Buffer, at: number): string {
  const word = b.readUInt32BE(at);
  const slot = slotOf(word);
  let text = texts4[slot];
  if (words4[slot] !== word || !text) {
    text = `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;
    words4[slot] = word;
    texts4[slot] = text;
  }
  return text;
}

/** The text of the sixteen bytes at `at`. */
export function ipv6At(b: Buffer, at: number): string {
  const w0 = b.readUInt32BE(at);
  const w1 = b.readUInt32BE(at + 4);
  const w2 = b.readUInt32BE(at + 8);
  const w3 = b.readUInt32BE(at + 12);
  const slot = slotOf(w0 ^ Math.imul(w1, 3) ^ Math.imul(w2, 5) ^ Math.imul(w3, 7));
  const base = 4 * slot;
  let text = texts6[slot];
  if (words6[base] !== w0 || words6[base + 1] !== w1 || words6[base + 2] !== w2 || words6[base + 3] !== w3 || !text) {
    text = formatIpv6(w0, w1, w2, w3);
    words6[base] = w0;
    words6[base + 1] = w1;
    words6[base + 2] = w2;
    words6[base + 3] = w3;
    texts6[slot] = text;
  }
  return text;
}

function formatIpv6(w0: number, w1: number, w2: number, w3: number): string {
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) {
    return `::ffff:${w3 >>> 24}.${(w3 >>> 16) & 0xff}.${(w3 >>> 8) & 0xff}.${w3 & 0xff}`;
  }
  const groups: number[] = [];
  for (const word of [w0, w1, w2, w3]) groups.push(word >>> 16, word & 0xffff);
  const [start, length] = longestZeroRun(groups);
  const hex = groups.map((g) => g.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeroRun(groups: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  let start = 0;
  groups.forEach((group, i) => {
    if (group !== 0) start = i + 1;
    else if (i + 1 - start > best[1]) best = [start, i + 1 - start];
  });
  return best;
}

/** The four bytes of an IPv4 address in dotted form, or undefined where the text is none. */
export function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = parts[i] ?? '';
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

/** The sixteen bytes of an IPv6 address in any text form (RFC 4291 section 2.2), or undefined where it is none. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const left = parseGroups(halves[0] ?? '', halves.length === 1);
  const right = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : [];
  if (!left || !right) return undefined;
  const gap = 16 - left.length - right.length;
  if (halves.length === 2 ? gap < 2 : gap !== 0) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(left);
  bytes.set(right, 16 - right.length);
  return bytes;
}

function parseGroups(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (mayEndDotted && i === parts.length - 1 && part.includes('.')) {
      const dotted = parseIpv4(part);
      if (!dotted) return undefined;
      bytes.push(...dotted);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      const group = Number.parseInt(part, 16);
      bytes.push(group >> 8, group & 0xff);
    } else {
      return undefined;
    }
  }
  return bytes;
}

/** The canonical form of an address in text, or undefined where the text is no IP address. */
export function canonicalIp(text: string): string | undefined {
  const v4 = parseIpv4(text);
  if (v4) return ipv4At(Buffer.from(v4), 0);
  const v6 = parseIpv6(text);
  return v6 && ipv6At(Buffer.from(v6), 0);
}
