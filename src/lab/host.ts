import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PmEvent } from '../core/model/events.ts';
import { ended, inside, run, start, until } from './process.ts';
import type { Answer, Request } from './protocol.ts';

/** The root of this package, as seen from src/lab and from dist/lab. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const AGENT = `${ROOT}dist/lab/agent.js`;
const MPTCPD = `${ROOT}bin/mptcpd`;

/** What runs so ends with this process, however that ends. */
const WITH_US = ['setpriv', '--pdeathsig', 'KILL'] as const;
/** The only right that mptcpd needs. */
const NET_ADMIN = ['--bounding-set', '-all,+net_admin', '--inh-caps', '-all,+net_admin'] as const;

/** An event of the path manager as a subscriber in the host saw it. */
export interface SeenEvent {
  readonly event: PmEvent;
  /** Milliseconds of the host's agent's own clock. */
  readonly at: number;
}

/** A host of the lab: a network namespace without a name, with a program in it that makes connections. */
export class LabHost {
  readonly name: string;
  readonly pid: number;
  /** Events of the path manager, once {@link watchEvents} was called. */
  readonly events: SeenEvent[] = [];
  readonly #agent: ChildProcess;
  readonly #daemons: DaemonProcess[] = [];
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #requests = 0;

  private constructor(name: string, pid: number, agent: ChildProcess) {
    this.name = name;
    this.pid = pid;
    this.#agent = agent;
  }

  /** @param owner the process whose user namespace owns the new network namespace */
  static async start(name: string, owner: number): Promise<LabHost> {
    const enter = ['nsenter', '--target', `${owner}`, '--user', '--preserve-credentials', '--'];
    const agent = start([...enter, 'unshare', '--net', '--', process.execPath, AGENT], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let host: LabHost | undefined;
    let failure: Error | undefined;
    agent.once('error', (error) => (failure = error));
    createInterface({ input: agent.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      if ('ready' in answer) host = new LabHost(name, answer.ready, agent);
      else host?.hear(answer);
    });
    await until(`the agent of ${name} starts`, () => {
      if (failure) throw failure;
      if (agent.exitCode !== null) throw new Error(`the agent of ${name} ended with ${agent.exitCode}`);
      return host;
    });
    const started = host as unknown as LabHost;
    await started.run('ip', 'link', 'set', 'lo', 'up');
    // Nobody else is on these links: to wait for duplicates of IPv6 addresses would cost a second each.
    await started.run('sysctl', '-qw', 'net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0');
    return started;
  }

  /** Takes in what the agent says. */
  hear(answer: Exclude<Answer, { ready: number }>): void {
    if ('event' in answer) {
      this.events.push(answer as unknown as SeenEvent);
    } else if ('id' in answer) {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.error === undefined) waiting?.resolve(answer.value);
      else waiting?.reject(new Error(`${this.name}: ${answer.error}`));
    }
  }

