import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EndpointFlag } from '../../../src/core/model/commands.ts';
import type { DaemonProcess, LabHost } from '../../../src/lab/host.ts';
import { Lab } from '../../../src/lab/lab.ts';
import { until } from '../../../src/lab/process.ts';
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

/** Sent to begin a connection. */
const FIRST_BYTES = 100_000;
/** Between an answer and the next message of a talk. */
const TALK_MS = 20;

/** The world of the running kernel: namespaces, real connections, and mptcpd as a process of its own. */
export class KernelWorld implements World {
  readonly #lab: Lab;
  readonly #dir = mkdtempSync(join(tmpdir(), 'mptcpd-scenario-'));

  private constructor(lab: Lab) {
    this.#lab = lab;
  }

  static async open(): Promise<KernelWorld> {
    return new KernelWorld(await Lab.open());
  }

  async pair({
    links,
    pathManager,
    server: other = pathManager,
  }: Parameters<World['pair']>[0]): Promise<{ client: KernelHost; server: KernelHost }> {
    const client = new KernelHost(await this.#lab.host('client'), 1, this.#dir);
    const server = new KernelHost(await this.#lab.host('server'), 2, this.#dir);
    client.peer = server;
    server.peer = client;
    for (const { lab } of [client, server]) {
      const type = (lab === client.lab ? pathManager : other) === 'userspace' ? 1 : 0;
      await lab.run('sysctl', '-qw', `net.mptcp.pm_type=${type}`);
      // Without it an interface that is switched off loses its IPv6 addresses for good.
      await lab.run(
        'sysctl',
        '-qw',
        'net.ipv6.conf.all.keep_addr_on_down=1',
        'net.ipv6.conf.default.keep_addr_on_down=1',
      );
    }
    for (let n = 1; n <= links; n++) {
      await this.#lab.link(client.lab, server.lab, `v${n}`);
      for (const host of [client, server]) {
        await host.addAddress(`v${n}`, `10.0.${n}.${host.number}`);
        await host.addAddress(`v${n}`, `fd00:${n}::${host.number}`);
      }
    }
    return { client, server };
  }

  async close(): Promise<void> {
    await this.#lab.close();
    rmSync(this.#dir, { recursive: true });
  }
}

class KernelHost implements Host {
  readonly lab: LabHost;
  readonly number: number;
  peer: KernelHost | undefined;
  readonly #dir: string;
  #listening = false;
  #watching = false;

  constructor(lab: LabHost, number: number, dir: string) {
    this.lab = lab;
    this.number = number;
    this.#dir = dir;
  }

  async start(config: Config): Promise<RunningDaemon> {
    const file = join(this.#dir, `${this.lab.name}.conf`);
    writeFileSync(file, toIni(config), { mode: 0o600 });
    const daemon = await this.lab.startDaemon('--config', file, '--debug');
    return {
      log: daemon.lines,
      kill: () => daemon.kill(),
      report: () => report(daemon),
      async stop() {
        const { status, ms } = await daemon.stop();
        if (status !== 0 || ms > 1000)
          throw new Error(`mptcpd ended with ${status} after ${ms} ms: ${daemon.raw.join(' ')}`);
      },
    };
  }

  async addAddress(link: string, ip: string): Promise<void> {
    const [prefix, more] = ip.includes(':') ? [64, ['nodad']] : [24, []];
    await this.lab.run('ip', 'addr', 'add', `${ip}/${prefix}`, 'dev', link, ...more);
  }
  async removeAddress(link: string, ip: string): Promise<void> {
    await this.lab.run('ip', 'addr', 'del', `${ip}/${ip.includes(':') ? 64 : 24}`, 'dev', link);
  }
  async setLink(link: string, up: boolean): Promise<void> {
    await this.lab.run('ip', 'link', 'set', link, up ? 'up' : 'down');
  }
  async setBlackhole(link: string, there: boolean): Promise<void> {
    for (const host of [this, this.peer]) {
      await host?.lab.run('tc', 'qdisc', there ? 'add' : 'del', 'dev', link, 'root', ...(there ? ['blackhole'] : []));
    }
  }
  async denyJoinId0(): Promise<void> {
    await this.lab.run('sysctl', '-qw', 'net.mptcp.allow_join_initial_addr_port=0');
  }
  async addLink(link: string, up: boolean): Promise<void> {
    await this.lab.run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', `${link}-far`);
    await this.lab.run('ip', 'link', 'set', `${link}-far`, 'up');
    if (up) await this.setLink(link, up);
  }
  async setDefaultRoute(family: 'ipv4' | 'ipv6', link: string, there: boolean, from?: string): Promise<void> {
    const ip = (...words: string[]): Promise<string> => this.lab.run('ip', family === 'ipv4' ? '-4' : '-6', ...words);
    const table = from === undefined ? 'main' : '100';
    if (from !== undefined) await ip('rule', there ? 'add' : 'del', 'from', from, 'table', table);
    await ip('route', there ? 'add' : 'del', 'default', 'dev', link, 'table', table);
  }
  async endpoints(): Promise<string[]> {
    const output = await this.lab.run('ip', 'mptcp', 'endpoint', 'show');
    return output
      .split('\n')
      .filter(Boolean)
      .map((line) => line.trim().replace(/ id \d+/, ''));
  }
  async limits(): Promise<{ subflows: number; addAddrAccepted: number }> {
    const [, accepted, subflows] =
      /add_addr_accepted (\d+) subflows (\d+)/.exec(await this.lab.run('ip', 'mptcp', 'limits')) ?? [];
    return { subflows: Number(subflows), addAddrAccepted: Number(accepted) };
  }
  async addEndpoint(ip: string, flags: readonly EndpointFlag[]): Promise<void> {
    await this.lab.run('ip', 'mptcp', 'endpoint', 'add', ip, ...flags);
  }
  async setLimits({ subflows, addAddrAccepted }: { subflows: number; addAddrAccepted: number }): Promise<void> {
    await this.lab.run(
      'ip',
      'mptcp',
      'limits',
      'set',
      'subflows',
      `${subflows}`,
      'add_addr_accepted',
      `${addAddrAccepted}`,
    );
  }

  async connect(
    to: KernelHost,
    ip: string,
    options: { dualStack?: boolean; bound?: boolean } = {},
  ): Promise<Connection> {
    if (!to.#listening) await to.lab.ask({ op: 'listen', at: { ip: options.bound ? ip : '::', port: 8000 } });
    to.#listening = true;
    if (!this.#watching) await this.lab.watchEvents();
    this.#watching = true;
    const there = await to.lab.ask<number>({ op: 'accepted' });
    const target = options.dualStack ? `::ffff:${ip}` : ip;
    const { connection } = await this.lab.ask<{ connection: number }>({
      op: 'connect',
      to: { ip: target, port: 8000 },
    });
    // A client's connection is established with the first data that is answered (RFC 8684 section 3.1).
    await this.lab.ask({ op: 'send', connection, bytes: FIRST_BYTES });
    return new KernelConnection({ lab: this.lab, connection }, { lab: to.lab, connection: there });
  }

  async closings(): Promise<readonly number[]> {
    return this.lab.events.filter(({ event }) => event.type === 'subflowClosed').map(({ at }) => at);
  }

  async tries(): Promise<number> {
    const counters = await this.lab.run('nstat', '-asz', 'MPTcpExtMPJoinSynTx');
    return Number(/MPTcpExtMPJoinSynTx\s+(\d+)/.exec(counters)?.[1]);
  }

  subflows(): Promise<string[]> {
    return this.#subflows(() => true);
  }
  sockets(): Promise<string[]> {
    return this.#subflows(() => true, showWithPorts);
  }
  /** The letter b is this host's wish, and B the other one's (iproute2's misc/ss.c). */
  backups(): Promise<string[]> {
    return this.#subflows((flags) => flags.includes('b'));
  }

  /** What ss(8) sees; an IPv4 peer of a dual-stack socket counts as IPv4. */
  async #subflows(wanted: (flags: string) => boolean, as = show): Promise<string[]> {
    const output = await this.lab.run('ss', '-Htni', 'state', 'established');
    const found: string[] = [];
    let ends = '';
    for (const line of output.split('\n')) {
      const [, flags] = /tcp-ulp-mptcp flags:(\S*)/.exec(line) ?? [];
      if (/^\S/.test(line)) ends = line;
      else if (flags !== undefined && wanted(flags)) found.push(as(ends));
    }
    return found.sort();
  }
}

/** Its second report begins when the first one is whole. */
async function report(daemon: DaemonProcess): Promise<string[]> {
  const states = (): number[] => daemon.lines.flatMap(({ msg }, i) => (msg === 'state' ? [i] : []));
  const before = states().length;
  for (const count of [1, 2]) {
    daemon.signal('SIGUSR1');
    await until('mptcpd reports', () => states().length >= before + count);
  }
  const [from = 0, to = 0] = states().slice(before);
  return daemon.lines
    .slice(from + 1, to)
    .filter(isOfReport)
    .map(showReported)
    .sort();
}

function showWithPorts(line: string): string {
  const [, , local, remote] = line.trim().split(/\s+/);
  return `${local} > ${remote}`.replaceAll(/%\w+/g, '');
}

/** One end of a connection: a program of the lab, and the number that it has for it. */
interface ConnectionEnd {
  readonly lab: LabHost;
  readonly connection: number;
}

class KernelConnection implements Connection {
  readonly #client: ConnectionEnd;
  readonly #server: ConnectionEnd;

  constructor(client: ConnectionEnd, server: ConnectionEnd) {
    this.#client = client;
    this.#server = server;
  }

  async transfer(direction: 'up' | 'down'): Promise<Flow> {
    const [from, to] = direction === 'up' ? [this.#client, this.#server] : [this.#server, this.#client];
    await this.#began();
    await ask(from, 'send');
    return flowTo(to);
  }

  async talk(): Promise<Flow> {
    await this.#began();
    await ask(this.#server, 'echo');
    await this.#client.lab.ask({ op: 'talk', connection: this.#client.connection, every: TALK_MS });
    return flowTo(this.#client);
  }

  async send(): Promise<void> {
    await ask(this.#client, 'send');
  }

  async received(): Promise<number> {
    return (await ask<{ received: number }>(this.#server, 'counts')).received;
  }

  async close(): Promise<void> {
    await ask(this.#client, 'close');
  }

  /** What began the connection has arrived. */
  async #began(): Promise<void> {
    await until('the first bytes arrive', async () => {
      if ((await this.#server.lab.ask<number>({ op: 'accepted' })) <= this.#server.connection) return false;
      return (await ask<{ received: number }>(this.#server, 'counts')).received >= FIRST_BYTES;
    });
  }
}

const ask = <T = unknown>({ lab, connection }: ConnectionEnd, op: 'send' | 'echo' | 'counts' | 'gap' | 'close') =>
  lab.ask<T>({ op, connection });

async function flowTo(end: ConnectionEnd): Promise<Flow> {
  const before = (await ask<{ received: number }>(end, 'counts')).received;
  await until('data arrives', async () => (await ask<{ received: number }>(end, 'counts')).received > before);
  await ask(end, 'gap');
  return { gap: () => ask<number>(end, 'gap') };
}

function show(line: string): string {
  const [, , local = '', remote = ''] = line.trim().split(/\s+/);
  return [local, remote]
    .map((each) => each.replace(/:\d+$/, '').replace(/^\[(?:::ffff:(?=\d+\.))?(.*)\]$/, '$1'))
    .join(' > ');
}
