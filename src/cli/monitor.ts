import type { IfIndex } from '../core/model/ids.ts';
import { pmEvents } from '../netlink/families/mptcp-pm.ts';
import { subscribe } from '../netlink/subscription.ts';
import { status } from './cli-error.ts';
import type { Context } from './context.ts';
import { isWanted, readFilter } from './event-filter.ts';
import type { Told } from './event-format.ts';
import { EventOutput } from './event-output.ts';
import { openEvents } from './event-socket.ts';
import { stopSignal } from './stop-signal.ts';
import { now } from './timestamp.ts';

/** So many bytes may wait for a reader that takes its time. What comes then is counted as lost. */
const MOST_WAITING = 1 << 20;

/** Tells of events until a signal ends it. */
export async function run(words: readonly string[], context: Context): Promise<number> {
  const filter = readFilter(words);
  const family = context.pm;
  // 255 as `ip`, though the words are right.
  const socket = openEvents(context, status.usage);
  const names = linkNames(context);
  const output = new EventOutput(context.options, (text) => context.out(text));
  let passedOver = 0;
  const tell = (told: Told): void => {
    if (!isWanted(filter, told)) return;
    if (passedOver === 0 && context.waiting <= MOST_WAITING) {
      output.add(told, names, now());
      return;
    }
    if (passedOver === 0) {
      void context.flushed().then(() => {
        output.add({ type: 'lost', count: passedOver }, names, now());
        passedOver = 0;
      });
    }
    passedOver += told.type === 'lost' ? told.count : 1;
  };
  output.open();
  subscribe(socket, {
    message: (b, body, end, type) => {
      if (type === family.id) tell(pmEvents.decode(b, body, end));
    },
    lost: (count) => tell({ type: 'lost', count }),
    malformed: (error) => context.err(`mptcpctl: an event that cannot be read: ${(error as Error).message}\n`),
  });
  await stopSignal();
  socket.close();
  output.close();
  return status.done;
}

/** Names of interfaces: asked for each time, since they change; the last one known where the interface is gone. */
function linkNames(context: Pick<Context, 'linkName'>): (index: IfIndex) => string {
  const known = new Map<IfIndex, string>();
  return (index) => {
    const name = context.linkName(index);
    if (name === `if${index}`) return known.get(index) ?? name;
    known.set(index, name);
    return name;
  };
}
