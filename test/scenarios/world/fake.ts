import { parseConfig, settle } from '../../../src/config/index.ts';
import type { EndpointFlag, HeldAddress } from '../../../src/core/model/commands.ts';
import { Daemon } from '../../../src/daemon/daemon.ts';
import { createLog } from '../../../src/log/index.ts';
import { FakeClock, FakeInternet, FakeKernel } from '../../../src/testing/index.ts';
import {
  type Config,
  type Connection,
  type Flow,
  type Host,
  isOfReport,
  type RunningDaemon,
  showReported,
  toIni,
  type World,
} from './world.ts';

/** How far the clock moves at a time. */
const TURN_MS = 20;

/** The world without a kernel: time passes only while a scenario waits. */
export class FakeWorld implements World {
  readonly clock = new FakeClock();
  readonly internet = new FakeInternet(this.clock);
  readonly #hosts: FakeHost[] = [];
  readonly #flows: FakeFlow[] = [];

  async pair({
    links,
    pathManager,
    server: other = pathManager,
  }: Parameters<World['pair']>[0]): Promise<{ client: FakeHost; server: FakeHost }> {
    const client = new FakeHost(this, 1);
    const server = new FakeHost(this, 2);
    this.#hosts.push(client, server);
    client.peer = server;
    server.peer = client;
    for (const host of [client, server]) {
      host.kernel.sysctls.set('path_manager', host === client ? pathManager : other);
      for (let n = 1; n <= links; n++) {
        host.kernel.links.add(`v${n}`);
        await host.addAddress(`v${n}`, `10.0.${n}.${host.number}`);
        await host.addAddress(`v${n}`, `fd00:${n}::${host.number}`);
      }
    }
    return { client, server };
  }

