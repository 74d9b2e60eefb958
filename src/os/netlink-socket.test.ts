import { readdirSync } from 'node:fs';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import * as c from './constants.ts';
import * as libc from './libc.ts';
import { NetlinkSocket, NOTHING } from './netlink-socket.ts';
import { check, SystemError } from './system-error.ts';

// Numbers of include/uapi/linux/netlink.h and rtnetlink.h that only these tests need.
const NETLINK_ROUTE = 0;
const NETLINK_USERSOCK = 2;
const NLMSG_NOOP = 1;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST_ACK = 5;
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
/** A group of rtnetlink that the kernel never sends to: nothing happens here but what the test does. */
const RTNLGRP_NOP2 = 14;

const deadline = { timeout: 5000, interval: 1 };

function open(protocol = NETLINK_ROUTE): NetlinkSocket {
  const socket = new NetlinkSocket(protocol);
  onTestFinished(() => socket.close());
  return socket;
}

/** A socket and its descriptor, for what the class does not do: the one that is there and was not before. */
function openWithFd(protocol: number): { socket: NetlinkSocket; fd: number } {
  const before = new Set(sockets());
  const socket = open(protocol);
  const [fd, ...more] = sockets().filter((fd) => !before.has(fd));
  if (fd === undefined || more.length > 0) throw new Error('not one socket more than before');
  return { socket, fd };
}

function sockets(): number[] {
  const isSocket = (fd: number): boolean => libc.getsockname(fd, new Uint8Array(128), lengthOf(128)) === 0;
  return readdirSync('/proc/self/fd').map(Number).filter(isSocket);
}

const lengthOf = (size: number): Uint8Array => new Uint8Array(Uint32Array.of(size).buffer);

/** Empty messages of one type; with ACK flag each is answered by a datagram of its own. */
function messages(count: number, type: number, length = 16, firstSeq = 0): Uint8Array {
  const words = new Uint32Array((count * length) / 4);
  const halves = new Uint16Array(words.buffer);
  for (let i = 0; i < count; i++) {
    const at = (i * length) / 4;
    words[at] = length;
    halves[2 * at + 2] = type;
    halves[2 * at + 3] = NLM_F_REQUEST_ACK;
    words[at + 2] = firstSeq + i;
  }
  return new Uint8Array(words.buffer);
}

/** RTM_GETLINK for the interface with index 1, the loopback that every network namespace has. */
function getLoopback(seq: number): Uint8Array {
  const request = messages(1, RTM_GETLINK, 32, seq);
  new Uint16Array(request.buffer)[3] = 1; // NLM_F_REQUEST alone: the link itself is the answer
  new Uint32Array(request.buffer)[5] = 1; // struct ifinfomsg: ifi_index
  return request;
}

const typeOf = (socket: NetlinkSocket): number => socket.buffer.readUInt16LE(4);
const seqOf = (socket: NetlinkSocket): number => socket.buffer.readUInt32LE(8);
const errorOf = (socket: NetlinkSocket): number => socket.buffer.readInt32LE(16);

function drain(socket: NetlinkSocket): number {
  let n = 0;
  while (socket.receive() !== NOTHING) n++;
  return n;
}

test('the kernel’s answer is there as soon as send returns: a request needs no waiting', () => {
  const socket = open();
  for (let seq = 1; seq <= 5000; seq++) {
    socket.send(getLoopback(seq));
    const length = socket.receive();
    if (length === NOTHING) expect.fail(`no answer yet to request ${seq}`);
    if (typeOf(socket) !== RTM_NEWLINK || seqOf(socket) !== seq) expect.fail(`wrong answer to request ${seq}`);
    if (socket.buffer.readUInt32LE(0) !== length) expect.fail('the length is not the message’s');
  }
  expect(socket.receive()).toBe(NOTHING);
});

