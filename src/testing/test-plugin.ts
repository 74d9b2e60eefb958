import type { SubflowProgress } from '../core/core-types.ts';
import type { Command, CommandName, Outcome } from '../core/model/commands.ts';
import type { Connection } from '../core/model/connection.ts';
import type { ConnectionEvent, SubflowEvent } from '../core/model/events.ts';
import { asAddrId, asIfIndex, asToken, type IfIndex, type Ip, type Token } from '../core/model/ids.ts';
import type { Interface, LocalAddress } from '../core/model/network.ts';
import { type PlanSettings, planDefaults } from '../core/plan/settings.ts';
import { Host } from '../daemon/host.ts';
import { check } from '../daemon/plugin-loader.ts';
import { type Running, setUp } from '../daemon/plugin-setup.ts';
import { createLog } from '../log/index.ts';
import type { EndpointFlag, Plugin } from '../plugin-api/index.ts';
import type { Options } from '../plugin-api/options.ts';
import { FakeClock } from './fake-clock.ts';

/** One line of the log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface TestOptions {
  /** As in `[plugin NAME]`: text, so that parsing is tested too. */
  readonly options?: Readonly<Record<string, string>>;
  /** mptcpd.conf's addr-flags. */
  readonly addressFlags?: readonly EndpointFlag[];
  /** Answers commands as a kernel would; those that it leaves undefined are answered as if nothing were there. */
  readonly kernel?: (command: Command) => Outcome<unknown> | undefined;
  /** How eagerly plans are followed (mptcpd.conf's max-subflows, retry-after, …), where that is not to be the default. */
  readonly planSettings?: Partial<PlanSettings>;
}

interface Place {
  readonly ip: Ip;
  readonly port?: number;
}

/** What the daemon gives its plugins to close. */
const STOP_MS = 700;
/** Turns of the event loop after which a hook is taken to wait for something that has not happened yet. */
const MOST_TURNS = 100;

const levels: Readonly<Record<number, LogLine['level']>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' };

/**
 * Sets a plugin up under the daemon's own dispatch, over a path manager that only takes notes. Every method returns when
 * the hooks that it caused have settled.
 */
export async function testPlugin<O extends Options>(plugin: Plugin<O>, options: TestOptions = {}): Promise<PluginTest> {
  const test = new PluginTest(check(plugin, plugin.name), options.planSettings);
  await test.setUp(options);
  return test;
}

/** A plugin under test, from {@link testPlugin}. */
export class PluginTest {
  /** The commands that the plugin gave, in order, as the kernel would have been asked: ids chosen. */
  readonly commands: { type: CommandName; args: unknown }[] = [];
  readonly logs: LogLine[] = [];

  readonly #plugin: Plugin;
  readonly #clock = new FakeClock();
  readonly #host: Host;
  readonly #log;
  readonly #answers: { name: CommandName; outcome: Outcome<unknown> }[] = [];
  readonly #interfaces = new Map<string, IfIndex>();
  /** What was added, by interface and address: the same is to go. */
  readonly #addresses = new Map<string, LocalAddress>();
  #running: Running | undefined;
  #kernel: TestOptions['kernel'];
  #tokens = 0;
  #ports = 40_000;

