import { stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import * as c from './constants.ts';
import * as libc from './libc.ts';
import { encodeUnix } from './sockaddr.ts';

const EBADF = 9;
const ENOENT = 2;
const EINVAL = 22;
const ECONNREFUSED = 111;

/** errno is read by a second call right after the first: nothing may come in between, on this thread or another. */
test('a failed call gives its own errno, never an earlier one’s or another thread’s', async () => {
  const fd = libc.socket(c.AF_UNIX, c.SOCK_DGRAM | c.SOCK_CLOEXEC | c.SOCK_NONBLOCK, 0);
  expect(fd).toBeGreaterThanOrEqual(0);
  const nowhere = encodeUnix('/no/such/path');
  const nobody = encodeUnix(`@mptcpd-test-${process.pid}-nobody`);
  const data = Uint8Array.of(1);
  const wrong: string[] = [];
  const expectErrno = (got: number, errno: number, call: string): void => {
    if (got !== -errno) wrong.push(`${call}: ${got}, not ${-errno}`);
  };
  let failedElsewhere = 0;
  try {
    for (let round = 0; round < 100; round++) {
      // Meanwhile libuv's threads fail with an errno of their own.
      const others = Array.from({ length: 8 }, () =>
        stat('/etc/passwd/not-a-directory').catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOTDIR') failedElsewhere++;
        }),
      );
      for (let i = 0; i < 200; i++) {
        expectErrno(libc.sendto(fd, data, 1, 0, nowhere, nowhere.length), ENOENT, 'sendto a missing path');
        expectErrno(libc.sendto(fd, data, 1, 0, nobody, nobody.length), ECONNREFUSED, 'sendto an unbound name');
        expectErrno(libc.recv(fd, new Uint8Array(1), 1, 0), c.EAGAIN, 'recv on an empty queue');
        expectErrno(libc.close(-1), EBADF, 'close');
        expectErrno(libc.listen(fd, -1), 95, 'listen on a datagram socket');
        expectErrno(libc.setns(fd, 0), EINVAL, 'setns to a socket');
        // A call that succeeds does not report the failure before it.
        const name = new Uint8Array(28);
        if (libc.getsockname(fd, name, new Uint8Array(Uint32Array.of(28).buffer)) !== 0) wrong.push('getsockname');
      }
      await Promise.all(others);
    }
  } finally {
    libc.close(fd);
  }
  expect(wrong).toEqual([]);
  expect(failedElsewhere).toBe(800);
});