test('acknowledgements are capped: an error does not bring the request back', () => {
  const socket = open();
  socket.send(messages(1, 0x7ff0, 4096, 77));
  expect(socket.receive()).toBeLessThan(100);
  expect([typeOf(socket), seqOf(socket), errorOf(socket)]).toEqual([NLMSG_ERROR, 77, -95]);
});

test('errors bring the kernel’s own explanation', () => {
  const socket = open();
  const request = getLoopback(1);
  new Uint32Array(request.buffer)[7] = 0xff; // struct ifinfomsg: ifi_change, which means nothing here
  socket.send(request);
  expect(socket.receive()).toBeGreaterThan(36);
  expect([typeOf(socket), errorOf(socket)]).toEqual([NLMSG_ERROR, -22]);
  const flags = socket.buffer.readUInt16LE(6);
  expect(flags & 0x200).toBe(0x200); // NLM_F_ACK_TLVS: NLMSGERR_ATTR_MSG and others follow
});

test('dump requests are checked strictly: a header with a filter that is no filter is refused', () => {
  const socket = open();
  const request = getLoopback(1);
  new Uint16Array(request.buffer)[3] = 0x301; // NLM_F_REQUEST | NLM_F_DUMP
  new Uint32Array(request.buffer)[7] = 0xff; // struct ifinfomsg: ifi_change, which filters nothing
  socket.send(request);
  expect(socket.receive()).toBeGreaterThan(0);
  expect([typeOf(socket), errorOf(socket)]).toEqual([NLMSG_DONE, -22]);
});

describe('an overrun', () => {
  test('is silent, the number lost is exact, and the socket hears what comes next', async () => {
    const socket = open();
    socket.join(RTNLGRP_NOP2);
    let sent = 0;
    let received = 0;
    socket.watch(() => {
      received += drain(socket);
    });
    expect(socket.drops()).toBe(0);
    for (let cycle = 0; cycle < 40; cycle++) {
      const count = 3000 + cycle;
      const dropped = socket.drops();
      socket.send(messages(count, NLMSG_NOOP));
      sent += count;
      await vi.waitFor(() => expect(received + socket.drops()).toBe(sent), deadline);
      expect(socket.drops()).toBeGreaterThan(dropped);
      // Not deaf: the next datagram arrives, and raises the watch.
      const before = received;
      socket.send(messages(1, NLMSG_NOOP));
      sent++;
      await vi.waitFor(() => expect(received).toBe(before + 1), deadline);
    }
  });

  test('drops nothing that fits', () => {
    const socket = open();
    socket.join(RTNLGRP_NOP2);
    for (let i = 0; i < 1000; i++) {
      socket.send(messages(50, NLMSG_NOOP));
      if (drain(socket) !== 50) expect.fail(`lost in round ${i}`);
    }
    expect(socket.drops()).toBe(0);
  });

  test('on a socket without a group is an error, once, and leaves it usable', async () => {
    const socket = open();
    socket.send(messages(5000, NLMSG_NOOP));
    const receive = (): unknown => socket.receive();
    expect(receive).toThrow(expect.objectContaining({ syscall: 'recvfrom', code: 'ENOBUFS' }));
    expect(drain(socket)).toBeGreaterThan(0);
    socket.send(getLoopback(1));
    expect(socket.receive()).toBeGreaterThan(0);
    expect(typeOf(socket)).toBe(RTM_NEWLINK);
  });
});