  constructor(plugin: Plugin, planSettings: Partial<PlanSettings> = {}) {
    this.#plugin = plugin;
    this.#log = createLog({ write: (json) => this.#note(json) }, 'debug');
    this.#host = new Host(
      {
        perform: (command) => this.#perform(command),
        clock: this.#clock,
        log: this.#log,
        reread: () => undefined,
        unlisten: () => undefined,
        watchProgress: () => undefined,
        droppedAnnouncements: () => undefined,
        hasRoute: () => true,
        notifyFlags: { existing: true, skipLinkLocal: true, skipLoopback: true },
        planSettings: { ...planDefaults, ...planSettings },
        pathManager: plugin.name,
      },
      [{ name: plugin.name, priority: plugin.priority ?? 0 }],
    );
  }

  /** Called by {@link testPlugin}. */
  async setUp({ options = {}, addressFlags = ['subflow'], kernel }: TestOptions): Promise<void> {
    this.#kernel = kernel;
    const raw = new Map(Object.entries(options).map(([key, value]) => [key, { value, place: 'test options' }]));
    this.#running = await setUp(this.#plugin, {
      host: this.#host,
      clock: this.#clock,
      log: this.#log,
      addressFlags,
      options: raw,
    });
    this.#host.feed({ type: 'introduce', plugin: this.#plugin.name });
    await this.settle();
  }

  /** An address comes to an interface, which is made if it is new. */
  async addAddress(name: string, ip: Ip, more: Partial<LocalAddress> = {}): Promise<LocalAddress> {
    if (!this.#interfaces.has(name)) await this.setLink(name, true);
    const address = this.#address(name, ip, more);
    this.#addresses.set(`${name} ${ip}`, address);
    this.#host.feed({ type: 'address', address });
    await this.settle();
    return address;
  }

  async removeAddress(name: string, ip: Ip): Promise<void> {
    const address = this.#addresses.get(`${name} ${ip}`) ?? this.#address(name, ip);
    this.#host.feed({ type: 'addressGone', address });
    await this.settle();
  }

  /** An interface gets or loses its carrier. */
  async setLink(name: string, running: boolean): Promise<void> {
    const index = this.#interfaces.get(name) ?? asIfIndex(this.#interfaces.size + 1);
    this.#interfaces.set(name, index);
    const link: Interface = { index, name, up: true, running, loopback: false, mtu: 1500, kind: undefined };
    this.#host.feed({ type: 'link', link });
    await this.settle();
  }

  /** A connection of this host comes to be and is established. */
  async connect(ends: {
    local: Place;
    remote: Place;
    serverSide?: boolean;
    denyJoinId0?: boolean;
  }): Promise<Connection> {
    const token = asToken(++this.#tokens);
    const event = {
      token,
      serverSide: ends.serverSide ?? false,
      denyJoinId0: ends.denyJoinId0 ?? false,
      localIp: ends.local.ip,
      localPort: ends.local.port ?? this.#ports++,
      locId: asAddrId(0),
      remoteIp: ends.remote.ip,
      remotePort: ends.remote.port ?? 443,
      remId: asAddrId(0),
    } satisfies Omit<ConnectionEvent, 'type'>;
    this.#host.feed({ type: 'connectionCreated', ...event });
    await this.settle();
    this.#host.feed({ type: 'connectionEstablished', ...event });
    await this.settle();
    return this.#host.core.connection(token) as Connection;
  }

  async close({ token }: { readonly token: Token }): Promise<void> {
    this.#host.feed({ type: 'connectionClosed', token });
    await this.settle();
  }

  /** The peer announces an address. */
  async announce({ token }: { readonly token: Token }, id: number, at: Required<Place>): Promise<void> {
    this.#host.feed({ type: 'addressAnnounced', token, remId: asAddrId(id), remoteIp: at.ip, remotePort: at.port });
    await this.settle();
  }

  /** The peer removes an address that it announced. */
  async withdraw({ token }: { readonly token: Token }, id: number): Promise<void> {
    this.#host.feed({ type: 'addressRemoved', token, remId: asAddrId(id) });
    await this.settle();
  }

  /** Something happens to a subflow: one that is being tried comes up, or one closes. */
  async subflow(
    type: SubflowEvent['type'],
    which: Partial<SubflowEvent> & Pick<SubflowEvent, 'token' | 'localIp' | 'remoteIp'>,
  ): Promise<void> {
    this.#host.feed({
      type,
      localPort: this.#ports++,
      remotePort: 443,
      locId: asAddrId(0),
      remId: asAddrId(0),
      backup: false,
      ifIndex: undefined,
      error: undefined,
      resetReason: undefined,
      resetTransient: false,
      ...which,
    });
    await this.settle();
  }

  /** What the kernel's counters say of subflows now: bytes acknowledged, and whether any wait for that. */
  async progress(samples: readonly SubflowProgress[]): Promise<void> {
    this.#host.feed({ type: 'progress', samples });
    await this.settle();
  }

  /** The next command of this name is refused by the kernel, with this errno. */
  refuse(name: CommandName, errno: string): void {
    const error = { code: 'REFUSED', errno, message: `${name}: ${errno}` } as const;
    this.#answers.unshift({ name, outcome: { ok: false, error } });
  }

  /** The next command of this name is answered so. */
  answer(name: CommandName, value: unknown): void {
    this.#answers.unshift({ name, outcome: { ok: true, value } });
  }

  /** Lets time pass. */
  async advance(ms: number): Promise<void> {
    await this.#clock.advance(ms, () => this.settle());
    await this.settle();
  }

  /** Ends the plugin, as the daemon does when it stops. */
  async stop(): Promise<void> {
    await this.#running?.close(STOP_MS, 'stop');
  }

  /**
   * Waits until no hook runs, and what they started without waiting for it has had its turn. A hook that waits for a
   * timer or for nothing at all is left waiting.
   */
  async settle(): Promise<void> {
    let turns = 0;
    do await new Promise((turn) => setImmediate(turn));
    while (this.#host.busy + this.#host.core.waiting > 0 && ++turns < MOST_TURNS);
  }

  #address(name: string, ip: Ip, more: Partial<LocalAddress> = {}): LocalAddress {
    return {
      ip,
      prefixLength: ip.includes(':') ? 64 : 24,
      ifIndex: this.#interfaces.get(name) ?? asIfIndex(0),
      scope: 'global',
      tentative: false,
      deprecated: false,
      temporary: false,
      ...more,
    };
  }

  #perform(command: Command): Outcome<unknown> {
    this.commands.push({ type: command.name, args: command.args });
    const at = this.#answers.findIndex(({ name }) => name === command.name);
    const [given] = at < 0 ? [] : this.#answers.splice(at, 1);
    return given?.outcome ?? this.#kernel?.(command) ?? { ok: true, value: defaultAnswer(command) };
  }

  #note(json: string): void {
    const { level, time, ...fields } = JSON.parse(json) as { level: number; time: number; msg: string };
    this.logs.push({ ...fields, level: levels[level] ?? 'info' });
  }
}

/** What the kernel would answer where nothing is there. */
function defaultAnswer({ name }: Command): unknown {
  if (name === 'getLimits') return { subflows: 2, addAddrAccepted: 0 };
  if (name === 'listEndpoints' || name === 'listAddresses') return [];
  return undefined;
}