  /** Lets a little time pass, and everything that follows from it happen. */
  async turn(): Promise<void> {
    await this.clock.advance(TURN_MS, () => this.#idle());
    await this.#idle();
    for (const flow of this.#flows) flow.look(this.clock.now());
  }

  /** @param passage whether data arrives now */
  watch(passage: () => Passage): Flow {
    const flow = new FakeFlow(passage, this.clock.now());
    this.#flows.push(flow);
    return flow;
  }

  async close(): Promise<void> {
    for (const host of this.#hosts) await host.close();
  }

  /** Events are delivered and hooks continue in turns of the loop: after a few, nothing is left to do. */
  async #idle(): Promise<void> {
    for (let i = 0; i < 4; i++) await new Promise((turn) => setImmediate(turn));
  }
}

type Passage = 'free' | 'held' | 'none';

/** What a subflow swallows is sent over another one after this: TCP's timeout, and a little. */
const SENT_AGAIN_MS = 400;

/** Data that moves, looked at each time that the clock does. */
class FakeFlow implements Flow {
  readonly #passage: () => Passage;
  #heardAt: number;
  #heldSince: number | undefined;
  #gap = 0;

  constructor(passage: () => Passage, now: number) {
    this.#passage = passage;
    this.#heardAt = now;
  }

  look(now: number): void {
    this.#gap = Math.max(this.#gap, now - this.#heardAt);
    const passage = this.#passage();
    if (passage === 'held') this.#heldSince ??= now;
    else this.#heldSince = undefined;
    const sentAgain = this.#heldSince !== undefined && now - this.#heldSince >= SENT_AGAIN_MS;
    if (passage === 'free' || sentAgain) this.#heardAt = now;
  }

  async gap(): Promise<number> {
    const gap = this.#gap;
    this.#gap = 0;
    return gap;
  }
}

class FakeHost implements Host {
  readonly kernel = new FakeKernel();
  readonly number: number;
  peer: FakeHost | undefined;
  readonly #world: FakeWorld;
  readonly #daemons: Daemon[] = [];
  readonly #closings: number[] = [];

  constructor(world: FakeWorld, number: number) {
    this.#world = world;
    this.number = number;
    world.internet.join(this.kernel);
    this.kernel.onEvent.push(({ type }) => {
      if (type === 'subflowClosed') this.#closings.push(world.clock.now());
    });
  }

  async start(config: Config): Promise<RunningDaemon> {
    const { core, plugins } = parseConfig(toIni(config), 'mptcpd.conf');
    const lines: Record<string, unknown>[] = [];
    const log = createLog({ write: (json) => void lines.push(JSON.parse(json) as Record<string, unknown>) }, 'debug');
    const { openSocket, sysctls } = this.kernel;
    // What the process holds goes with it, whatever it is in the middle of.
    let killed = false;
    const open = new Set<{ close(): void }>();
    const { clock } = this.#world;
    const environment = {
      openSocket: (protocol: number) => {
        const socket = openSocket(protocol);
        open.add(socket);
        return socket;
      },
      sysctl: (name: string) => sysctls.get(name),
      listen: (ip: string, wanted: number) => {
        const port = wanted || 45_000;
        const { listeners } = this.kernel;
        listeners.add(`${ip} ${port}`);
        const listening = { port, close: () => void listeners.delete(`${ip} ${port}`) };
        open.add(listening);
        return listening;
      },
      claim: () => () => undefined,
      subscribed: () => false,
      counter: () => undefined,
      clock: {
        now: () => clock.now(),
        after: (ms: number, task: () => void) => clock.after(ms, () => (killed ? undefined : task())),
      },
      log,
    };
    const daemon = await Daemon.start(settle(plugins, core), environment);
    this.#daemons.push(daemon);
    return {
      log: lines,
      stop: () => daemon.stop(),
      kill: async () => {
        killed = true;
        daemon.host.end();
        for (const each of open) each.close();
        this.#daemons.splice(this.#daemons.indexOf(daemon), 1);
      },
      report: async () => {
        const from = lines.length;
        daemon.report();
        return lines.slice(from).filter(isOfReport).map(showReported).sort();
      },
    };
  }

  async addAddress(link: string, ip: string): Promise<void> {
    this.kernel.links.addAddress(link, ip, ip.includes(':') ? 64 : 24);
  }
  async removeAddress(link: string, ip: string): Promise<void> {
    this.kernel.links.removeAddress(link, ip);
  }
  async setLink(link: string, up: boolean): Promise<void> {
    this.kernel.links.set(link, { up });
    if (this.peer?.kernel.links.has(link)) this.peer.kernel.links.set(link, { carrier: up });
  }
  async setBlackhole(link: string, there: boolean): Promise<void> {
    for (const host of [this, this.peer]) if (host?.kernel.links.has(link)) host.kernel.links.setBlackhole(link, there);
  }
  async denyJoinId0(): Promise<void> {
    this.kernel.sysctls.set('allow_join_initial_addr_port', '0');
  }
  async addLink(link: string, up: boolean): Promise<void> {
    this.kernel.links.add(link, true);
    this.kernel.links.set(link, { up });
  }
  async setDefaultRoute(family: 'ipv4' | 'ipv6', link: string, there: boolean): Promise<void> {
    this.kernel.links.setDefaultRoute(family, link, there);
  }
  async endpoints(): Promise<string[]> {
    return this.kernel.endpoints.list().map((each) => this.#show(each));
  }
  async limits(): Promise<{ subflows: number; addAddrAccepted: number }> {
    const { subflows, rcvAddAddrs } = this.kernel.endpoints.limits;
    return { subflows, addAddrAccepted: rcvAddAddrs };
  }
  async addEndpoint(ip: string, flags: readonly EndpointFlag[]): Promise<void> {
    this.kernel.endpoints.add({ ip, flags });
  }
  async setLimits({ subflows, addAddrAccepted }: { subflows: number; addAddrAccepted: number }): Promise<void> {
    this.kernel.endpoints.setLimits({ subflows, rcvAddAddrs: addAddrAccepted });
  }

  async connect(to: FakeHost, ip: string, options: { dualStack?: boolean; bound?: boolean } = {}): Promise<Connection> {
    const own = ip.replace(/\d$/, `${this.number}`);
    const form = (address: string): string => (options.dualStack ? `::ffff:${address}` : address);
    const { internet } = this.#world;
    const { bound = false } = options;
    const token = internet.connect(this.kernel, to.kernel, form(own), { ip: form(ip), port: 8000 }, { bound });
    return {
      send: async () => internet.send(token, true),
      received: async () => internet.received(token),
      transfer: async (direction) => this.#world.watch(() => internet.flows(token, direction === 'up' ? 'a' : 'b')),
      talk: async () => {
        // A question and its answer: the worse of two ways counts.
        const worse = (a: Passage, b: Passage): Passage => (a === 'none' || b === 'free' ? a : b);
        return this.#world.watch(() => worse(internet.flows(token, 'a'), internet.flows(token, 'b')));
      },
      close: async () => internet.close(token),
    };
  }
  async closings(): Promise<readonly number[]> {
    return this.#closings;
  }
  async tries(): Promise<number> {
    return this.#world.internet.tries(this.kernel);
  }
  async subflows(): Promise<string[]> {
    return plain(this.#world.internet.subflows(this.kernel));
  }
  async sockets(): Promise<string[]> {
    return plain(this.#world.internet.sockets(this.kernel));
  }
  async backups(): Promise<string[]> {
    return plain(this.#world.internet.backups(this.kernel));
  }
  async close(): Promise<void> {
    for (const daemon of this.#daemons) await daemon.stop();
  }

  #show({ ip, port, flags, ifIndex }: HeldAddress): string {
    const dev = ifIndex === undefined ? undefined : this.kernel.links.nameOf(ifIndex);
    return [ip, ...(port ? [`port ${port}`] : []), ...flags, ...(dev ? [`dev ${dev}`] : [])].join(' ');
  }
}

const plain = (subflows: readonly string[]): string[] => subflows.map((each) => each.replaceAll('::ffff:', '')).sort();
