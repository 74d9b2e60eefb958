import { readFileSync } from 'node:fs';
import { CliError, status, unknownCommand } from './cli-error.ts';
import type { Context } from './context.ts';
import { shells } from './grammar.ts';
import { usageText } from './usage.ts';
import { pick } from './words.ts';

const files = { bash: 'mptcpctl.bash', zsh: '_mptcpctl' } as const;

/** The build sets it, as it does the version. */
declare const MPTCPCTL_COMPLETIONS: Readonly<Record<keyof typeof files, string>> | undefined;

/** Prints what a shell is to read, so that it completes the words of mptcpctl. */
export function run([word = 'help']: readonly string[], context: Context): number {
  const shell = pick(word, [...shells, 'help']);
  if (shell === undefined) throw unknownCommand(word);
  if (shell === 'help') throw new CliError(status.usage, usageText);
  context.out(script(shell));
  return status.done;
}

function script(shell: keyof typeof files): string {
  if (typeof MPTCPCTL_COMPLETIONS === 'object') return MPTCPCTL_COMPLETIONS[shell];
  return readFileSync(new URL(`../../completions/${files[shell]}`, import.meta.url), 'utf8');
}
