import { describe, expect, test } from 'vitest';
import { asIfIndex } from '../core/model/ids.ts';
import { toInterface, toLocalAddress } from './translate.ts';

type LinkMessage = Parameters<typeof toInterface>[0];
type AddressMessage = Parameters<typeof toLocalAddress>[0];

const AF_BRIDGE = 7;

const link = (more: Partial<LinkMessage> = {}): LinkMessage =>
  ({
    family: 0,
    type: 1,
    index: asIfIndex(2),
    flags: ['up', 'running', 'multicast', 'lowerUp'],
    change: 0,
    name: 'eth0',
    mtu: 1500,
    ...more,
  }) as LinkMessage;

const address = (more: Partial<AddressMessage> = {}): AddressMessage =>
  ({
    family: 'ipv4',
    prefixLength: 24,
    shortFlags: 0,
    scope: 'global',
    ifIndex: asIfIndex(2),
    address: '10.0.1.1',
    local: '10.0.1.1',
    flags: ['permanent'],
    ...more,
  }) as AddressMessage;

describe('an interface', () => {
  test('as the core knows it', () => {
    expect(toInterface(link({ info: { kind: 'veth' } }))).toEqual({
      index: 2,
      name: 'eth0',
      up: true,
      running: true,
      loopback: false,
      mtu: 1500,
      kind: 'veth',
    });
  });

  test.each([
    [[], { up: false, running: false, loopback: false }],
    [['up'], { up: true, running: false, loopback: false }],
    [['up', 'lowerUp', 'dormant'], { up: true, running: false, loopback: false }],
    [['up', 'lowerUp'], { up: true, running: true, loopback: false }],
    [['up', 'running'], { up: true, running: false, loopback: false }],
    [['up', 'running', 'lowerUp', 'loopback'], { up: true, running: true, loopback: true }],
  ] as const)('with the flags %j', (flags, expected) => {
    expect(toInterface(link({ flags: [...flags] }))).toMatchObject(expected);
  });

  test('what a bridge says of its ports is not about the interface: a port that leaves lives on', () => {
    expect(toInterface(link({ family: AF_BRIDGE }))).toBeUndefined();
  });

  test('hardware has no kind; what the kernel leaves out is not made up', () => {
    const { name: _name, mtu: _mtu, ...bare } = link();
    expect(toInterface(bare as LinkMessage)).toMatchObject({ name: 'if2', mtu: undefined, kind: undefined });
  });
});

describe('an address', () => {
  test('as the core knows it', () => {
    expect(toLocalAddress(address())).toEqual({
      ip: '10.0.1.1',
      prefixLength: 24,
      ifIndex: 2,
      scope: 'global',
      tentative: false,
      deprecated: false,
      temporary: false,
    });
  });

  test('on a point-to-point link is this end’s, not the peer’s', () => {
    expect(toLocalAddress(address({ local: '10.8.0.2', address: '10.8.0.1', prefixLength: 32 }))?.ip).toBe('10.8.0.2');
  });

  test('of IPv6 stands in the plain attribute alone', () => {
    const { local: _local, ...message } = address({ family: 'ipv6', address: '2001:db8::1' });
    expect(toLocalAddress(message as AddressMessage)?.ip).toBe('2001:db8::1');
  });

  test('of IPv6 on a point-to-point link has both', () => {
    const message = address({ family: 'ipv6', local: '2001:db8::2', address: '2001:db8::1' });
    expect(toLocalAddress(message)?.ip).toBe('2001:db8::2');
  });

  test('a message without one is about something else', () => {
    const { local: _local, address: _address, ...message } = address();
    expect(toLocalAddress(message as AddressMessage)).toBeUndefined();
  });

  test.each([
    [['tentative'], true],
    [['tentative', 'permanent'], true],
    // RFC 4429: an optimistic address may be used while it is tested.
    [['tentative', 'optimistic'], false],
    [['tentative', 'optimistic', 'dadFailed'], true],
    [['dadFailed', 'permanent'], true],
    [['permanent'], false],
    [[], false],
  ] as const)('with the flags %j has to wait: %s', (flags, tentative) => {
    expect(toLocalAddress(address({ family: 'ipv6', flags: [...flags] }))?.tentative).toBe(tentative);
  });

  test('without flags is a plain one', () => {
    const { flags: _flags, ...message } = address();
    expect(toLocalAddress(message as AddressMessage)).toMatchObject({ tentative: false, deprecated: false });
  });

  test('deprecated', () => {
    expect(toLocalAddress(address({ flags: ['deprecated'] }))?.deprecated).toBe(true);
  });

  test('one bit means temporary for IPv6, and something else for IPv4', () => {
    expect(toLocalAddress(address({ family: 'ipv6', flags: ['secondary'] }))?.temporary).toBe(true);
    expect(toLocalAddress(address({ family: 'ipv4', flags: ['secondary'] }))?.temporary).toBe(false);
  });

  test.each(['global', 'site', 'link', 'host', 'nowhere', 42] as const)('of scope %s', (scope) => {
    expect(toLocalAddress(address({ scope }))?.scope).toBe(scope);
  });
});
