import { canonicalIp } from '../os/ip.ts';
import { CliError, incomplete, refused, status } from './cli-error.ts';

/** Whether a word is a keyword or an abbreviation of it, as iproute2 has it: any prefix but the empty one. */
export const matches = (word: string, keyword: string): boolean => word !== '' && keyword.startsWith(word);

/** The first of some keywords that a word may stand for: their order decides where several fit. */
export const pick = <K extends string>(word: string, keywords: readonly K[]): K | undefined =>
  keywords.find((keyword) => matches(word, keyword));

/** The words of the command line that are still to be read. */
export class Words {
  readonly #words: readonly string[];
  #at = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  /** The next word, which is then read; undefined at the end. */
  next(): string | undefined {
    return this.#words[this.#at++];
  }

  /** The next word, which is still to be read. */
  peek(): string | undefined {
    return this.#words[this.#at];
  }

  /** The value that a keyword takes. */
  value(): string {
    const word = this.next();
    if (word === undefined) throw incomplete();
    return word;
  }
}

/** A whole number as strtoul(3) reads it: decimal, 0x… or octal with a leading 0; undefined above `max`. */
export function unsigned(word: string, max: number): number | undefined {
  const [, digits = ''] = /^\s*\+?(0[xX][0-9a-fA-F]+|\d+)$/.exec(word) ?? [];
  if (digits === '' || (/^0\d/.test(digits) && !/^[0-7]+$/.test(digits))) return undefined;
  const value = Number(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return value <= max ? value : undefined;
}

/**
 * An address as iproute2 reads it: missing bytes of an IPv4 address are 0, and its numbers may be hexadecimal or octal.
 * @returns its canonical form
 */
export function address(word: string): string {
  // No address at all: iproute2 sends none, and the kernel says this.
  if (['default', 'any', 'all'].includes(word)) {
    throw refused({ errno: 'ERANGE', extack: 'binary attribute size out of range' });
  }
  const ip = canonicalIp(word.includes(':') ? word : (fullIpv4(word) ?? ''));
  if (ip !== undefined) return ip;
  throw new CliError(status.failed, `Error: any valid address is expected rather than "${word}".\n`);
}

/** Whether an address means something on one interface only (fe80::/10). */
export const isLinkLocal = (ip: string): boolean => /^fe[89ab][0-9a-f]:/.test(ip);

function fullIpv4(word: string): string | undefined {
  const bytes = word.split('.').map((part) => unsigned(part, 255));
  if (bytes.length > 4 || bytes.includes(undefined)) return undefined;
  return [...bytes, 0, 0, 0].slice(0, 4).join('.');
}

/** An address as inet_ntop(3) shows it: the long obsolete IPv4-compatible ones end in dotted form there. */
export function showIp(ip: string): string {
  const [, high = '', low = ''] = /^::([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(ip) ?? [];
  if (high === '') return ip;
  const bytes = [high, low].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
  return `::${bytes.join('.')}`;
}
