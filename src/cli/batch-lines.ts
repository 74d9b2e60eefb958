import { CliError, status } from './cli-error.ts';

/** One command of a batch. */
export interface BatchLine {
  /** Never empty. */
  readonly words: readonly string[];
  /** The line of the file on which it ends. */
  readonly number: number;
}

/** iproute2's MAX_ARGS (lib/utils.c), the closing null of its array included. */
const MOST_WORDS = 511;

/**
 * The commands in a text, as iproute2 takes it apart (lib/utils.c, getcmdline): one a line, without what follows a `#`,
 * going on in the next line where a backslash is the last character. Each is given as soon as its line is there.
 * @param warn told that the last line has a continuation that is not there; the line is then left out
 * @throws CliError at a line that cannot be taken apart
 */
export async function* readCommands(
  chunks: AsyncIterable<string>,
  warn: (text: string) => void,
): AsyncGenerator<BatchLine> {
  let number = 0;
  let begun: string | undefined;
  for await (const whole of readLines(chunks)) {
    number++;
    const line: string = `${begun ?? ''}${whole.replace(/#.*$/s, '')}`;
    begun = line.endsWith('\\\n') ? line.slice(0, -2) : undefined;
    if (begun !== undefined) continue;
    const words = splitWords(line);
    if (words.length > 0) yield { words, number };
  }
  if (begun !== undefined) warn('Missing continuation line\n');
}

/** Lines with the newline that ends them; the last one may lack it. */
async function* readLines(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield `${line}\n`;
  }
  if (rest !== '') yield rest;
}

/**
 * The words of a line. One that begins with a quote ends at the next quote of its kind, blanks and all; a quote within a
 * word is a character like others.
 * @throws CliError
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  for (let at = 0; ; ) {
    while (/[ \t\r\n]/.test(line.charAt(at))) at++;
    const first = line.charAt(at);
    if (first === '') return words;
    if (words.length === MOST_WORDS) throw new CliError(status.failed, 'Too many arguments to command\n');
    const quoted = first === '"' || first === "'";
    const start = quoted ? at + 1 : at;
    const length = quoted ? line.slice(start).indexOf(first) : line.slice(start).search(/[ \t\r\n]|$/);
    if (length < 0) throw new CliError(status.failed, 'Unterminated quoted string\n');
    words.push(line.slice(start, start + length));
    at = start + length + 1;
  }
}
