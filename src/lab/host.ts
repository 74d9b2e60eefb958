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
    const daemon = new DaemonProcess(
      start(inside(this.pid, [process.execPath, MPTCPD, ...args]), { stdio: ['ignore', 'ignore', 'pipe'] }),
    );
    this.#daemons.push(daemon);
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

/** A running mptcpd and what it logs. */
export class DaemonProcess {
  /** Its log, line by line, parsed. */
  readonly lines: Readonly<Record<string, unknown>>[] = [];
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
    await until(`mptcpd on ${where} is ready`, () => {
      if (this.#child.exitCode !== null) throw new Error(`mptcpd on ${where} ended: ${this.raw.join(' ')}`);
      return this.lines.some((line) => line['msg'] === 'mptcpd is ready');
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
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
