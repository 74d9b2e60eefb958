import type { ChildProcess } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { LabHost } from './host.ts';
import { ended, start, until } from './process.ts';

/**
 * Two or more hosts joined by links, in namespaces without names: they need no rights, and they end with this process,
 * whatever becomes of it.
 */
export class Lab {
  readonly #root: ChildProcess;
  readonly #hosts: LabHost[] = [];

  private constructor(root: ChildProcess) {
    this.#root = root;
  }

  /** Why there can be no lab here; undefined where there can. */
  static async obstacle(): Promise<string | undefined> {
    const probe = start(
      ['unshare', '--user', '--map-root-user', '--net', 'test', '-e', '/proc/sys/net/mptcp/enabled'],
      {
        stdio: 'ignore',
      },
    );
    const failed = new Promise<string>((resolve) => probe.once('error', (error) => resolve(error.message)));
    const status = await Promise.race([ended(probe), failed]);
    if (status === 0) return undefined;
    return typeof status === 'string' ? status : 'no user namespaces, or a kernel without MPTCP';
  }

  static async open(): Promise<Lab> {
    const root = start(['unshare', '--user', '--map-root-user', '--net', 'cat'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    let failure: Error | undefined;
    root.once('error', (error) => (failure = error));
    const own = readlinkSync('/proc/self/ns/user');
    await until('the lab starts', () => {
      if (failure) throw failure;
      if (root.exitCode !== null) throw new Error(`unshare ended with ${root.exitCode}`);
      // Until cat runs, the maps of the user namespace are not written.
      return (
        root.pid !== undefined &&
        namespaceOf(root.pid) !== own &&
        readFileSync(`/proc/${root.pid}/comm`, 'utf8').trim() === 'cat'
      );
    });
    return new Lab(root);
  }

  async host(name: string): Promise<LabHost> {
    const host = await LabHost.start(name, this.#root.pid as number);
    this.#hosts.push(host);
    return host;
  }

  /** Joins two hosts by a link, an interface of the given name at either end. */
  async link(a: LabHost, b: LabHost, name: string): Promise<void> {
    await a.run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', name, 'netns', `${b.pid}`);
    for (const host of [a, b]) {
      await host.run('ip', 'link', 'set', name, 'up');
      // The kernel asks for a neighbour again after a second only: that would be most of what is measured here.
      const again = ['ipv4', 'ipv6'].map((family) => `net.${family}.neigh.${name}.retrans_time_ms=200`);
      await host.run('sysctl', '-qw', ...again);
    }
  }

  async close(): Promise<void> {
    for (const host of this.#hosts.splice(0).reverse()) await host.close();
    this.#root.stdin?.end();
    await ended(this.#root);
  }
}

function namespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/user`);
  } catch {
    return ''; // not there yet
  }
}