describe('what is passed over', () => {
  test('datagrams of other processes, which are counted', () => {
    const { socket, fd } = openWithFd(NETLINK_USERSOCK);
    const address = new Uint8Array(12);
    check(libc.getsockname(fd, address, lengthOf(12)), 'getsockname');
    const { fd: foreigner } = openWithFd(NETLINK_USERSOCK);
    const data = messages(1, RTM_NEWLINK);
    for (let sent = 1; sent <= 3; sent++) {
      check(libc.sendto(foreigner, data, data.length, 0, address, address.length), 'sendto');
      expect(socket.receive()).toBe(NOTHING);
      expect(socket.foreign).toBe(sent);
    }
    expect(socket.truncated).toBe(0);
  });

  test('datagrams larger than the buffer, which are counted; what just fits is taken', () => {
    const { socket, fd } = openWithFd(NETLINK_ROUTE);
    // Without the cap an error brings the whole request back, behind 20 bytes: as large a datagram as the test wants.
    check(libc.setsockopt(fd, c.SOL_NETLINK, c.NETLINK_CAP_ACK, lengthOf(0), 4), 'setsockopt');
    const ask = (answer: number): void => socket.send(messages(1, 0x7ff0, answer - 20, answer));
    ask(65536);
    expect(socket.receive()).toBe(65536);
    expect(seqOf(socket)).toBe(65536);
    expect(socket.truncated).toBe(0);
    ask(100_000);
    expect(socket.receive()).toBe(NOTHING);
    expect(socket.truncated).toBe(1);
    ask(65540);
    ask(400);
    expect(socket.receive()).toBe(400);
    expect(seqOf(socket)).toBe(400);
    expect(socket.truncated).toBe(2);
    expect(socket.foreign).toBe(0);
  });
});

describe('watching', () => {
  test('happens once a socket', () => {
    const socket = open();
    socket.watch(() => undefined);
    expect(() => socket.watch(() => undefined)).toThrow('watched already');
  });

  test('ends with close, also from inside', async () => {
    const socket = open();
    const ready = vi.fn(() => socket.close());
    socket.watch(ready);
    socket.send(getLoopback(1));
    await vi.waitFor(() => expect(ready).toHaveBeenCalledTimes(1), deadline);
    // A second socket takes the descriptor’s number; the first one’s watch must not answer for it.
    const { socket: other } = openWithFd(NETLINK_ROUTE);
    const otherReady = vi.fn(() => void drain(other));
    other.watch(otherReady);
    other.send(getLoopback(1));
    await vi.waitFor(() => expect(otherReady).toHaveBeenCalled(), deadline);
    expect(ready).toHaveBeenCalledTimes(1);
  });
});

describe('failures', () => {
  test('of the constructor name the protocol', () => {
    const create = (): unknown => new NetlinkSocket(99);
    expect(create).toThrow(SystemError);
    expect(create).toThrow(
      expect.objectContaining({ syscall: 'socket', code: 'EPROTONOSUPPORT', subject: 'netlink protocol 99' }),
    );
  });

  test('to join name the group', () => {
    const socket = open();
    expect(() => socket.join(100_000)).toThrow(
      expect.objectContaining({ syscall: 'setsockopt', code: 'EINVAL', subject: 'netlink group 100000' }),
    );
  });

  test('to send name the protocol: a datagram beyond the send buffer is EMSGSIZE', () => {
    const socket = open();
    expect(() => socket.send(new Uint8Array(64 << 20))).toThrow(
      expect.objectContaining({ syscall: 'send', code: 'EMSGSIZE', subject: 'netlink protocol 0' }),
    );
  });

  test('a closed socket does not speak through a descriptor that has another owner now', () => {
    const closed = new NetlinkSocket(NETLINK_ROUTE);
    closed.close();
    closed.close();
    // The kernel gives out the lowest free number: this socket has the one that was closed.
    const other = open();
    const badDescriptor = (syscall: string): unknown => expect.objectContaining({ syscall, code: 'EBADF' });
    expect(() => closed.send(getLoopback(1))).toThrow(badDescriptor('send'));
    expect(() => closed.receive()).toThrow(badDescriptor('recvfrom'));
    expect(() => closed.drops()).toThrow(badDescriptor('getsockopt'));
    expect(() => closed.join(RTNLGRP_NOP2)).toThrow(badDescriptor('setsockopt'));
    expect(() => closed.receiveBuffer(4096)).toThrow(badDescriptor('setsockopt'));
    expect(() => closed.watch(() => undefined)).toThrow(badDescriptor('poll'));
    expect(other.receive()).toBe(NOTHING);
  });
});
