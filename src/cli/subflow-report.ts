import { showEnd, whyClosed } from '../core/trail.ts';
import { status } from './cli-error.ts';
import type { Context } from './context.ts';
import { toValue } from './event-format.ts';
import { type Json, toJson } from './json.ts';
import type { Outcome, Wanted } from './subflow-watch.ts';

/** An outcome, and of a subflow that is closed whether the peer had answered. */
export type Ending =
  | Exclude<Outcome, { type: 'closed' }>
  | (Extract<Outcome, { type: 'closed' }> & { readonly answered: boolean });

/** Says how it ended. @returns the exit status */
export function report(found: Ending | undefined, wanted: Wanted, seconds: number, context: Context): number {
  const type = found?.type ?? 'timeout';
  const subflow = found && 'subflow' in found ? found.subflow : undefined;
  const why = found?.type === 'closed' ? whyNot(found) : undefined;
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
    closed: `the subflow${from} to ${to} is closed: ${why}`,
    connectionClosed: `the connection closed before the subflow to ${to} was established`,
    timeout: `no answer from ${to} within ${seconds} s; the kernel goes on trying`,
    established: '',
  };
  context.err(`Error: ${texts[type]}.\n`);
  return type === 'timeout' ? status.failed : status.refused;
}

/**
 * Why there is no subflow. The kernel gives no error where it resets one itself because the answer to its MP_JOIN was
 * plain TCP (net/mptcp/subflow.c, subflow_finish_connect), and none where the peer resets it before it is fully established.
 */
function whyNot({ subflow, answered }: Extract<Ending, { type: 'closed' }>): string {
  if (subflow?.error !== undefined || subflow?.resetReason !== undefined) return whyClosed(subflow);
  if (answered) {
    return "the peer answered and then rejected it: it takes no more subflows, or nobody there follows the path manager's events";
  }
  if (!subflow) return 'events about it were lost, the reason is not known';
  return 'no error is told: who answered speaks no Multipath TCP, or somebody closed it';
}

const names = {
  established: 'established',
  closed: 'closed',
  connectionClosed: 'connection-closed',
  timeout: 'timeout',
} as const;
