import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/lab/process.ts';
import { PLUGIN_DIR, type Program } from './programs.ts';
import type { Step, StepList } from './step.ts';

/** Two links to nowhere in particular; what IPv6 does by itself would differ from run to run. */
const SETUP = `
mount --bind "$1" /etc
sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.addr_gen_mode=1
ip link set lo up
for n in 1 2; do
  ip link add v$n type veth peer name far$n
  ip link set v$n up
  ip link set far$n up
done
echo ready
exec cat`;

const STATE = `
ip mptcp endpoint show
ip mptcp limits show
echo =
ip -o link
ip -o -6 addr show tentative
echo =
cat /proc/net/netlink`;

/** What steps may say for short. */
const VARIABLES = `
PLUGINS='${PLUGIN_DIR}'
LOADED="--plugin-dir=$PLUGINS --load-plugins=addr_adv"
NOTIFY=--notify-flags=existing,skip_link_local,skip_loopback
FLAGS="--addr-flags=signal $NOTIFY"
SIGNAL="$LOADED $FLAGS"
USUAL="$LOADED --addr-flags=subflow $NOTIFY"`;

/**
 * One of the two programs in a network namespace of its own, with an /etc of its own: both read
 * /etc/mptcpd/mptcpd.conf.
 */
export class Subject {
  readonly #program: Program;
  readonly #dir: string;
  readonly #holder: ChildProcess;
  #daemon: ChildProcess | undefined;
  /** What the program wrote. */
  readonly output: string[] = [];

  private constructor(program: Program, dir: string, holder: ChildProcess) {
    this.#program = program;
    this.#dir = dir;
    this.#holder = holder;
  }

  static async open(program: Program): Promise<Subject> {
    const dir = mkdtempSync(join(tmpdir(), 'mptcpd-parity-'));
    mkdirSync(join(dir, 'mptcpd'));
    const unshare = ['--user', '--map-root-user', '--net', '--mount', 'sh', '-ec', SETUP, 'sh', dir];
    const holder = spawn('unshare', unshare, { stdio: ['pipe', 'pipe', 'inherit'] });
    const [said] = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')]);
    if (String(said) !== 'ready\n') throw new Error(`no namespaces: unshare ended with ${said}`);
    return new Subject(program, dir, holder);
  }

  #inside(argv: readonly string[]): string[] {
    const target = ['--target', `${this.#holder.pid}`, '--user', '--net', '--mount', '--preserve-credentials'];
    return ['nsenter', ...target, '--', ...argv];
  }

  /** Does one step; a start is done once the program runs or has ended, see {@link look}. */
  async perform(step: Step): Promise<void> {
    const [, verb, rest = ''] = /^(start|unprivileged|signal|config)\b ?(.*)$/s.exec(step) ?? [];
    if (verb === 'start') await this.#start(rest);
    else if (verb === 'unprivileged') await this.#start(rest, ['--bounding-set=-net_admin', '--inh-caps=-all']);
    else if (verb === 'signal') this.#daemon?.kill(`SIG${rest}` as NodeJS.Signals);
    else if (verb === 'config')
      writeFileSync(join(this.#dir, 'mptcpd', 'mptcpd.conf'), rest.replace('$PLUGINS', PLUGIN_DIR));
    else await this.#sh(step);
  }

  /** Runs a script of the shell. */
  #sh(script: string): Promise<string> {
    return run(this.#inside(['sh', '-ec', `${VARIABLES}\n${script}`]));
  }

  async #start(args: string, privileges: readonly string[] = []): Promise<void> {
    await this.#end('SIGTERM');
    this.output.length = 0;
    const script = `${VARIABLES}\nexec "$@" ${args}`;
    // It is not to outlive the test, whatever becomes of that.
    const setpriv = ['setpriv', '--pdeathsig', 'KILL', ...privileges];
    const [file = '', ...argv] = this.#inside([...setpriv, 'sh', '-ec', script, 'sh', ...this.#program]);
    this.#daemon = spawn(file, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#daemon.stdout, this.#daemon.stderr]) {
      stream?.on('data', (data: Buffer) => this.output.push(...data.toString().trimEnd().split('\n')));
    }
  }

  /**
   * What there is to compare: the program's status, the endpoints, the limits. Undefined while it may still change by
   * itself: the kernel has not finished with its links and addresses, or the program with what the kernel told it.
   */
  async look({ tentative = false }: Pick<StepList, 'tentative'>): Promise<string | undefined> {
    const before = this.#asleep();
    if (before === undefined && this.#status() === 'running') return undefined;
    const [state = '', network = '', sockets = ''] = (await this.#sh(STATE)).split('=\n');
    const status = this.#status();
    const idle = status !== 'running' || (before === this.#asleep() && hasReadAll(sockets));
    if (!idle || !(tentative || isSettled(network))) return undefined;
    const lines = state
      .trim()
      .split('\n')
      .map((line) => line.trim().replace(/\s+/g, ' '));
    // iproute2 knows the flag by its number until 6.18.
    return [status, ...lines].join(' | ').replaceAll('rawflags 20', 'laminar');
  }

  #status(): string {
    if (!this.#daemon) return 'not started';
    const { exitCode, signalCode } = this.#daemon;
    if (signalCode !== null) return `exit ${128 + constants.signals[signalCode]}`;
    return exitCode === null ? 'running' : `exit ${exitCode}`;
  }

  /** While the daemon sleeps: how often it has gone to sleep. The same answer twice: it did not wake in between. */
  #asleep(): string | undefined {
    try {
      const text = readFileSync(`/proc/${this.#daemon?.pid}/status`, 'utf8');
      return /^State:\s+S/m.test(text) ? /^voluntary_ctxt_switches:.*$/m.exec(text)?.[0] : undefined;
    } catch {
      return undefined; // it ended just now
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.#daemon || this.#status() !== 'running') return;
    const ended = once(this.#daemon, 'exit');
    this.#daemon.kill(signal);
    await ended;
  }

  async close(): Promise<void> {
    await this.#end('SIGKILL');
    this.#holder.stdin?.end();
    await once(this.#holder, 'exit');
    rmSync(this.#dir, { recursive: true });
  }
}

/** Whether somebody follows the network (it has started), and nothing waits in anybody's socket. */
function hasReadAll(procNetNetlink: string): boolean {
  const rows = procNetNetlink
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  const follows = rows.some(
    ([, protocol, pid, groups]) => protocol === '0' && pid !== '0' && !/^0+$/.test(groups ?? ''),
  );
  return follows && rows.every(([, , , , queued]) => queued === '0');
}

/** Carriers that the kernel has not told of yet, and addresses whose check for duplicates runs. */
function isSettled(links: string): boolean {
  return links.split('\n').every((line) => {
    if (line.includes(' tentative') && !line.includes('dadfailed')) return false;
    const [, flags] = /<(.*)>/.exec(line) ?? [];
    if (flags === undefined || flags.includes('LOOPBACK')) return true;
    return flags.includes('LOWER_UP') === line.includes(' state UP ');
  });
}
