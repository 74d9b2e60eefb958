/** The userspace path manager by hand: the subflows of a connection. */
import { ops } from '../netlink/families/mptcp-pm.ts';
import { CliError, missingArgument, status, unknownCommand, wrongArgument } from './cli-error.ts';
import type { Context } from './context.ts';
import { answer, place } from './endpoint.ts';
import { awaitSubflow } from './subflow-wait.ts';
import { usageText } from './usage.ts';
import { type Given, type Place, parse, waitLast } from './userspace-words.ts';
import { pick } from './words.ts';

export function run(given: readonly string[], context: Context): Promise<number> | number {
  const [word = '', ...words] = waitLast(given);
  const verb = pick(word, ['create', 'destroy', 'change', 'help']);
  if (verb === undefined) throw word === '' ? new CliError(status.usage, usageText) : unknownCommand(word);
  if (verb === 'help') throw new CliError(status.usage, usageText);
  const parsed = parse(words, context);
  if (verb === 'create') return create(parsed, context);
  if (parsed.wait !== undefined) throw wrongArgument('only a subflow that is created can be waited for', 'wait');
  if (verb === 'destroy') destroy(parsed, context);
  else change(parsed, context);
  return status.done;
}

function create({ token, local, remote, flags, wait }: Given, context: Context): Promise<number> | number {
  const addr = { ...end('local', local), ...(flags.size > 0 ? { flags: [...flags] } : {}) };
  const there = end('remote', remote);
  const { port } = there;
  if (port === undefined) throw missingArgument('remote port');
  const order = (): void => {
    answer(context.pm.request(ops.createSubflow, { token, addr, addrRemote: { ...there, port } }));
  };
  if (wait !== undefined) return awaitSubflow({ token, local: addr, remote: { ...there, port } }, wait, order, context);
  order();
  return status.done;
}

/** A port that is not given is 0: the kernel says which one it misses. */
function destroy({ token, local, remote }: Given, context: Context): void {
  const addr = { ...end('local', local), port: local.port ?? 0 };
  const addrRemote = { ...end('remote', remote), port: remote.port ?? 0 };
  answer(context.pm.request(ops.destroySubflow, { token, addr, addrRemote }));
}

function change({ token, local, remote, backup }: Given, context: Context): void {
  const [here, addrRemote] = [end('local', local), end('remote', remote)];
  if (backup === undefined) throw missingArgument('backup | nobackup');
  const addr = { ...here, flags: backup ? (['backup'] as const) : [] };
  answer(context.pm.request(ops.setFlags, { token, addr, addrRemote }));
}

/** An end that must have an address. It goes to the kernel as it is written: IPv4-mapped is not IPv4 there. */
function end(name: string, given: Place) {
  const { ip } = given;
  if (ip === undefined) throw missingArgument(name);
  return { ...given, ...place(ip) };
}
