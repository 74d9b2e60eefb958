import { isDeepStrictEqual } from 'node:util';
import { type KeyName, keys, type Settings } from '../config/index.ts';
import type { NotifyFlags } from '../core/model/network.ts';
import type { PlanSettings } from '../core/plan/settings.ts';
import { setLevel } from '../log/index.ts';
import { hasDefaultRoute, joinNetwork, watchNetwork } from '../monitor/monitor.ts';
import type { Plugin } from '../plugin-api/plugin.ts';
import { Attempts } from './attempt.ts';
import type { Environment } from './environment.ts';
import { Host } from './host.ts';
import { checkKernel, complaint, followEvents, type Heard, type Kernel, openKernel, readAll } from './kernel.ts';
import { Listeners } from './listeners.ts';
import { LoopDelay } from './loop-delay.ts';
import { NetworkReader } from './network-reader.ts';
import { orAborted } from './or-aborted.ts';
import { kernelPathManager } from './path-manager.ts';
import { findPlugins } from './plugin-loader.ts';
import { parseOptions, type Running, setUp } from './plugin-setup.ts';
import { withoutPresets } from './presets.ts';
import { Progress } from './progress.ts';
import { Recovery } from './recovery.ts';
import { reportConnections } from './report.ts';
import { optionsOf, unusedSections, wantedBy } from './wanted-plugins.ts';

/** How long all plugins together may take to close: a service manager expects the end within a second. */
const STOP_MS = 700;
/** What counts from the next start on only. */
const FIXED: readonly KeyName[] = ['log', 'pluginDir', 'pathManager', 'loadPlugins', 'netns'];

/** The daemon: sockets, host and plugins, put together. */
export class Daemon {
  readonly host: Host;
  readonly #kernel: Kernel;
  readonly #environment: Environment;
  readonly #listeners: Listeners;
  readonly #progress: Progress;
  readonly #recovery: Recovery;
  readonly #network: NetworkReader;
  readonly #heard: Heard = { events: 0, lost: 0 };
  readonly #delay: LoopDelay;
  readonly #release: () => void;
  readonly #plugins: ReadonlyMap<string, Plugin>;
  readonly #running: Running[] = [];
  #settings: Settings;
  #reloading: Promise<void> = Promise.resolve();
  #stopped = false;

