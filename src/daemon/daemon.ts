import type { RawOption, Settings } from '../config/index.ts';
import type { NotifyFlags } from '../core/model/network.ts';
import { hasDefaultRoute, joinNetwork, readNetwork, watchNetwork } from '../monitor/monitor.ts';
import { Client } from '../netlink/client.ts';
import * as pm from '../netlink/families/mptcp-pm.ts';
import * as nlctrl from '../netlink/families/nlctrl.ts';
import * as route from '../netlink/families/route.ts';
import { Family } from '../netlink/family.ts';
import type { Socket } from '../netlink/socket.ts';
import { subscribe } from '../netlink/subscription.ts';
import { SystemError } from '../os/index.ts';
import type { Plugin } from '../plugin-api/plugin.ts';
import { builtIn } from '../plugins/index.ts';
import type { Environment } from './environment.ts';
import { Host } from './host.ts';
import { kernelPathManager } from './path-manager.ts';
import { findPlugins } from './plugin-loader.ts';
import { type Running, setUp } from './plugin-setup.ts';
import { StartError } from './start-error.ts';

/** How long all plugins together may take to close: a service manager expects the end within a second. */
const STOP_MS = 700;
/** Room for 100,000 events: a burst of connections while the daemon is held up. The kernel doubles it. */
const RECEIVE_BUFFER = 32 * 1024 * 1024;
const REREAD_MS = 1000;
/** The plugin for those who name none: the kernel's path manager is the default of every kernel. */
const DEFAULT_PLUGIN = 'addr_adv';

/** The daemon: sockets, host and plugins, put together. */
export class Daemon {
  readonly host: Host;
  readonly #sockets: Socket[];
  readonly #environment: Environment;
  readonly #plugins: Running[] = [];

  private constructor(host: Host, sockets: Socket[], environment: Environment) {
    this.host = host;
    this.#sockets = sockets;
    this.#environment = environment;
  }

