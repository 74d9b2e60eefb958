import { readdirSync } from 'node:fs';
import { describe, expect, onTestFinished, vi } from 'vitest';
import { type Endpoint, inNetworkNamespace, MptcpListener, MptcpStream, SystemError } from '../../src/os/index.ts';
import * as libc from '../../src/os/libc.ts';
import { encodeInet } from '../../src/os/sockaddr.ts';
import { kernelTest, openNamespace } from './need.ts';

const test = kernelTest('MPTCP', 'IPv6 on the loopback');
const testInNamespace = kernelTest('MPTCP', 'namespaces to enter');

const deadline = { timeout: 10_000, interval: 1 };

function keep<T extends { close(): void }>(socket: T): T {
  onTestFinished(() => socket.close());
  return socket;
}

/** What the socket is watched for, once. */
function once(socket: MptcpStream | MptcpListener, direction: 'readable' | 'writable'): Promise<void> {
  return new Promise((resolve) => {
    socket.watch(() => {
      socket.unwatch();
      resolve();
    }, direction);
  });
}

async function connect(to: Endpoint, from?: Endpoint): Promise<MptcpStream> {
  const stream = keep(MptcpStream.connect(to, from));
  await once(stream, 'writable');
  stream.connected();
  return stream;
}

async function accept(listener: MptcpListener): Promise<MptcpStream> {
  for (;;) {
    const stream = listener.accept();
    if (stream) return keep(stream);
    await once(listener, 'readable');
  }
}

/** Both ends of a connection that has carried data both ways. */
async function pair(ip: string, to = ip): Promise<{ client: MptcpStream; server: MptcpStream; port: number }> {
  const listener = keep(new MptcpListener({ ip, port: 0 }));
  const { port } = listener.local;
  const client = await connect({ ip: to, port });
  const server = await accept(listener);
  return { client, server, port };
}

/** The next bytes as text; the empty text is the end of the stream. */
async function read(stream: MptcpStream): Promise<string> {
  const buffer = Buffer.alloc(65536);
  for (;;) {
    const n = stream.read(buffer);
    if (n !== undefined) return buffer.toString('utf8', 0, n);
    await once(stream, 'readable');
  }
}

async function failure(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

describe.each([
  ['IPv4', '127.0.0.1', '127.0.0.1', '127.0.0.1'],
  ['IPv6', '::1', '::1', '::1'],
  ['IPv4 to a dual-stack listener', '::', '127.0.0.1', '::ffff:127.0.0.1'],
  ['IPv6 to a dual-stack listener', '::', '::1', '::1'],
])('a connection over %s', (_, listen, to, seen) => {
  test('knows both of its ends', async () => {
    const { client, server, port } = await pair(listen, to);
    expect(port).toBeGreaterThan(0);
    expect(client.remote).toEqual({ ip: to, port });
    expect(client.local).toEqual({ ip: to, port: expect.any(Number) });
    expect(server.local).toEqual({ ip: seen, port });
    expect(server.remote).toEqual({ ip: seen, port: client.local.port });
  });

  test('carries data both ways, and each end may stop sending alone', async () => {
    const { client, server } = await pair(listen, to);
    expect(server.read(Buffer.alloc(10))).toBeUndefined();
    expect(client.write(Buffer.from('question'))).toBe(8);
    expect(await read(server)).toBe('question');
    client.end();
    expect(await read(server)).toBe('');
    expect(server.write(Buffer.from('answer'))).toBe(6);
    expect(await read(client)).toBe('answer');
    server.end();
    expect(await read(client)).toBe('');
  });
});

test('it is MPTCP on both ends, not a fallback to TCP', async () => {
  const { client, server, port } = await pair('127.0.0.1');
  client.write(Buffer.from('x'));
  expect(await read(server)).toBe('x');
  // struct mptcp_info (include/uapi/linux/mptcp.h): 8 bytes of counters, then flags.
  const info = new Uint32Array(3);
  const [flagsByPort, known] = [new Map<number, number>(), new Uint8Array(info.buffer)];
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    const address = Buffer.alloc(28);
    const size = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer);
    // SOL_MPTCP, MPTCP_INFO; TCP sockets do not have it. A listener has no peer.
    if (libc.getsockopt(fd, 284, 1, known, size(known.length)) < 0) continue;
    if (libc.getpeername(fd, address, size(28)) < 0) continue;
    flagsByPort.set(address.readUInt16BE(2), info[2] ?? 0);
  }
  // Bit 0 is a fallback, bit 1 says that the other end's key has arrived.
  for (const peer of [port, client.local.port]) expect((flagsByPort.get(peer) ?? 0) & 3).toBe(2);
});

