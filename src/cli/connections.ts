import { status } from './cli-error.ts';
import { findConnections, isWanted, readFilter } from './connection-filter.ts';
import { connectionLines, connectionValue } from './connection-format.ts';
import type { Context } from './context.ts';

/** Lists connections. One is wanted if its own ends are, or those of one of its subflows. */
export function run(words: readonly string[], context: Context): number {
  const filter = readFilter(words);
  const wanted = findConnections(filter, context).filter((connection) =>
    [connection, ...connection.subflows].some((ends) => isWanted(filter, ends)),
  );
  const linkName = context.linkName.bind(context);
  const lines = connectionLines(wanted, linkName);
  context.show(
    wanted.map((connection, i) => ({ connection, lines: lines[i] ?? [] })),
    (record) => connectionValue(record.connection, linkName),
    // With -o a record is one line, as with `ip`: a backslash stands for each newline.
    (record) => record.lines.join(context.options.oneLine ? '\\' : '\n'),
  );
  return status.done;
}
