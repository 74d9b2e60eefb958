import { readFileSync } from 'node:fs';
import { expect, onTestFinished, vi } from 'vitest';
import { inNetworkNamespace, NetlinkSocket, NOTHING, SystemError } from '../../src/os/index.ts';
import * as libc from '../../src/os/libc.ts';
import { kernelTest, type Namespace, openNamespace } from './need.ts';

const test = kernelTest('namespaces to enter');
const privileged = kernelTest('CAP_NET_ADMIN of the machine');

const RTNLGRP_LINK = 1;
const RTNLGRP_IPV4_IFADDR = 5;
const RTM_NEWLINK = 16;
const RTM_NEWADDR = 20;
const deadline = { timeout: 10_000, interval: 1 };

async function namespace(): Promise<Namespace> {
  const opened = await openNamespace();
  onTestFinished(() => opened.close());
  return opened;
}

function open(): NetlinkSocket {
  const socket = new NetlinkSocket(0);
  onTestFinished(() => socket.close());
  return socket;
}

function drain(socket: NetlinkSocket): number {
  let n = 0;
  while (socket.receive() !== NOTHING) n++;
  return n;
}

/** Lines for `ip -batch -`: each makes the kernel multicast one datagram about an address of the loopback. */
const addresses = (verb: 'add' | 'del', count: number): string =>
  Array.from({ length: count }, (_, i) => `addr ${verb} 10.9.${i >> 8}.${i & 255}/32 dev lo\n`).join('');

test('real overruns of a multicast group: the number lost is exact, and the socket is never deaf', async () => {
  const { path, run } = await namespace();
  const socket = inNetworkNamespace(path, open);
  socket.join(RTNLGRP_IPV4_IFADDR);
  let received = 0;
  const ready = vi.fn(() => {
    received += drain(socket);
  });
  socket.watch(ready);
  let sent = 0;
  for (let cycle = 0; cycle < 10; cycle++) {
    const dropped = socket.drops();
    // Synchronous: while `ip` runs nobody reads.
    run(['ip', '-batch', '-'], addresses('add', 700));
    run(['ip', '-batch', '-'], addresses('del', 700));
    sent += 1400;
    expect(socket.drops()).toBeGreaterThan(dropped);
    await vi.waitFor(() => expect(received + socket.drops()).toBe(sent), deadline);

    const before = received;
    ready.mockClear();
    run(['ip', 'addr', 'add', '10.8.0.1/32', 'dev', 'lo']);
    await vi.waitFor(() => expect(received).toBe(before + 1), deadline);
    run(['ip', 'addr', 'del', '10.8.0.1/32', 'dev', 'lo']);
    await vi.waitFor(() => expect(received).toBe(before + 2), deadline);
    expect(ready).toHaveBeenCalled();
    sent += 2;
    expect(received + socket.drops()).toBe(sent);
  }
});

test('a datagram that another process multicasts into the group is passed over', async () => {
  const { path, run } = await namespace();
  const [socket, foreigner] = inNetworkNamespace(path, () => {
    const raw = libc.socket(16, 3 | 0o2000000 | 0o4000, 0);
    if (raw < 0) throw new SystemError('socket', -raw);
    return [open(), raw];
  });
  onTestFinished(() => void libc.close(foreigner));
  socket.join(RTNLGRP_LINK);
  // An RTM_NEWLINK that the kernel never sent; struct sockaddr_nl: family, port id 0, the group's bit.
  const forged = new Uint8Array(Uint32Array.of(32, RTM_NEWLINK, 0, 0, 0, 1, 0, 0).buffer);
  const group = new Uint8Array(Uint32Array.of(16, 0, 1 << (RTNLGRP_LINK - 1)).buffer);
  expect(libc.sendto(foreigner, forged, forged.length, 0, group, group.length)).toBe(forged.length);
  run(['ip', 'link', 'set', 'lo', 'down']);
  expect(libc.sendto(foreigner, forged, forged.length, 0, group, group.length)).toBe(forged.length);

  const taken: number[] = [];
  for (let n = socket.receive(); n !== NOTHING; n = socket.receive()) {
    expect(n).toBeGreaterThan(forged.length);
    taken.push(socket.buffer.readUInt16LE(4));
  }
  expect(taken.length).toBeGreaterThan(0);
  expect(new Set(taken)).toEqual(new Set([RTM_NEWLINK]));
  expect(socket.foreign).toBe(2);
  expect(socket.truncated).toBe(0);
});

test('a socket hears only the groups it joined', async () => {
  const { path, run } = await namespace();
  const [links, addrs] = inNetworkNamespace(path, () => [open(), open()] as const);
  links.join(RTNLGRP_LINK);
  addrs.join(RTNLGRP_IPV4_IFADDR);
  run(['ip', 'addr', 'add', '10.8.0.1/32', 'dev', 'lo']);
  expect(links.receive()).toBe(NOTHING);
  expect(addrs.receive()).toBeGreaterThan(0);
  expect(addrs.buffer.readUInt16LE(4)).toBe(RTM_NEWADDR);
  expect(addrs.receive()).toBe(NOTHING);
});

privileged('with CAP_NET_ADMIN the receive buffer goes beyond net.core.rmem_max', () => {
  const limit = Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8'));
  const socket = open();
  const other = open();
  expect(socket.receiveBuffer(2 * limit)).toBe(true);
  expect(other.receiveBuffer(limit)).toBe(true);
  // Acknowledged NLMSG_NOOPs, a thousand at a time, until the smaller socket is full: the larger one is not.
  for (const s of [socket, other]) s.join(14); // RTNLGRP_NOP2, where the kernel sends nothing
  const noops = new Uint8Array(Uint32Array.from({ length: 4000 }, (_, i) => [16, 0x50001, 0, 0][i % 4] ?? 0).buffer);
  let rounds = 0;
  while (other.drops() === 0) {
    other.send(noops);
    socket.send(noops);
    rounds++;
  }
  expect(socket.drops()).toBe(0);
  expect(drain(socket)).toBe(1000 * rounds);
});