test('a full connection takes 0 bytes, and takes more once the other end has read: nothing is lost', async () => {
  const { client, server } = await pair('127.0.0.1');
  const chunk = Buffer.alloc(65536);
  for (let i = 0; i < chunk.length; i++) chunk[i] = i % 251;
  let written = 0;
  let full = 0;
  const total = 32 << 20;
  const into = Buffer.alloc(65536);
  let got = 0;
  let wrong = 0;
  while (written < total) {
    const from = written % 251;
    const n = client.write(chunk.subarray(from, from + 65536 - 251));
    written += n;
    if (n > 0) continue;
    full++;
    await once(server, 'readable');
    for (let r = server.read(into); r !== undefined; r = server.read(into)) {
      for (let i = 0; i < r; i += 997) if (into[i] !== (got + i) % 251) wrong++;
      got += r;
    }
  }
  client.end();
  for (let done = false; !done; ) {
    const r = server.read(into);
    if (r === undefined) await once(server, 'readable');
    else if (r === 0) done = true;
    else {
      for (let i = 0; i < r; i += 997) if (into[i] !== (got + i) % 251) wrong++;
      got += r;
    }
  }
  expect(full).toBeGreaterThan(0);
  expect(got).toBe(written);
  expect(wrong).toBe(0);
});

test('abort resets the connection: the other end reads ECONNRESET', async () => {
  const { client, server } = await pair('127.0.0.1');
  client.write(Buffer.from('x'));
  expect(await read(server)).toBe('x');
  client.abort();
  const error = await failure(() => read(server));
  expect(error).toBeInstanceOf(SystemError);
  expect(error).toMatchObject({ syscall: 'recv', code: 'ECONNRESET' });
});

test('writing to a connection that is gone is EPIPE', async () => {
  const { client, server } = await pair('127.0.0.1');
  server.abort();
  await failure(() => read(client));
  expect(await failure(() => client.write(Buffer.from('x')))).toMatchObject({ syscall: 'send', code: 'EPIPE' });
});

test('a client may choose its own address and port', async () => {
  const listener = keep(new MptcpListener({ ip: '127.0.0.1', port: 0 }));
  const client = await connect(listener.local, { ip: '127.0.0.2', port: 0 });
  expect(client.local.ip).toBe('127.0.0.2');
  expect((await accept(listener)).remote).toEqual(client.local);
});

test('accept gives the connections in turn, and undefined when there is none', async () => {
  const listener = keep(new MptcpListener({ ip: '127.0.0.1', port: 0 }));
  expect(listener.accept()).toBeUndefined();
  const clients = [await connect(listener.local), await connect(listener.local), await connect(listener.local)];
  for (const client of clients) expect((await accept(listener)).remote).toEqual(client.local);
  expect(listener.accept()).toBeUndefined();
});

