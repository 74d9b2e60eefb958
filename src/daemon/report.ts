import type { Core } from '../core/core.ts';
import { formatToken } from '../core/model/ids.ts';
import { inWords } from '../core/plan/explain-words.ts';
import { showEnds } from '../core/trail.ts';
import type { Logger } from '../log/index.ts';

/** The lines of one report: more would hold up the daemon, and nobody would read them. */
const MOST_LINES = 500;

/** Says of each connection, to the log, why it has the subflows that it has: those that lack some first. */
export function reportConnections(core: Core, now: number, log: Logger): void {
  const all = [];
  for (const connection of core.connections) {
    const explanation = core.explain(connection.token, now);
    if (!explanation) continue;
    const lines = inWords(explanation, now);
    all.push({ connection, explanation, lines, well: lines.every(({ well }) => well) });
  }
  all.sort((a, b) => Number(a.well) - Number(b.well));
  let left = MOST_LINES;
  for (const [i, { connection, explanation, lines }] of all.entries()) {
    left -= lines.length + 1;
    if (left < 0) {
      log.info({ connections: all.length - i }, 'further connections are left out');
      return;
    }
    const token = formatToken(connection.token);
    const side = connection.serverSide ? 'server' : 'client';
    const { local, remote } = showEnds(connection);
    log.info({ token, plugin: explanation.plugin }, `${side}'s connection ${local} > ${remote}`);
    for (const { what, words } of lines) log.info({ token }, `${what}: ${words}`);
  }
}
