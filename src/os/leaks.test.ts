import { readdirSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import type * as Libc from './libc.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import { UnixDatagram } from './unix-datagram.ts';

// The one thing that is not the kernel's own here: a netlink option that it refuses, as an older one would.
const kernel = vi.hoisted(() => ({ refuses: false }));
vi.mock('./libc.ts', async (original) => {
  const real = await original<typeof Libc>();
  const setsockopt: typeof real.setsockopt = (...call) => (kernel.refuses ? -92 : real.setsockopt(...call));
  return { ...real, setsockopt };
});

const TIMES = 10_000;
const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** No turn of the event loop in between: nothing but `action` opens or closes descriptors. */
function growth(action: () => void): number {
  const before = descriptors();
  for (let i = 0; i < TIMES; i++) action();
  return descriptors() - before;
}

function refused(action: () => unknown, code: string): void {
  let caught: unknown;
  try {
    action();
  } catch (error) {
    caught = error;
  }
  if (!(caught instanceof Error) || !caught.message.includes(code)) expect.fail(`${caught} instead of ${code}`);
}

test('the count sees a descriptor that stays open', () => {
  const before = descriptors();
  const socket = new NetlinkSocket(0);
  expect(descriptors()).toBe(before + 1);
  socket.close();
  expect(descriptors()).toBe(before);
});

test('netlink sockets are gone once closed', () => {
  expect(growth(() => new NetlinkSocket(0).close())).toBe(0);
});

test('watched netlink sockets are gone once closed', async () => {
  const before = descriptors();
  for (let i = 0; i < TIMES / 100; i++) {
    for (let j = 0; j < 100; j++) {
      const socket = new NetlinkSocket(0);
      socket.watch(() => undefined);
      socket.close();
    }
    // libuv lets go of its handles between two turns.
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(descriptors()).toBe(before);
});

test('unix datagram sockets are gone once closed', () => {
  const name = `@mptcpd-test-leaks-${process.pid}`;
  expect(growth(() => new UnixDatagram(name).close())).toBe(0);
});

test.each([
  ['a netlink protocol that does not exist', () => new NetlinkSocket(99), 'EPROTONOSUPPORT'],
  ['a path in a directory that does not exist', () => new UnixDatagram('/no/such/directory/socket'), 'ENOENT'],
  ['a path that is too long', () => new UnixDatagram('/'.padEnd(200, 'x')), 'too long'],
])('a constructor that fails leaves nothing open: %s', (_, construct, code) => {
  expect(growth(() => refused(construct, code))).toBe(0);
});

test('a constructor that fails leaves nothing open: a netlink option that the kernel does not have', () => {
  kernel.refuses = true;
  try {
    expect(growth(() => refused(() => new NetlinkSocket(0), 'ENOPROTOOPT'))).toBe(0);
  } finally {
    kernel.refuses = false;
  }
});
