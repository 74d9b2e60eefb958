import koffi from 'koffi';
import * as c from './constants.ts';
import * as libc from './libc.ts';
import { check } from './system-error.ts';

/** A watch on a file descriptor, from {@link poll}. */
export interface Watch {
  /** Ends the watch. Call it before the descriptor is closed. */
  close(): void;
  /** Keeps the event loop alive for this watch (the default) … */
  ref(): void;
  /** … or lets the process end although the watch is on. */
  unref(): void;
}

interface Handle {
  start(options: { readable?: boolean; writable?: boolean }, callback: (...args: unknown[]) => void): void;
  close(): void;
  ref(): void;
  unref(): void;
}

// koffi closes a handle that the garbage collector finds, so every live one is held here, by its descriptor.
const live = new Map<number, Handle>();

/**
 * Calls `ready` from the event loop for as long as the socket `fd` is readable (or writable): level-triggered, as
 * poll(2). What `ready` throws becomes an uncaught exception, as from any other event handler.
 *
 * @throws SystemError EBADF, ENOTSOCK; Error where the descriptor is watched already
 */
export function poll(fd: number, ready: () => void, direction: 'readable' | 'writable' = 'readable'): Watch {
  // Where libuv cannot poll a descriptor, koffi ends the whole process.
  const length = new Uint8Array(Uint32Array.of(4).buffer);
  check(libc.getsockopt(fd, c.SOL_SOCKET, c.SO_TYPE, new Uint8Array(4), length), 'poll', `descriptor ${fd}`);
  if (live.has(fd)) throw new Error(`descriptor ${fd} is watched already`);
  const options = { [direction]: true };
  const onReady = (status: unknown): void => {
    if (!alive()) return;
    try {
      ready();
    } catch (error) {
      // koffi would swallow it and leave the handle spinning.
      setImmediate(() => {
        throw error;
      });
    }
    // On POLLERR libuv reports a negative status and stops the handle.
    if (typeof status === 'number' && status < 0 && alive()) handle.start(options, onReady);
  };
  const handle = koffi.node.poll(fd, options, onReady as never) as unknown as Handle;
  const alive = (): boolean => live.get(fd) === handle;
  live.set(fd, handle);
  return {
    close: () => {
      if (!alive()) return;
      live.delete(fd);
      handle.close();
    },
    // On a closed handle koffi would write to freed memory.
    ref: () => {
      if (alive()) handle.ref();
    },
    unref: () => {
      if (alive()) handle.unref();
    },
  };
}