  /**
   * Starts: subscribes first, so that nothing is missed, then sets the plugins up, then reads what there is.
   * @throws StartError, PluginError; nothing is left open then
   */
  static async start(settings: Settings, environment: Environment, extra: readonly Plugin[] = []): Promise<Daemon> {
    const { log } = environment;
    const { pluginDir, loadPlugins, pathManager } = settings.core;
    checkKernel(environment);
    const shipped = [...(builtIn as unknown as readonly Plugin[]), ...extra];
    const found = await findPlugins({
      pluginDir,
      loadPlugins,
      pathManager,
      builtIn: shipped,
      fallback: DEFAULT_PLUGIN,
      warn: (message) => log.warn(message),
    });

    const kernel = openKernel(environment, settings.core.notifyFlags.includes('check_route'));
    const host = new Host(
      {
        perform: kernelPathManager(kernel.family),
        clock: environment.clock,
        log,
        notifyFlags: toNotifyFlags(settings.core),
        hasRoute: (address) => hasDefaultRoute(kernel.network, address),
        pathManager,
        reread: (source) => {
          if (source === 'network') reread(host, kernel.network, environment);
        },
      },
      found.map(({ plugin }) => ({ name: plugin.name, priority: plugin.priority ?? 0 })),
    );
    const daemon = new Daemon(host, kernel.sockets, environment);
    try {
      await daemon.#setUp(
        found.map(({ plugin }) => plugin),
        settings,
      );
      readAll(host, kernel.network);
      followEvents(kernel.events, host, log);
      watchNetwork(kernel.changes, {
        change: (input) => host.feed(input),
        lost: (count) => host.feed({ type: 'lost', source: 'network', count }),
        malformed: (error) => log.error({ error: String(error) }, 'unreadable message from rtnetlink'),
      });
      return daemon;
    } catch (error) {
      await daemon.stop();
      throw error;
    }
  }

  /** Sets the plugins up, the most favoured first. */
  async #setUp(plugins: readonly Plugin[], settings: Settings): Promise<void> {
    const { clock, log } = this.#environment;
    const byName = new Map(plugins.map((plugin) => [plugin.name, plugin]));
    for (const { name } of this.host.core.plugins) {
      const plugin = byName.get(name) as Plugin;
      warnOfWrongMode(plugin, this.#environment);
      const options = settings.plugins.get(name) ?? new Map<string, RawOption>();
      const addressFlags = settings.core.addrFlags;
      this.#plugins.push(await setUp(plugin, { host: this.host, clock, log, addressFlags, options }));
    }
  }

  /** Closes the plugins, the last one first, and the sockets. */
  async stop(): Promise<void> {
    const { clock } = this.#environment;
    const end = clock.now() + STOP_MS;
    for (const plugin of this.#plugins.splice(0).reverse()) await plugin.close(Math.max(0, end - clock.now()));
    for (const socket of this.#sockets.splice(0)) socket.close();
  }
}

interface Kernel {
  readonly family: Family;
  readonly network: Client;
  /** Subscribed to the path manager's events … */
  readonly events: Socket;
  /** … and to changes of interfaces and addresses. */
  readonly changes: Socket;
  readonly sockets: Socket[];
}

/** Opens all sockets and subscribes: from now on what happens queues. Where that fails, nothing stays open. */
function openKernel(environment: Environment, routes: boolean): Kernel {
  const sockets: Socket[] = [];
  const open = (protocol: number): Socket => {
    const socket = environment.openSocket(protocol);
    sockets.push(socket);
    return socket;
  };
  try {
    const family = findFamily(new Client(open(nlctrl.PROTOCOL)));
    const events = open(nlctrl.PROTOCOL);
    joinEvents(events, family, environment);
    const changes = open(route.PROTOCOL);
    joinNetwork(changes, routes);
    changes.receiveBuffer(RECEIVE_BUFFER);
    return { family, network: new Client(open(route.PROTOCOL)), events, changes, sockets };
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}

function checkKernel({ sysctl }: Environment): void {
  const enabled = sysctl('enabled');
  if (enabled === undefined) {
    throw new StartError('NO_MPTCP', 'this kernel has no Multipath TCP; it takes Linux 5.6 or later with CONFIG_MPTCP');
  }
  if (enabled === '0') {
    throw new StartError('MPTCP_DISABLED', 'Multipath TCP is switched off; run sysctl -w net.mptcp.enabled=1');
  }
}

function findFamily(client: Client): Family {
  const family = Family.find(client, pm.FAMILY);
  if (family.ok) return family.value;
  const need = 'it takes Linux 5.6 or later with CONFIG_MPTCP';
  throw new StartError('NO_MPTCP', `this kernel has no path manager interface (${family.error.errno}); ${need}`);
}

function joinEvents(socket: Socket, family: Family, environment: Environment): void {
  const group = family.groups.get(pm.EVENT_GROUP);
  if (group === undefined) {
    throw new StartError('NO_EVENTS', 'this kernel sends no path manager events; it takes Linux 5.12 or later');
  }
  try {
    socket.join(group);
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== 'EPERM') throw error;
    const cure = 'run it as root, or give it AmbientCapabilities=CAP_NET_ADMIN in its unit';
    throw new StartError('NO_CAPABILITY', `mptcpd needs the capability CAP_NET_ADMIN; ${cure}`);
  }
  if (!socket.receiveBuffer(RECEIVE_BUFFER)) {
    const cure = 'raise net.core.rmem_max, or run with CAP_NET_ADMIN of the initial user namespace';
    environment.log.warn({ cure }, 'the receive buffer is smaller than wished: a large burst of events may be lost');
  }
}

function followEvents(socket: Socket, host: Host, log: Environment['log']): void {
  const seen = new Set<string>();
  const newer = (what: string, id: number): void => {
    if (seen.has(`${what} ${id}`)) return;
    seen.add(`${what} ${id}`);
    log.debug({ [what]: id }, 'the kernel sends something that this version does not know');
  };
  subscribe(socket, {
    message(b, body, end) {
      const event = pm.pmEvents.decode(b, body, end);
      if (event.type === 'unknown') {
        newer('event', event.command);
        return;
      }
      if (event.unknown) for (const { id } of event.unknown) newer('attribute', id);
      host.feed(event);
    },
    lost: (count) => host.feed({ type: 'lost', source: 'connections', count }),
    malformed: (error) => log.error({ error: String(error) }, 'unreadable path manager event'),
  });
}

function readAll(host: Host, client: Client): void {
  const network = readNetwork(client);
  if (!network.ok) throw network.error;
  host.feed(network.value);
}

/** Reads again after a loss; what cannot be read now is tried again until it can. */
function reread(host: Host, client: Client, environment: Environment): void {
  try {
    readAll(host, client);
  } catch (error) {
    environment.log.error({ error: String(error) }, `cannot read the network; trying again in ${REREAD_MS} ms`);
    environment.clock.after(REREAD_MS, () => reread(host, client, environment));
  }
}

const toNotifyFlags = ({ notifyFlags: flags, checkRouteTime }: Settings['core']): NotifyFlags => ({
  existing: flags.includes('existing'),
  skipLinkLocal: flags.includes('skip_link_local'),
  skipLoopback: flags.includes('skip_loopback'),
  ...(flags.includes('check_route') ? { checkRoute: checkRouteTime * 1000 } : {}),
});

/** A plugin for one path manager does nothing for connections under the other: say so before anybody wonders. */
function warnOfWrongMode({ name, drives }: Plugin, { sysctl, log }: Environment): void {
  const mode = sysctl('path_manager') ?? (sysctl('pm_type') === '1' ? 'userspace' : 'kernel');
  if (drives === undefined || drives === mode) return;
  const cure = `sysctl -w net.mptcp.${sysctl('path_manager') === undefined ? `pm_type=${drives === 'userspace' ? 1 : 0}` : `path_manager=${drives}`}`;
  log.warn(
    { plugin: name, cure },
    `new connections are under the ${mode} path manager, which this plugin does not drive`,
  );
}
