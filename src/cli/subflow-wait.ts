import { showEnd, whyClosed } from '../core/trail.ts';
import { findByToken } from '../netlink/diag.ts';
import { pmEvents } from '../netlink/families/mptcp-pm.ts';
import { findLocalEnd } from '../netlink/listeners.ts';
import type { Socket } from '../netlink/socket.ts';
import { subscribe } from '../netlink/subscription.ts';
import { status } from './cli-error.ts';
import type { Context } from './context.ts';
import { toValue } from './event-format.ts';
import { openEvents } from './event-socket.ts';
import { type Json, toJson } from './json.ts';
import { type Found, type Outcome, SubflowWatch, type Wanted } from './subflow-watch.ts';

/** How often it is looked whether the connection lives, in milliseconds: no event tells that the peer has aborted it. */
const LOOK_EVERY = 250;
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
  const timers: NodeJS.Timeout[] = [];
  try {
    const ended = outcome(wanted, events, context, timers);
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
  }
}

/** Starts to watch. `last` looks for the last time: what is not known by then is undefined. */
function outcome(wanted: Wanted, events: Socket, context: Context, timers: NodeJS.Timeout[]) {
  const before = findByToken(context.diag, wanted.token);
  const watch = new SubflowWatch(wanted, before.ok ? before.value.subflows : []);
  let lost = false;
  let settle: (outcome: Outcome | undefined) => void = () => undefined;
  const promise = new Promise<Outcome | undefined>((resolve) => {
    settle = resolve;
  });
  const tell = (found: Outcome | undefined): void => {
    if (found) settle(found);
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
  const read = (): Outcome | undefined => {
    const found = findByToken(context.diag, wanted.token);
    if (!found.ok && found.error.errno !== 'ENOENT') throw found.error;
    return watch.read(found.ok ? found.value : undefined);
  };
  const look = (): void => {
    const alive = findLocalEnd(context.diag, wanted.token);
    if (!alive.ok && alive.error.errno === 'ENOENT') settle({ type: 'connectionClosed' });
    else if (lost) tell(read());
  };
  // Without mptcp_diag in the kernel there are only the events.
  if (before.ok) timers.push(setInterval(look, LOOK_EVERY));
  return { promise, last: () => settle(before.ok ? read() : undefined) };
}

/** Says how it ended. @returns the exit status */
function report(found: Outcome | undefined, wanted: Wanted, seconds: number, context: Context): number {
  const type = found?.type ?? 'timeout';
  const subflow = found && 'subflow' in found ? found.subflow : undefined;
  const why = subflow && type === 'closed' ? whyNot(subflow) : undefined;
  if (context.options.json) {
    const { event: _, ...members } = subflow
      ? toValue({ type: 'subflowEstablished', ...subflow }, (index) => context.linkName(index))
      : {};
    const value: Json = { outcome: names[type], ...members, why };
    context.out(`${toJson(value, context.options.pretty)}\n`);
  }
  const to = showEnd(wanted.remote);
  if (type === 'established' && subflow) {
    const { localIp, localPort, remoteIp, remotePort, locId, remId } = subflow;
    const [here, there] = [showEnd({ ip: localIp, port: localPort }), showEnd({ ip: remoteIp, port: remotePort })];
    if (!context.options.json) context.out(`established ${here} id ${locId} to ${there} id ${remId}\n`);
    return status.done;
  }
  const from = subflow ? ` from ${showEnd({ ip: subflow.localIp, port: subflow.localPort })}` : '';
  const texts = {
    closed: `the subflow${from} to ${to} is closed: ${why ?? 'events about it were lost, the reason is not known'}`,
    connectionClosed: `the connection closed before the subflow to ${to} was established`,
    timeout: `no answer from ${to} within ${seconds} s; the kernel goes on trying`,
    established: '',
  };
  context.err(`Error: ${texts[type]}.\n`);
  return type === 'timeout' ? status.failed : status.refused;
}

/**
 * Why there is no subflow. The kernel gives no error where it resets one itself because the answer to its MP_JOIN was
 * plain TCP (net/mptcp/subflow.c, subflow_finish_connect).
 */
function whyNot(subflow: Found): string {
  if (subflow.error !== undefined || subflow.resetReason !== undefined) return whyClosed(subflow);
  return 'no error is told: who answered speaks no Multipath TCP, or somebody closed it';
}

const names = {
  established: 'established',
  closed: 'closed',
  connectionClosed: 'connection-closed',
  timeout: 'timeout',
} as const;
