import { showEnd } from '../core/trail.ts';
import { Client } from '../netlink/client.ts';
import { findByToken } from '../netlink/diag.ts';
import { pmEvents } from '../netlink/families/mptcp-pm.ts';
import { PROTOCOL } from '../netlink/families/sock-diag.ts';
import { findLocalEnd } from '../netlink/listeners.ts';
import type { Socket } from '../netlink/socket.ts';
import { subscribe } from '../netlink/subscription.ts';
import { status } from './cli-error.ts';
import type { Context } from './context.ts';
import { openEvents } from './event-socket.ts';
import { type Ending, report } from './subflow-report.ts';
import { type Outcome, SubflowWatch, type Wanted } from './subflow-watch.ts';

/** How often it is looked whether the connection lives, in milliseconds: no event tells that the peer has aborted it. */
const LOOK_EVERY = 250;
/** For how long a subflow may live unsure before it counts as established, in milliseconds. */
const UNSURE = 1000;
/** After so many milliseconds who watches is told what is waited for. */
const PATIENCE = 2000;

/**
 * Gives the order to create a subflow and waits until it is established or closed. The events are subscribed to before
 * the order is given: they may come before its answer.
 * @returns the exit status
 * @throws CliError where it may not subscribe, before anything is done, or where the kernel refuses the order
 */
export async function awaitSubflow(
  wanted: Wanted,
  seconds: number,
  order: () => void,
  context: Context,
): Promise<number> {
  const events = openEvents(context, status.failed);
  const diag = new Client(context.openSocket(PROTOCOL));
  const timers: NodeJS.Timeout[] = [];
  try {
    const ended = outcome(wanted, { events, diag, timers }, context);
    order();
    timers.push(setTimeout(ended.last, seconds * 1000));
    const { remote } = wanted;
    if (context.watched) {
      const text = `waiting for ${showEnd(remote)} to answer, up to ${seconds} s\n`;
      timers.push(setTimeout(() => context.err(text), PATIENCE));
    }
    return report(await ended.promise, wanted, seconds, context);
  } finally {
    for (const timer of timers) clearTimeout(timer);
    events.close();
    diag.close();
  }
}

/** What is to be closed in the end. */
interface Means {
  readonly events: Socket;
  readonly diag: Client;
  readonly timers: NodeJS.Timeout[];
}

/** Starts to watch. `last` looks for the last time: what is not known by then is undefined. */
function outcome(wanted: Wanted, { events, diag, timers }: Means, context: Context) {
  const before = findByToken(diag, wanted.token);
  const watch = new SubflowWatch(wanted, before.ok ? before.value.subflows : []);
  let lost = false;
  let answered = false;
  let settle: (outcome: Ending | undefined) => void = () => undefined;
  const promise = new Promise<Ending | undefined>((resolve) => {
    settle = resolve;
  });
  const read = (): Outcome | undefined => {
    const found = findByToken(diag, wanted.token);
    if (!found.ok && found.error.errno !== 'ENOENT') throw found.error;
    return watch.read(found.ok ? found.value : undefined);
  };
  // The peer may reject the join after its SYN/ACK: then the kernel tells of both, one after the other.
  const confirm = (given: Outcome, waited: number, pause: number): void => {
    const found = before.ok ? read() : given;
    if (found?.type === 'established' && (found.sure || waited > UNSURE)) settle(found);
    else if (found?.type === 'connectionClosed') settle(found);
    // Gone: the event says it too, and more.
    else if (waited > UNSURE) settle({ type: 'closed', subflow: undefined, answered });
    else timers.push(setTimeout(() => confirm(given, waited + pause, 2 * pause), pause));
  };
  const tell = (found: Outcome | undefined): void => {
    if (found?.type === 'closed') settle({ ...found, answered });
    else if (found?.type === 'connectionClosed') settle(found);
    else if (found && !answered) {
      answered = true;
      confirm(found, 0, 2);
    }
  };
  subscribe(events, {
    message: (b, body, end, type) => {
      const event = type === context.pm.id ? pmEvents.decode(b, body, end) : undefined;
      if (event && event.type !== 'unknown') tell(watch.hear(event));
    },
    lost: () => {
      lost = true;
    },
    malformed: (error) => {
      context.err(`mptcpctl: an event that cannot be read: ${(error as Error).message}\n`);
      lost = true;
    },
  });
  const look = (): void => {
    const alive = findLocalEnd(diag, wanted.token);
    if (!alive.ok && alive.error.errno === 'ENOENT') settle({ type: 'connectionClosed' });
    else if (lost) tell(read());
  };
  // Without mptcp_diag in the kernel there are only the events.
  if (before.ok) timers.push(setInterval(look, LOOK_EVERY));
  const last = (): void => {
    const found = before.ok ? read() : undefined;
    settle(found?.type === 'closed' ? { ...found, answered } : found);
  };
  return { promise, last };
}