describe('failures', () => {
  test.each(['127.0.0.1', '::1'])('nobody listens at %s: ECONNREFUSED, with the call and the address', async (ip) => {
    // A port that is taken by a TCP socket which does not listen.
    const fd = libc.socket(ip === '::1' ? 10 : 2, 1 | 0o2000000, 0);
    onTestFinished(() => void libc.close(fd));
    const address = encodeInet({ ip, port: 0 });
    expect(libc.bindAddress(fd, address, address.length)).toBe(0);
    libc.getsockname(fd, address, new Uint8Array(Uint32Array.of(address.length).buffer));
    const port = address.readUInt16BE(2);

    const error = await failure(() => connect({ ip, port }));
    const where = ip === '::1' ? `[::1]:${port}` : `127.0.0.1:${port}`;
    expect(error).toBeInstanceOf(SystemError);
    expect(error).toMatchObject({ syscall: 'connect', code: 'ECONNREFUSED', errno: 111, subject: where });
    expect((error as Error).message).toBe(`connect ${where}: connection refused (ECONNREFUSED)`);
  });

  test.each(['127.0.0.1', '::1', '::'])('a port of %s that is taken: EADDRINUSE, with the address', async (ip) => {
    const { port } = keep(new MptcpListener({ ip, port: 0 })).local;
    const error = await failure(() => new MptcpListener({ ip, port }));
    const where = ip === '127.0.0.1' ? `${ip}:${port}` : `[${ip}]:${port}`;
    expect(error).toBeInstanceOf(SystemError);
    expect(error).toMatchObject({ syscall: 'bind', code: 'EADDRINUSE', errno: 98, subject: where });
  });

  test('an address that is not this machine’s: EADDRNOTAVAIL, with the address', async () => {
    const notOurs = { ip: '203.0.113.7', port: 0 };
    const expected = { syscall: 'bind', code: 'EADDRNOTAVAIL', subject: '203.0.113.7:0' };
    expect(await failure(() => new MptcpListener(notOurs))).toMatchObject(expected);
    const to = { ip: '127.0.0.1', port: 9 };
    expect(await failure(() => MptcpStream.connect(to, notOurs))).toMatchObject(expected);
  });

  test('a closed socket does not speak through a descriptor that has another owner now', async () => {
    const { client } = await pair('127.0.0.1');
    client.close();
    client.close();
    // The kernel gives out the lowest free number: this socket has the one that was closed.
    const other = keep(new MptcpListener({ ip: '127.0.0.1', port: 0 }));
    expect(await failure(() => client.local)).toMatchObject({ syscall: 'getsockname', code: 'EBADF' });
    expect(await failure(() => client.write(Buffer.from('x')))).toMatchObject({ syscall: 'send', code: 'EBADF' });
    expect(await failure(() => client.end())).toMatchObject({ syscall: 'shutdown', code: 'EBADF' });
    expect(await failure(() => client.watch(() => undefined))).toMatchObject({ code: 'EBADF' });
    expect(other.local.port).toBeGreaterThan(0);
  });
});

test('a later watch replaces an earlier one', async () => {
  const { client, server } = await pair('127.0.0.1');
  const [first, second] = [vi.fn(), vi.fn(() => server.unwatch())];
  server.watch(first);
  server.watch(second);
  client.write(Buffer.from('x'));
  await vi.waitFor(() => expect(second).toHaveBeenCalledTimes(1), deadline);
  expect(first).not.toHaveBeenCalled();
});

test('10,000 listeners, and as many that could not be opened, leave no descriptor open', async () => {
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  const at = { ip: '::1', port: 0 };
  const attempts: [() => unknown, string][] = [
    [() => new MptcpListener({ ip: '203.0.113.7', port: 0 }), 'EADDRNOTAVAIL'],
    [() => new MptcpListener({ ip: 'nonsense', port: 0 }), 'not an IP address'],
    [() => MptcpStream.connect(at, { ip: '203.0.113.7', port: 0 }), 'EINVAL'],
    [() => MptcpStream.connect({ ip: 'nonsense', port: 0 }), 'not an IP address'],
  ];
  for (let i = 0; i < 10_000; i++) {
    new MptcpListener(at).close();
    const [attempt, reason] = attempts[i % 4] ?? [];
    let message = '';
    try {
      attempt?.();
    } catch (error) {
      message = String(error);
    }
    if (!message.includes(reason ?? 'no reason')) expect.fail(`${message} instead of ${reason}`);
  }
  expect(descriptors()).toBe(before);
});

testInNamespace('a link-local address is of use with its scope only', async () => {
  const { path, run, close } = await openNamespace();
  onTestFinished(() => close());
  run(['ip', 'link', 'add', 'll0', 'type', 'veth', 'peer', 'name', 'll1']);
  run(['ip', 'link', 'set', 'll1', 'up']);
  run(['ip', 'addr', 'add', 'fe80::1234/64', 'dev', 'll0', 'nodad']);
  run(['ip', 'link', 'set', 'll0', 'up']);
  const index = /^(\d+): ll0/m.exec(run(['ip', '-o', 'link', 'show', 'll0']))?.[1];
  const ip = `fe80::1234%${index}`;
  const bare = { ip: 'fe80::1234', port: 0 };
  expect(await failure(() => inNetworkNamespace(path, () => new MptcpListener(bare)))).toMatchObject({
    syscall: 'bind',
    code: 'EINVAL',
  });
  const listener = keep(inNetworkNamespace(path, () => new MptcpListener({ ip, port: 0 })));
  const { port } = listener.local;
  expect(port).toBeGreaterThan(0);
  const client = keep(inNetworkNamespace(path, () => MptcpStream.connect({ ip, port })));
  await once(client, 'writable');
  client.connected();
  client.write(Buffer.from('x'));
  expect(await read(await accept(listener))).toBe('x');
});
