import koffi from 'koffi';

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

// koffi closes a handle that the garbage collector finds, so every live one is held here.
const live = new Set<Handle>();

/**
 * Calls `ready` from the event loop for as long as `fd` is readable (or writable): level-triggered, as poll(2).
 * What `ready` throws becomes an uncaught exception, as from any other event handler.
 */
export function poll(fd: number, ready: () => void, direction: 'readable' | 'writable' = 'readable'): Watch {
  const options = { [direction]: true };
  const onReady = (status: unknown): void => {
    if (!live.has(handle)) return;
    try {
      ready();
    } catch (error) {
      // koffi would swallow it and leave the handle spinning.
      setImmediate(() => {
        throw error;
      });
    }
    // On POLLERR libuv reports a negative status and stops the handle.
    if (typeof status === 'number' && status < 0 && live.has(handle)) handle.start(options, onReady);
  };
  const handle = koffi.node.poll(fd, options, onReady as never) as unknown as Handle;
  live.add(handle);
  return {
    close: () => {
      if (live.delete(handle)) handle.close();
    },
    ref: () => handle.ref(),
    unref: () => handle.unref(),
  };
}
