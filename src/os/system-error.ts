import { errnoMessage, errnoName } from './errno.ts';

/** A system call that failed: which one, with which errno, and what it was tried on. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  /** The libc function, such as `bind`. */
  readonly syscall: string;
  /** The errno, positive. */
  readonly errno: number;
  /** The errno's name, such as `EADDRINUSE`. */
  readonly code: string;
  /** What was tried, for people: `netlink group 8`, `[::1]:8000`. */
  readonly subject: string | undefined;

  constructor(syscall: string, errno: number, subject?: string) {
    const code = errnoName(errno);
    const words = errnoMessage(errno);
    super(`${syscall}${subject ? ` ${subject}` : ''}: ${words === code ? code : `${words} (${code})`}`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = code;
    this.subject = subject;
  }
}

/** Passes on the result of a libc call, or throws where it is a negated errno. */
export function check(result: number, syscall: string, subject?: string): number {
  if (result < 0) throw new SystemError(syscall, -result, subject);
  return result;
}
