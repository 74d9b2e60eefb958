import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { SystemError } from './system-error.ts';
import { UnixDatagram } from './unix-datagram.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'mptcpd-unix-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

let abstracts = 0;
const kinds: [string, () => string][] = [
  ['a path', () => join(directory, `socket-${abstracts++}`)],
  ['an abstract name', () => `@mptcpd-test-${process.pid}-${abstracts++}`],
];

function open(path?: string): UnixDatagram {
  const socket = new UnixDatagram(path);
  onTestFinished(() => socket.close());
  return socket;
}

function failure(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

describe.each(kinds)('a unix datagram socket at %s', (_, name) => {
  test('gets what others send, datagram by datagram', () => {
    const path = name();
    const receiver = open(path);
    const sender = open();
    expect(receiver.receive()).toBeUndefined();
    expect(sender.sendTo(path, Buffer.from('one'))).toBe(true);
    expect(sender.sendTo(path, Buffer.alloc(0))).toBe(true);
    expect(sender.sendTo(path, Buffer.alloc(60_000, 7))).toBe(true);
    expect(receiver.receive()?.toString()).toBe('one');
    expect(receiver.receive()).toHaveLength(0);
    expect(receiver.receive()?.equals(Buffer.alloc(60_000, 7))).toBe(true);
    expect(receiver.receive()).toBeUndefined();
  });

  test('is full at some time, which the sender is told without an error, and takes more once read', () => {
    const path = name();
    const receiver = open(path);
    const sender = open();
    let sent = 0;
    while (sender.sendTo(path, Uint8Array.of(sent & 255))) {
      sent++;
      if (sent > 1_000_000) throw new Error('the queue is never full');
    }
    expect(sent).toBeGreaterThan(0);
    for (let i = 0; i < sent; i++) expect(receiver.receive()?.[0]).toBe(i & 255);
    // What did not fit was not sent.
    expect(receiver.receive()).toBeUndefined();
    expect(sender.sendTo(path, Buffer.from('more'))).toBe(true);
    expect(receiver.receive()?.toString()).toBe('more');
  });

  test('is taken once: a second socket there is EADDRINUSE with its name', () => {
    const path = name();
    open(path);
    const error = failure(() => new UnixDatagram(path));
    expect(error).toBeInstanceOf(SystemError);
    expect(error).toMatchObject({ syscall: 'bind', code: 'EADDRINUSE', errno: 98, subject: path });
  });

  test('refuses what is larger than a datagram can be: EMSGSIZE', () => {
    const path = name();
    open(path);
    const sender = open();
    const error = failure(() => sender.sendTo(path, Buffer.alloc(64 << 20)));
    expect(error).toMatchObject({ syscall: 'sendto', code: 'EMSGSIZE', subject: path });
  });

  test('refuses once nobody listens there any more: ECONNREFUSED', () => {
    const path = name();
    const receiver = open(path);
    const sender = open();
    expect(sender.sendTo(path, Buffer.from('x'))).toBe(true);
    receiver.close();
    const error = failure(() => sender.sendTo(path, Buffer.from('x')));
    expect(error).toMatchObject({ syscall: 'sendto', code: 'ECONNREFUSED', subject: path });
  });
});

test('a path where nothing is: ENOENT, with the call, the name and the path', () => {
  const path = join(directory, 'nobody');
  const sender = open();
  const error = failure(() => sender.sendTo(path, Buffer.from('x')));
  expect(error).toBeInstanceOf(SystemError);
  expect(error).toMatchObject({ syscall: 'sendto', code: 'ENOENT', errno: 2, subject: path });
  expect((error as Error).message).toBe(`sendto ${path}: no such file or directory (ENOENT)`);
});

test('a path in a directory that does not exist cannot be bound: ENOENT with the path', () => {
  const path = join(directory, 'no', 'such');
  expect(failure(() => new UnixDatagram(path))).toMatchObject({ syscall: 'bind', code: 'ENOENT', subject: path });
});

test('a path that is too long is refused before the kernel cuts it, and the longest one works', () => {
  const long = join(directory, 'x'.repeat(108));
  expect(failure(() => new UnixDatagram(long))).toBeInstanceOf(TypeError);
  const sender = open();
  expect(failure(() => sender.sendTo(long, Buffer.from('x')))).toBeInstanceOf(TypeError);
  const longest = `${directory}/`.padEnd(107, 'x');
  const receiver = open(longest);
  expect(sender.sendTo(longest, Buffer.from('x'))).toBe(true);
  expect(receiver.receive()?.toString()).toBe('x');
});

test('a closed socket does not speak through a descriptor that has another owner now', () => {
  const path = `@mptcpd-test-${process.pid}-${abstracts++}`;
  const receiver = open(path);
  const closed = new UnixDatagram();
  closed.close();
  closed.close();
  // The kernel gives out the lowest free number: this socket has the one that was closed.
  open();
  expect(failure(() => closed.sendTo(path, Buffer.from('x')))).toMatchObject({ syscall: 'sendto', code: 'EBADF' });
  expect(failure(() => closed.receive())).toMatchObject({ syscall: 'recv', code: 'EBADF' });
  expect(receiver.receive()).toBeUndefined();
});
