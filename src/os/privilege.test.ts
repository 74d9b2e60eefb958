import { readFileSync, readlinkSync } from 'node:fs';
import koffi from 'koffi';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { NetlinkSocket, NOTHING } from './netlink-socket.ts';
import { inNetworkNamespace } from './netns.ts';

// capabilities(7): without them the calls below are refused, whoever runs the tests.
const CAP_NET_ADMIN = 12;
const CAP_SYS_ADMIN = 21;

const program = koffi.load(null);
const capget = program.func('int capget(void *header, void *data)') as (h: Uint32Array, d: Uint32Array) => number;
const capset = program.func('int capset(void *header, void *data)') as (h: Uint32Array, d: Uint32Array) => number;
/** struct __user_cap_header_struct: _LINUX_CAPABILITY_VERSION_3, and 0 for this thread. */
const header = (): Uint32Array => Uint32Array.of(0x20080522, 0);

/** Puts a capability of this thread aside until the test is over. Another process or thread is not touched. */
function without(capability: number): void {
  // Two of struct __user_cap_data_struct: effective, permitted, inheritable.
  const before = new Uint32Array(6);
  expect(capget(header(), before)).toBe(0);
  const less = Uint32Array.from(before);
  less[0] = (before[0] ?? 0) & ~(1 << capability);
  expect(capset(header(), less)).toBe(0);
  onTestFinished(() => expect(capset(header(), before)).toBe(0));
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/thread-self/status', 'utf8'))?.[1];
  expect((BigInt(`0x${effective}`) >> BigInt(capability)) & 1n).toBe(0n);
}

/** Fills the socket's queue with acknowledgements; how many there was room for. */
function room(socket: NetlinkSocket): number {
  const count = 4000;
  const words = new Uint32Array(4 * count);
  const halves = new Uint16Array(words.buffer);
  for (let i = 0; i < count; i++) {
    words[4 * i] = 16; // struct nlmsghdr: length …
    halves[8 * i + 2] = 1; // … NLMSG_NOOP …
    halves[8 * i + 3] = 5; // … NLM_F_REQUEST | NLM_F_ACK
  }
  const dropped = socket.drops();
  do socket.send(new Uint8Array(words.buffer));
  while (socket.drops() === dropped);
  let held = 0;
  while (socket.receive() !== NOTHING) held++;
  return held;
}

function open(): NetlinkSocket {
  const socket = new NetlinkSocket(0);
  onTestFinished(() => socket.close());
  socket.join(14); // RTNLGRP_NOP2, where the kernel sends nothing
  return socket;
}

describe('without CAP_NET_ADMIN', () => {
  test('a receive buffer beyond net.core.rmem_max is cut to it, which the caller is told', () => {
    const limit = Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8'));
    without(CAP_NET_ADMIN);
    const usual = open();
    expect(usual.receiveBuffer(limit)).toBe(true);
    const greedy = open();
    expect(greedy.receiveBuffer(16 * limit)).toBe(false);
    expect(room(greedy)).toBe(room(usual));
  });

  test('a receive buffer within the limit is granted all the same', () => {
    without(CAP_NET_ADMIN);
    const small = open();
    const large = open();
    expect(small.receiveBuffer(8192)).toBe(true);
    expect(large.receiveBuffer(131_072)).toBe(true);
    expect(room(small)).toBeGreaterThan(0);
    expect(room(large)).toBeGreaterThan(8 * room(small));
  });
});

test('without CAP_SYS_ADMIN no namespace is entered: EPERM with its file, and the task does not run', () => {
  without(CAP_SYS_ADMIN);
  const home = readlinkSync('/proc/thread-self/ns/net');
  const task = vi.fn();
  expect(() => inNetworkNamespace('/proc/self/ns/net', task)).toThrow(
    expect.objectContaining({ syscall: 'setns', code: 'EPERM', subject: '/proc/self/ns/net' }),
  );
  expect(task).not.toHaveBeenCalled();
  expect(readlinkSync('/proc/thread-self/ns/net')).toBe(home);
});
