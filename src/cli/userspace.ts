/** The userspace path manager by hand: what a plugin can do for the addresses of a connection, as commands. */
import { ops } from '../netlink/families/mptcp-pm.ts';
import { announceWarnings } from './announce-warnings.ts';
import { CliError, missingArgument, status, wrongArgument } from './cli-error.ts';
import type { Context } from './context.ts';
import { answer, place, toLine, toValue } from './endpoint.ts';
import { readCounters } from './mptcp-counters.ts';
import { removeWarning } from './remove-warning.ts';
import { usageText } from './usage.ts';
import { type Given, parse } from './userspace-words.ts';
import { pick } from './words.ts';

export function announce(words: readonly string[], context: Context): number {
  const { token, local, flags } = parseNow(words, context);
  const { ip, id, port, ifIndex } = local;
  if (ip === undefined) throw missingArgument('ADDRESS');
  if (id === undefined) throw missingArgument('ID');
  const addr = { ...local, ...place(ip), id, flags: [...new Set([...flags, 'signal' as const])] };
  const before = readCounters(context);
  answer(context.pm.request(ops.announce, { token, addr }));
  for (const text of announceWarnings({ token, ip, port, ifIndex }, before, context)) context.warn(text);
  return status.done;
}

export function remove(words: readonly string[], context: Context): number {
  const { token, local } = parseNow(words, context);
  const { id } = local;
  if (id === undefined) throw missingArgument('ID');
  const before = readCounters(context);
  answer(context.pm.request(ops.remove, { token, locId: id }));
  const text = removeWarning(id, before, context);
  if (text !== undefined) context.warn(text);
  return status.done;
}

/** What the kernel holds for a connection of the userspace path manager. */
export function addresses([word = '', ...words]: readonly string[], context: Context): number {
  const verb = pick(word, ['show', 'list', 'lst', 'help']);
  if (verb === 'help') throw new CliError(status.usage, usageText);
  const { token, local } = parseNow(verb === undefined ? [word, ...words] : words, context);
  const { id } = local;
  const held =
    id === undefined
      ? answer(context.pm.dump(ops.listAddrs, { token }))
      : [answer(context.pm.request(ops.getAddr, { token, addr: { id } }))];
  context.show(
    held.flatMap((each) => (each ? [each.addr] : [])),
    (each) => toValue(each, context),
    (each) => toLine(each, context),
  );
  return status.done;
}

/** The words of a command that is done at once. */
function parseNow(words: readonly string[], context: Context): Given {
  const given = parse(words, context);
  if (given.wait !== undefined) throw wrongArgument('only a subflow that is created can be waited for', 'wait');
  return given;
}
