import { readdirSync, readlinkSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { inNetworkNamespace } from './netns.ts';
import { SystemError } from './system-error.ts';

const here = (): string => readlinkSync('/proc/thread-self/ns/net');

test.each([
  ['is missing', '/run/netns/mptcpd-test-no-such-namespace', 'open', 'ENOENT'],
  ['is an ordinary file', '/etc/passwd', 'setns', 'EINVAL'],
  ['is a namespace of another kind', '/proc/self/ns/uts', 'setns', 'EINVAL'],
])('a namespace file that %s is an error that names it, and the task does not run', (_, path, syscall, code) => {
  const task = vi.fn();
  const home = here();
  const before = readdirSync('/proc/self/fd').length;
  const enter = (): unknown => inNetworkNamespace(path, task);
  expect(enter).toThrow(SystemError);
  expect(enter).toThrow(expect.objectContaining({ syscall, code, subject: path }));
  expect(task).not.toHaveBeenCalled();
  expect(here()).toBe(home);
  expect(readdirSync('/proc/self/fd')).toHaveLength(before);
});
