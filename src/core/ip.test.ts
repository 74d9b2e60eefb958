import { describe, expect, test } from 'vitest';
import { familyOf, inFormOf, sameIp, unmapped } from './ip.ts';

describe('IPv4-mapped addresses', () => {
  test.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    // Not mapped: the last 32 bits are written in hex where the kernel's text is no IPv4 address.
    ['::ffff:1', '::ffff:1'],
    ['::', '::'],
  ])('%s is %s inside', (ip, plain) => {
    expect(unmapped(ip)).toBe(plain);
  });

  test.each([
    ['192.0.2.1', '::ffff:192.0.2.1', true],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.2', false],
    ['2001:db8::1', '2001:db8::1', true],
  ])('%s and %s are the same: %s', (a, b, same) => {
    expect(sameIp(a, b)).toBe(same);
    expect(sameIp(b, a)).toBe(same);
  });

  test.each([
    ['192.0.2.1', 'ipv4'],
    ['::ffff:192.0.2.1', 'ipv4'],
    ['2001:db8::1', 'ipv6'],
    ['::', 'ipv6'],
  ])('packets to %s are %s', (ip, family) => {
    expect(familyOf(ip)).toBe(family);
  });

  test.each([
    ['192.0.2.1', '::ffff:198.51.100.1', '::ffff:192.0.2.1'],
    ['::ffff:192.0.2.1', '198.51.100.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '::ffff:198.51.100.1', '::ffff:192.0.2.1'],
    ['192.0.2.1', '198.51.100.1', '192.0.2.1'],
    ['192.0.2.1', '2001:db8::1', '192.0.2.1'],
    ['2001:db8::1', '::ffff:198.51.100.1', '2001:db8::1'],
  ])('%s in the form of %s is %s', (ip, model, expected) => {
    expect(inFormOf(ip, model)).toBe(expected);
  });
});
