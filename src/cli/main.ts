import type { Outcome } from './batch.ts';
import { CliError, status, unknownCommand } from './cli-error.ts';
import type { Context, Output } from './context.ts';
import { readOptions } from './options.ts';
import { helpText, usageText } from './usage.ts';
import { readVersion } from './version.ts';
import { pick } from './words.ts';

/** One object of the command line. @param words what follows its name. @returns the exit status */
type Run = (words: readonly string[], context: Context) => Promise<number> | number;

/**
 * The objects, in the order in which an abbreviation is looked for: `ip mptcp`'s own come first, and `m` is monitor.
 * Each file is loaded only when it is asked for.
 */
export const objects: Readonly<Record<string, () => Promise<{ readonly run: Run }>>> = {
  endpoint: () => import('./endpoint.ts'),
  limits: () => import('./limits.ts'),
  monitor: () => import('./monitor.ts'),
  connections: () => import('./connections.ts'),
  subflow: () => import('./userspace-subflow.ts'),
  subflows: () => import('./subflows.ts'),
  announce: async () => ({ run: (await import('./userspace.ts')).announce }),
  address: async () => ({ run: (await import('./userspace.ts')).addresses }),
  remove: async () => ({ run: (await import('./userspace.ts')).remove }),
  listen: () => import('./listen.ts'),
  completion: () => import('./completion.ts'),
};

const processOutput: Output = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  get waiting() {
    return process.stdout.writableLength;
  },
  flushed: () => new Promise((resolve) => process.stdout.write('', () => resolve())),
  get watched() {
    return process.stderr.isTTY === true;
  },
};

/** The program mptcpctl. @returns its exit status */
export async function main(args: readonly string[], output: Output = processOutput): Promise<number> {
  try {
    const { action, options, batch, words } = readOptions(args);
    if (action === 'help') output.out(helpText);
    if (action === 'version') output.out(`mptcpctl ${readVersion()}\n`);
    if (action !== 'run') return status.done;
    const context = new (await import('./context.ts')).Context(options, output);
    const run = (line: readonly string[]): Promise<Outcome> => runCommand(line, context);
    if (batch) return await (await import('./batch.ts')).runBatch(batch, context, run);
    return (await run(words)).status;
  } catch (error) {
    return complain(error, output);
  }
}

/** Runs one command. @throws CliError */
async function runCommand([word, ...words]: readonly string[], context: Context): Promise<Outcome> {
  // As with `ip`: one that asks with a word is told on stderr.
  if (word === undefined || pick(word, [...Object.keys(objects), 'help']) === 'help') {
    throw new CliError(status.usage, usageText);
  }
  const load = objects[pick(word, Object.keys(objects)) ?? ''];
  if (!load) throw unknownCommand(word);
  const result = await (await load()).run(words, context);
  // The end of the program would cut off what waits. Only a signal ends these two: they wait for nobody.
  const last = load === objects['monitor'] || load === objects['listen'];
  if (!last) await context.flushed();
  return { status: result, last };
}

/** Says what is wrong. @returns the exit status */
function complain(error: unknown, output: Output): number {
  if (error instanceof CliError) {
    output.err(error.message);
    return error.status;
  }
  // A fault of the system: no socket, no answer. Any other error is one of ours, and its stack is wanted.
  if (!(error instanceof Error) || !['SystemError', 'NoAnswerError'].includes(error.name)) throw error;
  output.err(`mptcpctl: ${error.message}\n`);
  return status.failed;
}
