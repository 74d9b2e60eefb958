import { createReadStream } from 'node:fs';
import { readCommands } from './batch-lines.ts';
import { CliError, status } from './cli-error.ts';
import type { Context } from './context.ts';
import { describeErrno } from './errno-words.ts';

/** What `-batch` and `-force` say. */
export interface Batch {
  /** `-` is stdin. */
  readonly file: string;
  /** Whether a command that the kernel refuses does not end it. */
  readonly force: boolean;
}

/** What has become of a command: its exit status, and whether nothing may follow it. */
export interface Outcome {
  readonly status: number;
  readonly last: boolean;
}

/**
 * Runs the commands of a file, as `ip -batch` does: a command that the kernel refuses is named by its line, and ends the
 * batch unless it is forced; a wrong one ends it in any case, with its own status.
 * @returns the exit status
 */
export async function runBatch(
  { file, force }: Batch,
  context: Context,
  run: (words: readonly string[]) => Promise<Outcome>,
): Promise<number> {
  let result: number = status.done;
  for await (const { words, number } of readCommands(read(file), (text) => context.err(text))) {
    // Files for `ip -batch` name the object mptcp on each line.
    const outcome = await settle(() => run(words[0] === 'mptcp' ? words.slice(1) : words), context);
    if (outcome.status !== status.done) {
      context.err(`Command failed ${file}:${number}\n`);
      result = status.failed;
      if (!force) break;
    }
    if (outcome.last) break;
  }
  return result;
}

/** A refusal is an outcome; anything else is thrown. */
async function settle(task: () => Promise<Outcome>, context: Context): Promise<Outcome> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof CliError) || error.status !== status.refused) throw error;
    context.err(error.message);
    return { status: error.status, last: false };
  }
}

async function* read(file: string): AsyncGenerator<string> {
  try {
    yield* (file === '-' ? process.stdin : createReadStream(file)).setEncoding('utf8') as AsyncIterable<string>;
  } catch (error) {
    const { syscall, errno } = error as NodeJS.ErrnoException;
    if (errno === undefined) throw error;
    const what = syscall === 'open' ? `Cannot open file "${file}" for reading` : `Cannot read file "${file}"`;
    throw new CliError(status.failed, `${what}: ${describeErrno(-errno)}\n`);
  }
}
