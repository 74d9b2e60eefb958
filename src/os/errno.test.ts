import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { errnoMessage, errnoName, errnoNumber } from './errno.ts';
import { check, SystemError } from './system-error.ts';

describe('errno names', () => {
  test.each([
    [1, 'EPERM'],
    [2, 'ENOENT'],
    [11, 'EAGAIN'],
    [22, 'EINVAL'],
    [95, 'EOPNOTSUPP'],
    [98, 'EADDRINUSE'],
    [105, 'ENOBUFS'],
    [111, 'ECONNREFUSED'],
  ])('%i is %s, as errno(3) has it', (errno, name) => {
    expect(errnoName(errno)).toBe(name);
    expect(errnoNumber(name)).toBe(errno);
  });

  test('every name that Node knows leads to its number and back to a name of that number', () => {
    const all = Object.entries(constants.errno);
    expect(all.length).toBeGreaterThan(50);
    for (const [name, errno] of all) {
      expect(errnoNumber(name), name).toBe(errno);
      expect(errnoNumber(errnoName(errno)), name).toBe(errno);
    }
  });

  test('a number that libc does not name, such as the kernel’s ENOTSUPP, goes there and back', () => {
    expect(errnoName(524)).toBe('errno 524');
    expect(errnoNumber('errno 524')).toBe(524);
  });

  test.each(['ENOSUCHNAME', '', 'errno', 'errno ', 'errno x', 'errno 5x', 'errno -5'])(
    'what is no name (%j) has no number',
    (name) => expect(errnoNumber(name)).toBeUndefined(),
  );

  test('messages are words where there are words, and the name where there are none', () => {
    expect(errnoMessage(98)).toBe('address already in use');
    expect(errnoMessage(2)).toBe('no such file or directory');
    expect(errnoMessage(524)).toBe('errno 524');
  });
});

describe('SystemError', () => {
  test('says which call failed, on what and why', () => {
    const error = new SystemError('bind', 98, '[::1]:8000');
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toBe('bind [::1]:8000: address already in use (EADDRINUSE)');
    expect(error).toMatchObject({
      name: 'SystemError',
      syscall: 'bind',
      errno: 98,
      code: 'EADDRINUSE',
      subject: '[::1]:8000',
    });
  });

  test('does not repeat a name that has no words, nor speak of a subject that is not there', () => {
    const error = new SystemError('send', 524);
    expect(error.message).toBe('send: errno 524');
    expect(error.subject).toBeUndefined();
  });

  test('check passes results on and throws negated errnos', () => {
    expect(check(0, 'socket')).toBe(0);
    expect(check(7, 'socket')).toBe(7);
    expect(() => check(-22, 'setns', '/x')).toThrow(new SystemError('setns', 22, '/x'));
  });
});
