import { describe, expect, test } from 'vitest';
import { GoneAddresses } from './gone-addresses.ts';
import { asIfIndex } from './model/ids.ts';

const [ETH, WLAN] = [asIfIndex(1), asIfIndex(2)];
const IP = '10.0.1.1';

describe('gone addresses', () => {
  test('one that never was is not gone', () => {
    expect(new GoneAddresses().has(IP)).toBe(false);
    expect(new GoneAddresses().has(IP, ETH)).toBe(false);
  });

  test('one that went is, in either form, until it comes back', () => {
    const gone = new GoneAddresses();
    gone.came(IP, ETH);
    expect(gone.has(IP)).toBe(false);
    gone.went(IP, ETH);
    expect([gone.has(IP), gone.has(IP, ETH), gone.has(`::ffff:${IP}`)]).toEqual([true, true, true]);
    gone.came(IP, ETH);
    expect([gone.has(IP), gone.has(IP, ETH)]).toEqual([false, false]);
  });

  test('IPv6 as well', () => {
    const gone = new GoneAddresses();
    gone.came('2001:db8::1', ETH);
    gone.went('2001:db8::1', ETH);
    expect(gone.has('2001:db8::1')).toBe(true);
  });

  test('one that two interfaces have is gone with the second; over one interface with that one', () => {
    const gone = new GoneAddresses();
    gone.came(IP, ETH);
    gone.came(IP, WLAN);
    gone.went(IP, ETH);
    expect([gone.has(IP), gone.has(IP, ETH), gone.has(IP, WLAN)]).toEqual([false, true, false]);
    gone.went(IP, WLAN);
    expect(gone.has(IP)).toBe(true);
  });

  test('one that comes to another interface is back, though not over the first', () => {
    const gone = new GoneAddresses();
    gone.came(IP, ETH);
    gone.went(IP, ETH);
    gone.came(IP, WLAN);
    expect([gone.has(IP), gone.has(IP, ETH), gone.has(IP, WLAN)]).toEqual([false, true, false]);
  });

  test('those that went longest ago are forgotten: a host that changes its addresses for years does not grow', () => {
    const gone = new GoneAddresses();
    const ip = (i: number): string => `2001:db8::${i.toString(16)}`;
    for (let i = 1; i <= 5000; i++) {
      gone.came(ip(i), ETH);
      gone.went(ip(i), ETH);
    }
    expect([gone.has(ip(1)), gone.has(ip(5000))]).toEqual([false, true]);
  });

  test('one that an interface had twice, with two lengths of its prefix, is there until both are gone', () => {
    const gone = new GoneAddresses();
    gone.came(IP, ETH);
    gone.came(IP, ETH);
    gone.went(IP, ETH);
    expect([gone.has(IP), gone.has(IP, ETH)]).toEqual([false, false]);
    gone.went(IP, ETH);
    expect([gone.has(IP), gone.has(IP, ETH)]).toEqual([true, true]);
  });
});
