import { formatToken } from '../core/model/ids.ts';
import { status } from './cli-error.ts';
import { findConnections, isWanted, readFilter } from './connection-filter.ts';
import { type OwnedSubflow, subflowLines, subflowValue } from './connection-format.ts';
import type { Context } from './context.ts';

/** Lists subflows, each with the token of its connection. */
export function run(words: readonly string[], context: Context): number {
  const filter = readFilter(words);
  const wanted: OwnedSubflow[] = findConnections(filter, context).flatMap(({ token, subflows }) =>
    subflows.filter((subflow) => isWanted(filter, subflow)).map((subflow) => ({ ...subflow, token })),
  );
  const linkName = context.linkName.bind(context);
  const lines = subflowLines(wanted, linkName);
  context.show(
    wanted.map((subflow, i) => ({ subflow, line: lines[i] ?? '' })),
    ({ subflow }) => ({ token: formatToken(subflow.token), ...subflowValue(subflow, linkName) }),
    ({ line }) => line,
  );
  return status.done;
}
