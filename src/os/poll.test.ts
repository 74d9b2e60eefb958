import { closeSync, openSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import koffi from 'koffi';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import * as c from './constants.ts';
import * as libc from './libc.ts';
import { poll, type Watch } from './poll.ts';
import { encodeUnix } from './sockaddr.ts';
import { check } from './system-error.ts';
import { UnixDatagram } from './unix-datagram.ts';

const deadline = { timeout: 5000, interval: 1 };

let sockets = 0;
/** A descriptor that becomes readable at will. */
function readable(): { fd: number; fill(): void; drain(): number } {
  const name = `@mptcpd-test-poll-${process.pid}-${sockets++}`;
  const fd = check(libc.socket(c.AF_UNIX, c.SOCK_DGRAM | c.SOCK_CLOEXEC | c.SOCK_NONBLOCK, 0), 'socket');
  const address = encodeUnix(name);
  check(libc.bindAddress(fd, address, address.length), 'bind', name);
  const sender = new UnixDatagram();
  onTestFinished(() => {
    libc.close(fd);
    sender.close();
  });
  return {
    fd,
    fill: () => expect(sender.sendTo(name, Uint8Array.of(1))).toBe(true),
    drain: () => {
      let n = 0;
      while (libc.recv(fd, new Uint8Array(1), 1, c.MSG_DONTWAIT) > 0) n++;
      return n;
    },
  };
}

/** Watches until the test is over. */
function watched(fd: number, ready: () => void, direction?: 'readable' | 'writable'): Watch {
  const watch = poll(fd, ready, direction);
  onTestFinished(() => watch.close());
  return watch;
}

/** Lets the event loop poll all descriptors, at least once more than those that are ready now. */
async function allPolled(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    const fence = readable();
    const ready = vi.fn(() => void fence.drain());
    const watch = poll(fence.fd, ready);
    fence.fill();
    await vi.waitFor(() => expect(ready).toHaveBeenCalled(), deadline);
    watch.close();
  }
}

test('ready is called while there is something to read, and not afterwards', async () => {
  const { fd, fill, drain } = readable();
  let calls = 0;
  // Left unread at the first calls: level-triggered, it is called again.
  watched(fd, () => {
    if (++calls === 3) drain();
  });
  await allPolled();
  expect(calls).toBe(0);
  fill();
  await vi.waitFor(() => expect(calls).toBe(3), deadline);
  await allPolled();
  expect(calls).toBe(3);
});

test('ready is called where there is room to write', async () => {
  const { fd } = readable();
  const ready = vi.fn();
  const watch = watched(fd, ready, 'writable');
  await vi.waitFor(() => expect(ready).toHaveBeenCalled(), deadline);
  watch.close();
});

test('a closed watch is silent, also when ready itself closed it, and the descriptor can be watched anew', async () => {
  const { fd, fill, drain } = readable();
  const first = vi.fn(() => watch.close());
  const watch = watched(fd, first);
  fill();
  await vi.waitFor(() => expect(first).toHaveBeenCalled(), deadline);
  await allPolled();
  expect(first).toHaveBeenCalledTimes(1);

  const second = vi.fn(() => void drain());
  watched(fd, second);
  await vi.waitFor(() => expect(second).toHaveBeenCalledTimes(1), deadline);
  fill();
  await vi.waitFor(() => expect(second).toHaveBeenCalledTimes(2), deadline);
  watch.close();
  fill();
  await vi.waitFor(() => expect(second).toHaveBeenCalledTimes(3), deadline);
  expect(first).toHaveBeenCalledTimes(1);
});

