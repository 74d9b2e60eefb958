import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalIp, ipv4At, ipv6At, parseIpv4, parseIpv6 } from './ip.ts';

/** Node's URL parser prints the canonical form too, only never with a dotted tail. */
function byUrl(ip: string): string {
  const text = new URL(`http://[${ip}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(text);
  if (!mapped) return text;
  const bytes = mapped.slice(1).flatMap((g) => [Number.parseInt(g, 16) >> 8, Number.parseInt(g, 16) & 255]);
  return `::ffff:${bytes.join('.')}`;
}

// Few different characters, so that many texts are nearly addresses and some are.
const nearly = fc.string({ unit: fc.constantFrom(':', '::', '.', '0', '1', 'f', 'ffff', '1.2.3.4', '256', 'g', ' ') });

describe('text', () => {
  test('is read as Node reads it, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(nearly, fc.ipV4(), fc.ipV4Extended(), fc.ipV6()), (text) => {
        expect(parseIpv4(text) !== undefined).toBe(isIPv4(text));
        expect(parseIpv6(text) !== undefined).toBe(isIPv6(text));
      }),
      { numRuns: 5000 },
    );
  });

  test('of an IPv6 address is canonical', () => {
    fc.assert(
      fc.property(fc.ipV6(), (ip) => {
        expect(canonicalIp(ip)).toBe(byUrl(ip));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:ffff:c000:201', '::ffff:192.0.2.1'],
    ['::', '::'],
    ['1::', '1::'],
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2', undefined],
    ['fe80::1%3', undefined],
  ])('%s becomes %s', (text, canonical) => expect(canonicalIp(text)).toBe(canonical));
});

describe('bytes', () => {
  test('of many addresses, seen again and again, are never taken for another address', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 }), { minLength: 1, maxLength: 50 }),
        (addresses) => {
          for (const bytes of [...addresses, ...addresses]) {
            const b = Buffer.concat([Buffer.alloc(3), bytes]);
            expect(parseIpv6(ipv6At(b, 3))).toEqual(Uint8Array.from(bytes));
            expect(parseIpv4(ipv4At(b, 3))).toEqual(Uint8Array.from(bytes.subarray(0, 4)));
          }
        },
      ),
    );
  });

  test('that share the place where the text is remembered are told apart', () => {
    const b = Buffer.alloc(4);
    // More addresses than places, in two rounds.
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 5000; i++) {
        b.writeUInt32BE(0x0a000000 + i);
        const text = ipv4At(b, 0);
        if (text !== `10.0.${i >> 8}.${i & 255}`) expect.fail(`${b.toString('hex')} became ${text}`);
      }
    }
    expect(ipv4At(Buffer.alloc(4), 0)).toBe('0.0.0.0');
    expect(ipv6At(Buffer.alloc(16), 0)).toBe('::');
  });
});
