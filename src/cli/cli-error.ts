import { errnoNumber } from '../os/errno.ts';
import { describeErrno } from './errno-words.ts';

/** What ends the program: a text for stderr, whole lines, and the exit status. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

/** The exit statuses, those of `ip`. */
export const status = {
  done: 0,
  /** A bad address, or the kernel cannot be asked. */
  failed: 1,
  refused: 2,
  /** The words on the command line are wrong. */
  usage: 255,
} as const;

/** A word has a value that it cannot have. Where iproute2 ends the reason with a newline, so do we: `why` has it. */
export const wrongArgument = (why: string, word: string): CliError =>
  new CliError(status.usage, `Error: argument "${word}" is wrong: ${why}\n`);

export const missingArgument = (name: string): CliError =>
  new CliError(status.usage, `Error: argument "${name}" is required\n`);

export const incomplete = (): CliError =>
  new CliError(status.usage, 'Command line is not complete. Try option "help"\n');

/** iproute2's words to the letter, the name of its own help included: scripts compare them. */
export const unknownCommand = (word: string): CliError =>
  new CliError(status.usage, `Command "${word}" is unknown, try "ip mptcp help".\n`);

/** The kernel's refusal, in its own words where it has some. */
export function refused(error: { readonly errno: string; readonly extack: string | undefined }): CliError {
  const { extack, errno } = error;
  const text = extack
    ? `Error: ${extack}${extack.endsWith('.') ? '' : '.'}`
    : `RTNETLINK answers: ${describeErrno(errnoNumber(errno) ?? 0)}`;
  return new CliError(status.refused, `${text}\n`);
}