test('what cannot be polled is refused: koffi alone would end the process', () => {
  const refused = (fd: number): unknown => poll(fd, () => undefined);
  expect(() => refused(-1)).toThrow(expect.objectContaining({ code: 'EBADF', subject: 'descriptor -1' }));
  expect(() => refused(1_000_000)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  const file = openSync('/etc/passwd', 'r');
  onTestFinished(() => closeSync(file));
  expect(() => refused(file)).toThrow(expect.objectContaining({ code: 'ENOTSOCK' }));
  const { fd } = readable();
  watched(fd, () => undefined);
  expect(() => refused(fd)).toThrow(`descriptor ${fd} is watched already`);
});

test('a closed watch can be closed, referenced and unreferenced again without harm', async () => {
  const { fd, fill } = readable();
  const ready = vi.fn();
  const watch = watched(fd, ready);
  watch.unref();
  watch.ref();
  watch.close();
  await allPolled();
  watch.unref();
  watch.ref();
  watch.close();
  fill();
  await allPolled();
  expect(ready).not.toHaveBeenCalled();
});

describe('an exception in ready', () => {
  /** Takes the place of vitest's own handlers, which would count the exception as a failure of the run. */
  function uncaught(): unknown[] {
    const errors: unknown[] = [];
    const others = process.listeners('uncaughtException');
    const note = (error: unknown): void => void errors.push(error);
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', note);
    onTestFinished(() => {
      process.off('uncaughtException', note);
      for (const other of others) process.on('uncaughtException', other);
    });
    return errors;
  }

  test('becomes an uncaught exception, and the watch goes on', async () => {
    const errors = uncaught();
    const { fd, fill, drain } = readable();
    const mistake = new Error('ready failed');
    let calls = 0;
    watched(fd, () => {
      calls++;
      drain();
      if (calls === 1) throw mistake;
    });
    fill();
    await vi.waitFor(() => expect(errors).toEqual([mistake]), deadline);
    await allPolled();
    // Neither swallowed nor spinning …
    expect(calls).toBe(1);
    fill();
    // … nor deaf.
    await vi.waitFor(() => expect(calls).toBe(2), deadline);
    expect(errors).toEqual([mistake]);
  });

  test('is reported once for each call, and ends with the watch', async () => {
    const errors = uncaught();
    const { fd, fill } = readable();
    let calls = 0;
    const watch = watched(fd, () => {
      calls++;
      if (calls === 5) watch.close();
      throw new Error(`failure ${calls}`);
    });
    fill();
    await vi.waitFor(() => expect(errors).toHaveLength(5), deadline);
    await allPolled();
    expect(errors.map(String)).toEqual([1, 2, 3, 4, 5].map((n) => `Error: failure ${n}`));
  });
});

describe('POLLERR', () => {
  /** A netlink socket that the kernel answers more than it can hold: an overrun, which raises POLLERR. */
  function overrun(): { fd: number; provoke(): void; ask(): void } {
    const fd = check(libc.socket(c.AF_NETLINK, c.SOCK_RAW | c.SOCK_CLOEXEC | c.SOCK_NONBLOCK, 0), 'socket');
    onTestFinished(() => void libc.close(fd));
    const ask = (n: number): void => {
      const words = new Uint32Array(4 * n);
      const halves = new Uint16Array(words.buffer);
      for (let i = 0; i < n; i++) {
        words[4 * i] = 16; // struct nlmsghdr: length …
        halves[8 * i + 2] = 1; // … NLMSG_NOOP …
        halves[8 * i + 3] = 5; // … NLM_F_REQUEST | NLM_F_ACK
      }
      const datagram = new Uint8Array(words.buffer);
      check(libc.send(fd, datagram, datagram.length, 0), 'send');
    };
    return { fd, provoke: () => ask(5000), ask: () => ask(1) };
  }

  test('stops no watch: after an overrun ready is called for the next datagram, time and again', async () => {
    const { fd, provoke, ask } = overrun();
    let overruns = 0;
    let datagrams = 0;
    watched(fd, () => {
      for (;;) {
        const n = libc.recv(fd, new Uint8Array(4096), 4096, c.MSG_DONTWAIT);
        if (n === -c.EAGAIN) return;
        if (n === -105) overruns++;
        else datagrams += check(n, 'recv') > 0 ? 1 : 0;
      }
    });
    for (let cycle = 1; cycle <= 10; cycle++) {
      provoke();
      await vi.waitFor(() => expect(overruns).toBe(cycle), deadline);
      await allPolled();
      const before = datagrams;
      expect(before).toBeGreaterThan(0);
      ask();
      await vi.waitFor(() => expect(datagrams).toBe(before + 1), deadline);
    }
  });

  test('does not bring a closed watch back', async () => {
    const { fd, provoke } = overrun();
    const ready = vi.fn(() => watch.close());
    const watch = watched(fd, ready);
    provoke();
    await vi.waitFor(() => expect(ready).toHaveBeenCalled(), deadline);
    await allPolled();
    expect(ready).toHaveBeenCalledTimes(1);
  });
});

test('the garbage collector does not end a watch that nobody holds', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const held = readable();
  let heard = 0;
  // Out of reach once the function has returned.
  const forget = (): void => {
    poll(held.fd, () => {
      heard += held.drain();
    });
  };
  forget();

  // That a bare koffi handle is collected shows that this would be.
  const collected = vi.fn();
  const registry = new FinalizationRegistry<string>(collected);
  const bare = readable();
  const forgetBare = (): void => {
    const handle = koffi.node.poll(bare.fd, { readable: true }, () => undefined) as unknown as object;
    registry.register(handle, 'bare');
  };
  forgetBare();
  await vi.waitFor(() => {
    gc();
    expect(collected).toHaveBeenCalledWith('bare');
  }, deadline);
  for (let i = 1; i <= 5; i++) {
    gc();
    held.fill();
    await vi.waitFor(() => expect(heard).toBe(i), deadline);
  }
});
