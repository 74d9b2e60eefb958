import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

const names = new Map<number, string>();
const numbers = new Map<string, number>();
const messages = new Map<number, string>();

function learn(errno: number, name: string): void {
  numbers.set(name, errno);
  // Two names may share a number (EAGAIN and EWOULDBLOCK): the first one in errno(3)'s order is the usual one.
  if (!names.has(errno)) names.set(errno, name);
}

for (const [name, errno] of Object.entries(constants.errno)) learn(errno, name);
for (const [negative, [name, message]] of getSystemErrorMap()) {
  learn(-negative, name);
  messages.set(-negative, message);
}
// Linux's EOPNOTSUPP and ENOTSUP are one number; kernel code says EOPNOTSUPP.
const EOPNOTSUPP = numbers.get('EOPNOTSUPP');
if (EOPNOTSUPP !== undefined) names.set(EOPNOTSUPP, 'EOPNOTSUPP');

/** The symbolic name of an errno (a positive number), such as `EINVAL`; `errno 524` where libc has none. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}

/** The number behind a name that {@link errnoName} gave, or undefined. */
export function errnoNumber(name: string): number | undefined {
  const unnamed = /^errno (\d+)$/.exec(name)?.[1];
  return unnamed === undefined ? numbers.get(name) : Number(unnamed);
}

/** What an errno means in words, such as `address already in use`; its name where there are no words. */
export function errnoMessage(errno: number): string {
  return messages.get(errno) ?? errnoName(errno);
}
