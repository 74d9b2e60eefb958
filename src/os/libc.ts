import koffi from 'koffi';

// Node itself is linked against the C library, glibc or musl: its symbols are found in the running program.
const program = koffi.load(null);

type Argument = number | Uint8Array | string | null;

/**
 * Binds one libc function. The result is its return value, or the negated errno: errno is read right after the call
 * on the same thread, before anything else can change it.
 */
function bind(prototype: string): (...args: Argument[]) => number {
  const native = program.func(prototype);
  return (...args) => {
    const result = native(...args) as number;
    return result < 0 ? -koffi.errno() : result;
  };
}

export const socket = bind('int socket(int domain, int type, int protocol)');
export const close = bind('int close(int fd)');
export const bindAddress = bind('int bind(int fd, const void *address, uint32_t length)');
export const connect = bind('int connect(int fd, const void *address, uint32_t length)');
export const listen = bind('int listen(int fd, int backlog)');
export const accept4 = bind('int accept4(int fd, void *address, void *length, int flags)');
export const getsockname = bind('int getsockname(int fd, void *address, void *length)');
export const getpeername = bind('int getpeername(int fd, void *address, void *length)');
export const shutdown = bind('int shutdown(int fd, int how)');
export const setsockopt = bind('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)');
export const getsockopt = bind('int getsockopt(int fd, int level, int name, void *value, void *length)');
export const send = bind('intptr_t send(int fd, const void *data, size_t length, int flags)');
export const sendto = bind(
  'intptr_t sendto(int fd, const void *data, size_t length, int flags, const void *address, uint32_t addressLength)',
);
export const recv = bind('intptr_t recv(int fd, void *data, size_t length, int flags)');
export const recvfrom = bind(
  'intptr_t recvfrom(int fd, void *data, size_t length, int flags, void *address, void *addressLength)',
);
export const open = bind('int open(const char *path, int flags)');
export const setns = bind('int setns(int fd, int type)');
