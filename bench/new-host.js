import { Host } from '../dist/daemon/host.js';
import { createLog } from '../dist/log/index.js';
import { FakeClock } from '../dist/testing/index.js';

/**
 * A host with one plugin, over a kernel that takes every command at once.
 * @param {string} plugin its name
 * @param {Partial<import('../dist/daemon/host.js').HostOptions>} more what is other than that
 */
export function newHost(plugin, more = {}) {
  const options = {
    perform: () => ({ ok: true, value: undefined }),
    clock: new FakeClock(),
    log: createLog('null', 'info'),
    reread: () => undefined,
    unlisten: () => undefined,
    watchProgress: () => undefined,
    droppedAnnouncements: () => undefined,
    hasRoute: () => true,
    notifyFlags: { existing: true, skipLinkLocal: true, skipLoopback: true },
    pathManager: undefined,
    ...more,
  };
  return new Host(options, [{ name: plugin, priority: 0 }]);
}
