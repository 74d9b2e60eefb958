import { errnoMessage, errnoName } from '../os/errno.ts';

/** Where libc's words for an errno are not Node's. */
const words: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EBUSY: 'Device or resource busy',
  EEXIST: 'File exists',
  EINTR: 'Interrupted system call',
  ENODEV: 'No such device',
  ENOENT: 'No such file or directory',
  ENOMEM: 'Cannot allocate memory',
  ENOTDIR: 'Not a directory',
  EOPNOTSUPP: 'Operation not supported',
  ERANGE: 'Numerical result out of range',
};

/** An errno as strerror(3) says it: `Operation not permitted`. */
export function describeErrno(errno: number): string {
  const message = errnoMessage(errno);
  return words[errnoName(errno)] ?? `${message.charAt(0).toUpperCase()}${message.slice(1)}`;
}