  /** Asks the agent. */
  ask<T>(request: Request): Promise<T> {
    const id = ++this.#requests;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#agent.stdin?.write(`${JSON.stringify({ id, ...request })}\n`);
    });
  }

  /** Has the agent report every event of the path manager from now on. */
  watchEvents(): Promise<void> {
    return this.ask({ op: 'events' });
  }

  /** Runs a command inside the host. */
  run(...argv: string[]): Promise<string> {
    return run(inside(this.pid, argv));
  }

  /** Starts mptcpd inside the host and waits until it says that it is ready. */
  async startDaemon(...args: string[]): Promise<DaemonProcess> {
    const daemon = this.spawnDaemon(...args);
    await daemon.ready(this.name);
    return daemon;
  }

  /** Starts mptcpd inside the host, with no right but CAP_NET_ADMIN. */
  spawnDaemon(...args: string[]): DaemonProcess {
    return this.spawn(...WITH_US, ...NET_ADMIN, '--', process.execPath, MPTCPD, ...args);
  }

  /**
   * Starts mptcpd in the network of the host as another user of the machine. That takes root.
   * @param rights whether it has CAP_NET_ADMIN; otherwise it has nothing
   */
  spawnDaemonAs(uid: number, rights: boolean, ...args: string[]): DaemonProcess {
    const user = ['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'];
    const may = rights ? [...NET_ADMIN, '--ambient-caps', '-all,+net_admin'] : ['--bounding-set', '-all'];
    const wrap = ['nsenter', '--target', `${this.pid}`, '--net', '--', ...WITH_US, ...user, ...may, '--'];
    return this.spawnOutside(...wrap, process.execPath, MPTCPD, ...args);
  }

  /**
   * Starts mptcpd for the host from outside of its user namespace, and waits until it says that it is ready. That takes
   * root, and gives it what only root can give: a large receive buffer.
   */
  async startDaemonOutside(...args: string[]): Promise<DaemonProcess> {
    const netns = `/proc/${this.pid}/ns/net`;
    const daemon = this.spawnOutside(...WITH_US, '--', process.execPath, MPTCPD, '--netns', netns, ...args);
    await daemon.ready(this.name);
    return daemon;
  }

  /** Starts a program inside the host, that ends with it. */
  spawn(...argv: string[]): DaemonProcess {
    return this.spawnOutside(...inside(this.pid, argv));
  }

  /** Starts a program outside of the lab, that ends with this host. */
  spawnOutside(...argv: string[]): DaemonProcess {
    const daemon = new DaemonProcess(start(argv, { stdio: ['ignore', 'ignore', 'pipe'] }));
    this.#daemons.push(daemon);
    return daemon;
  }

  async close(): Promise<void> {
    for (const daemon of this.#daemons) await daemon.stop();
    this.#agent.stdin?.end();
    await ended(this.#agent);
  }
}

export type LogLine = Readonly<Record<string, unknown>>;

/** A running mptcpd and what it logs. */
export class DaemonProcess {
  /** Its log, line by line, parsed. */
  readonly lines: LogLine[] = [];
  /** What it wrote that is no JSON: errors at the start. */
  readonly raw: string[] = [];
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      if (line.startsWith('{')) this.lines.push(JSON.parse(line) as Record<string, unknown>);
      else this.raw.push(line);
    });
  }

  async ready(where: string): Promise<void> {
    const check = (): boolean => {
      if (this.#child.exitCode !== null) throw new Error(`mptcpd on ${where} ended: ${this.raw.join(' ')}`);
      return this.lines.some((line) => line['msg'] === 'mptcpd is ready');
    };
    await until(`mptcpd on ${where} is ready`, check, { deadline: 15_000 });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it at once: it can do nothing more. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await ended(this.#child);
  }

  /** What it says of itself on SIGUSR1: the line with its state, and those that follow. */
  async report(deadline = 10_000): Promise<{ state: LogLine; lines: readonly LogLine[] }> {
    const from = this.lines.length;
    this.signal('SIGUSR1');
    const at = (): number => this.lines.findIndex((line, i) => i >= from && line['msg'] === 'state');
    await until('mptcpd reports its state', () => at() >= 0, { deadline });
    // The end of a report is not marked: nothing more comes for a while.
    for (let seen = -1; seen !== this.lines.length; await new Promise((resolve) => setTimeout(resolve, 60))) {
      seen = this.lines.length;
    }
    return { state: this.lines[at()] as LogLine, lines: this.lines.slice(at() + 1) };
  }

  /** Its exit status, once it has ended. */
  ended(): Promise<number> {
    return ended(this.#child);
  }

  /** Stops it with SIGTERM: its exit status, and how many milliseconds it took. */
  async stop(): Promise<{ status: number; ms: number }> {
    const start = performance.now();
    this.#child.kill('SIGTERM');
    return { status: await ended(this.#child), ms: performance.now() - start };
  }
}
