import { ops } from '../netlink/families/mptcp-pm.ts';
import { CliError, refused, status, unknownCommand, wrongArgument } from './cli-error.ts';
import type { Context } from './context.ts';
import { usageText } from './usage.ts';
import { matches, pick, unsigned, Words } from './words.ts';

interface Given {
  readonly rcvAddAddrs?: number;
  readonly subflows?: number;
}

export function run([word = 'show', ...words]: readonly string[], context: Context): number {
  switch (pick(word, ['set', 'show', 'help'])) {
    case 'set': {
      const set = context.pm.request(ops.setLimits, parse(words));
      if (!set.ok) throw refused(set.error);
      return status.done;
    }
    case 'show':
      parse(words); // `ip` takes limits here too, and leaves them unused
      show(context);
      return status.done;
    case 'help':
      throw new CliError(status.usage, usageText);
    default:
      throw unknownCommand(word);
  }
}

/** Reads limits in any order. @throws CliError */
export function parse(given: readonly string[]): Given {
  const words = new Words(given);
  let limits: Given = {};
  const value = (name: string): number => {
    const word = words.value();
    const number = unsigned(word, 0xffffffff);
    if (number === undefined) throw wrongArgument(`invalid ${name}\n`, word);
    return number;
  };
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (matches(word, 'subflows')) limits = { ...limits, subflows: value('subflows') };
    else if (matches(word, 'add_addr_accepted')) limits = { ...limits, rcvAddAddrs: value('add_addr_accepted') };
    else throw wrongArgument('unknown limit', word);
  }
  return limits;
}

function show(context: Context): void {
  const found = context.pm.request(ops.getLimits, {});
  if (!found.ok) throw refused(found.error);
  context.show(
    found.value ? [found.value] : [],
    ({ rcvAddAddrs, subflows }) => ({ add_addr_accepted: rcvAddAddrs, subflows }),
    ({ rcvAddAddrs, subflows }) => `add_addr_accepted ${rcvAddAddrs} subflows ${subflows} `,
  );
}
