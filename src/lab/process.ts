import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

/** The words that run a command inside the user and network namespace of a process, with all rights there. */
export const inside = (pid: number, argv: readonly string[]): [string, ...string[]] => [
  'nsenter',
  ...['--target', `${pid}`, '--user', '--net', '--preserve-credentials', '--'],
  ...argv,
];

/** Runs a command to its end: its output, or an Error with what it said. */
export async function run(argv: readonly string[]): Promise<string> {
  const [file = '', ...args] = argv;
  try {
    return (await execFileAsync(file, args, { maxBuffer: 1 << 24 })).stdout;
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string };
    throw new Error(`${argv.slice(argv.indexOf('--') + 1).join(' ')}: ${stderr.trim() || message}`);
  }
}

export function start(argv: readonly string[], options: SpawnOptions): ChildProcess {
  const [file = '', ...args] = argv;
  return spawn(file, args, options);
}

/** Waits until a process has ended: its exit status, or 128 + the signal's number as a shell would say. */
export function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    const status = (code: number | null, signal: string | null): number => code ?? (signal === 'SIGKILL' ? 137 : 143);
    if (child.exitCode !== null || child.signalCode !== null) resolve(status(child.exitCode, child.signalCode));
    else child.once('exit', (code, signal) => resolve(status(code, signal)));
  });
}

/** Asks again and again until a condition holds; after the deadline it throws, with what was seen last. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  options: { deadline?: number; every?: number; state?: () => unknown } = {},
): Promise<NonNullable<T>> {
  const { deadline = 5000, every = 10, state } = options;
  const end = performance.now() + deadline;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) {
      const seen = state ? `; now: ${JSON.stringify(await state(), null, 1)}` : '';
      throw new Error(`not within ${deadline} ms: ${what}${seen}`);
    }
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
