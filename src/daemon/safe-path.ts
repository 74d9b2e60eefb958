import { closeSync, fstatSync, openSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { PluginError } from './plugin-error.ts';

const WORLD_WRITABLE = 0o002;
const STICKY = 0o1000;

/**
 * Refuses a file or directory that others may write: they could make the daemon run what they like. What passes can be
 * changed by root and the daemon's user alone, so that it is still the same when it is loaded by its name.
 * @throws PluginError, or an error of the system
 */
export function checkSafe(path: string): void {
  const fd = openSync(path, 'r');
  try {
    const { uid, mode } = fstatSync(fd);
    if (uid !== 0 && uid !== process.geteuid?.()) {
      const owner = `belongs to user ${uid}; it must belong to root or to the daemon's user`;
      throw new PluginError('PLUGIN_UNSAFE', path, owner);
    }
    if (mode & WORLD_WRITABLE) {
      throw new PluginError('PLUGIN_UNSAFE', path, 'is world-writable; run chmod o-w on it');
    }
  } finally {
    closeSync(fd);
  }
}

/**
 * Refuses a directory that others could put another one in the place of.
 * @throws PluginError, or an error of the system
 */
export function checkParents(path: string): void {
  for (let dir = dirname(realpathSync(path)); ; dir = dirname(dir)) {
    const { mode } = statSync(dir);
    // In a sticky directory, such as /tmp, everybody may make things and touch only their own.
    if (mode & WORLD_WRITABLE && !(mode & STICKY)) {
      throw new PluginError('PLUGIN_UNSAFE', path, `lies in ${dir}, which is world-writable; run chmod o-w on that`);
    }
    if (dir === dirname(dir)) return;
  }
}

/** Refuses a file of a directory that is in truth a link to somewhere else. @throws PluginError */
export function checkWithin(dir: string, name: string): void {
  const path = join(dir, name);
  const target = realpathSync(path);
  if (target.startsWith(realpathSync(dir) + sep)) return;
  throw new PluginError('PLUGIN_UNSAFE', path, `is a link that leads out of its directory, to ${target}`);
}