  private constructor(
    settings: Settings,
    environment: Environment,
    kernel: Kernel,
    plugins: readonly Plugin[],
    release: () => void,
  ) {
    const { log, clock } = environment;
    this.#settings = settings;
    this.#environment = environment;
    this.#kernel = kernel;
    this.#release = release;
    this.#delay = new LoopDelay(clock);
    this.#plugins = new Map(plugins.map((plugin) => [plugin.name, plugin]));
    this.#listeners = new Listeners(environment.listen);
    this.#progress = new Progress({
      openSocket: environment.openSocket,
      clock,
      log,
      wanted: (token) => host.core.watchesProgress(token),
      feed: (samples) => host.feed({ type: 'progress', samples }),
    });
    const attempts = new Attempts(log, clock);
    const host = new Host(
      {
        perform: this.#listeners.around(kernelPathManager(kernel.family)),
        clock,
        log,
        notifyFlags: toNotifyFlags(settings.core),
        planSettings: toPlanSettings(settings.core),
        unlisten: (token) => this.#listeners.release(token),
        // Where it cannot be looked up, nobody should lose a connection for that.
        hasRoute: (address) => attempts.read('routes', () => hasDefaultRoute(kernel.network, address), true),
        droppedAnnouncements: () => attempts.read('counters', () => environment.counter('AddAddrTxDrop'), undefined),
        watchProgress: (every) => this.#progress.watch(every),
        pathManager: settings.core.pathManager,
        reread: (source) => {
          if (source === 'network') this.#network.read();
          else this.#recovery.read();
        },
      },
      plugins.map((plugin) => ({ name: plugin.name, priority: plugin.priority ?? 0 })),
    );
    host.core.trail = log.isLevelEnabled('debug');
    this.host = host;
    this.#recovery = new Recovery(host, environment);
    this.#network = new NetworkReader(host, kernel.network, environment);
  }

  /**
   * Starts: subscribes first, so that nothing is missed, then sets the plugins up, then reads what there is.
   * @param signal calls the start off; what is set up already is closed then
   * @throws StartError, PluginError, the signal's reason; nothing is left open then
   */
  static async start(
    given: Settings,
    environment: Environment,
    extra: readonly Plugin[] = [],
    signal?: AbortSignal,
  ): Promise<Daemon> {
    const { log } = environment;
    const settings = withoutPresets(given);
    const { notifyFlags } = settings.core;
    checkKernel(environment);
    const wanted = wantedBy(settings, extra, (message) => log.warn(message));
    const found = await orAborted(findPlugins(wanted), signal);
    const plugins = found.map(({ plugin }) => plugin);
    const mark = environment.claim();
    const release = mark ?? (() => undefined);
    let daemon: Daemon | undefined;
    try {
      // Plans try again what failed for want of a route once there are others.
      const routes = notifyFlags.includes('check_route') || plugins.some(({ plan }) => plan);
      const kernel = await openKernel(environment, routes, mark !== undefined, signal);
      daemon = new Daemon(settings, environment, kernel, plugins, release);
      await daemon.#begin(signal);
      return daemon;
    } catch (error) {
      await daemon?.stop();
      release();
      throw error;
    }
  }

  async #begin(signal: AbortSignal | undefined): Promise<void> {
    const { host } = this;
    this.#warnOfUnused(this.#settings);
    for (const { name } of host.core.plugins) {
      const plugin = this.#plugins.get(name) as Plugin;
      warnOfWrongMode(plugin, this.#environment);
      this.#running.push(await orAborted(this.#setUp(plugin, this.#settings), signal));
    }
    readAll(host, this.#kernel.network);
    // What happens meanwhile queues, and is heard of afterwards.
    this.#recovery.read();
    this.#recovery.sweep();
    followEvents(this.#kernel, host, this.#environment, this.#heard, () => this.#recovery.read());
    watchNetwork(this.#kernel.changes, {
      change: (input) => host.feed(input),
      lost: (count) => host.feed({ type: 'lost', source: 'network', count }),
      malformed: complaint(this.#environment, 'unreadable message from rtnetlink'),
    });
  }

  #warnOfUnused(settings: Settings): void {
    for (const message of unusedSections(settings, [...this.#plugins.keys()])) this.#environment.log.warn(message);
  }

  #setUp(plugin: Plugin, settings: Settings): Promise<Running> {
    const { clock, log } = this.#environment;
    const options = optionsOf(plugin, settings);
    return setUp(plugin, { host: this.host, clock, log, addressFlags: settings.core.addrFlags, options });
  }

  /**
   * Takes over what can be changed without losing a connection, and names what cannot. Plugins whose options changed are
   * set up anew and told of all there is.
   * @throws PluginError where an option is wrong; nothing is changed then
   */
  reload(settings: Settings): Promise<void> {
    const done = this.#reloading.then(() => this.#apply(settings));
    this.#reloading = done.catch(() => undefined);
    return done;
  }

  async #apply(given: Settings): Promise<void> {
    if (this.#stopped) return;
    const { log } = this.#environment;
    const settings = withoutPresets(given);
    const before = this.#settings;
    const changed = (key: KeyName): boolean => !isDeepStrictEqual(before.core[key], settings.core[key]);
    const stale = [...this.#plugins.values()].filter((plugin) => {
      const options = parseOptions(plugin, optionsOf(plugin, settings));
      const known = parseOptions(plugin, optionsOf(plugin, before));
      const outOfUse = !this.#running.some(({ name }) => name === plugin.name);
      return outOfUse || !isDeepStrictEqual(options, known) || (changed('addrFlags') && plugin.drives !== 'userspace');
    });
    this.#settings = settings;
    this.#warnOfUnused(settings);

    const fixed = FIXED.filter(changed).map((key) => keys[key].name);
    if (fixed.length > 0) log.warn({ keys: fixed.join(', ') }, 'this takes effect at the next start');
    setLevel(log, settings.core.logLevel);
    this.host.core.trail = log.isLevelEnabled('debug');
    if (changed('notifyFlags') || changed('checkRouteTime')) {
      const flags = toNotifyFlags(settings.core);
      if (flags.checkRoute !== undefined) joinNetwork(this.#kernel.changes, true);
      this.host.feed({ type: 'notifyFlags', flags });
    }
    const plans = toPlanSettings(settings.core);
    if (!isDeepStrictEqual(plans, toPlanSettings(before.core))) {
      this.host.feed({ type: 'planSettings', settings: plans });
    }
    for (const plugin of stale) await this.#restart(plugin);
    log.info({ plugins: stale.map(({ name }) => name).join(', ') || undefined }, 'the configuration is read again');
  }

  /** Sets a plugin up anew. One that then fails hears of nothing more, until the configuration is read again. */
  async #restart(plugin: Plugin): Promise<void> {
    const at = this.#running.findIndex(({ name }) => name === plugin.name);
    const [before] = at >= 0 ? this.#running.splice(at, 1) : [];
    // Plans have no state: what they want from now on is held against what is there, and nothing is taken down first.
    if (plugin.setup) await before?.close(STOP_MS, 'reload');
    if (this.#stopped) return;
    try {
      const running = await this.#setUp(plugin, this.#settings);
      if (this.#stopped) return await running.close(0, 'stop');
      this.#running.push(running);
    } catch (error) {
      this.#environment.log.error({ plugin: plugin.name, error: (error as Error).message }, 'plugin is out of use');
      return;
    }
    const order = this.host.core.plugins.map(({ name }) => name);
    this.#running.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    this.host.feed({ type: 'introduce', plugin: plugin.name });
  }

  /** What there is, in numbers. */
  summary(): Readonly<Record<string, unknown>> {
    const { core } = this.host;
    let subflows = 0;
    for (const connection of core.connections) subflows += connection.subflows.length;
    const addresses = core.addresses.map(({ ip }) => ip).join(', ');
    const plugins = core.plugins.map(({ name }) => name).join(', ');
    const { connectionCount: connections, waiting } = core;
    const known = { plugins, connections, subflows, waiting, listeners: this.#listeners.size, addresses };
    return { ...known, ...this.#heard, heap: `${(process.memoryUsage().heapUsed / 1e6).toFixed(1)} MB` };
  }

  /** Writes to the log what there is, and of each connection why it has the subflows that it has. */
  report(): void {
    const { log, clock } = this.#environment;
    const delay = this.#delay.read();
    log.info({ ...this.summary(), ...(delay === undefined ? {} : { delay }) }, 'state');
    reportConnections(this.host.core, clock.now(), log);
  }

  /** Closes the plugins, the last one first, and the sockets. */
  async stop(): Promise<void> {
    const { clock } = this.#environment;
    const end = clock.now() + STOP_MS;
    this.#stopped = true;
    for (const plugin of this.#running.splice(0).reverse()) await plugin.close(Math.max(0, end - clock.now()), 'stop');
    this.host.end();
    this.#progress.close();
    this.#delay.close();
    this.#recovery.close();
    this.#network.close();
    this.#listeners.close();
    for (const socket of this.#kernel.sockets.splice(0)) socket.close();
    this.#release();
  }
}

const toNotifyFlags = ({ notifyFlags: flags, checkRouteTime }: Settings['core']): NotifyFlags => ({
  existing: flags.includes('existing'),
  skipLinkLocal: flags.includes('skip_link_local'),
  skipLoopback: flags.includes('skip_loopback'),
  ...(flags.includes('check_route') ? { checkRoute: checkRouteTime * 1000 } : {}),
});

const toPlanSettings = ({ rest, ...core }: Settings['core']): PlanSettings => ({
  retryAfter: core.retryAfter,
  retryMost: core.retryMost,
  rest: rest * 1000,
  triesPerSecond: core.triesPerSecond,
  maxSubflows: core.maxSubflows,
  maxSubflowsPerInterface: core.maxSubflowsPerInterface,
  maxAnnounced: core.maxAnnounced,
  announceGap: core.announceGap,
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
