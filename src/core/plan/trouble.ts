import type { SubflowRecord } from '../connection-table.ts';

/** What the kernel's counters say of one subflow at one moment. */
export interface ProgressSample {
  /** Bytes that the peer has acknowledged. */
  readonly acked: number;
  /** Whether any are sent and not acknowledged, or wait to be sent. */
  readonly outstanding: boolean;
}

/** What earlier samples of a subflow said. */
export interface Progress {
  acked: number;
  /** Since when data has been outstanding without any of it being acknowledged. */
  stalledSince: number | undefined;
  /** The latest stall that was long enough to be called trouble, once it is over. */
  stall: { readonly from: number; readonly to: number } | undefined;
}

/**
 * Takes in a sample.
 * @param after the shortest stall that anybody calls trouble
 * @returns whether a stall began or ended: what a plan was told may no longer hold
 */
export function noteProgress(subflow: SubflowRecord, sample: ProgressSample, after: number, now: number): boolean {
  const { acked, outstanding } = sample;
  const known = subflow.progress;
  if (!known) {
    subflow.progress = { acked, stalledSince: undefined, stall: undefined };
    if (outstanding) subflow.progress.stalledSince = now;
    return outstanding;
  }
  const moved = acked !== known.acked;
  known.acked = acked;
  if (outstanding && !moved) {
    if (known.stalledSince !== undefined) return false;
    known.stalledSince = now;
    return true;
  }
  if (known.stalledSince === undefined) return false;
  if (now - known.stalledSince >= after) known.stall = { from: known.stalledSince, to: now };
  known.stalledSince = undefined;
  return true;
}

/** Whether a subflow is in trouble now, and when that may change by the time alone. */
export function troubleAt(
  { progress }: SubflowRecord,
  after: number,
  hold: number,
  now: number,
): { readonly troubled: boolean; readonly until: number } {
  const never = Number.POSITIVE_INFINITY;
  if (!progress) return { troubled: false, until: never };
  const { stalledSince, stall } = progress;
  if (stalledSince !== undefined && now - stalledSince >= after) return { troubled: true, until: never };
  const next = stalledSince === undefined ? never : stalledSince + after;
  const held = stall !== undefined && stall.to - stall.from >= after ? stall.to + hold : 0;
  // While it stands still it is not well, though it has not been long enough for trouble.
  if (stalledSince !== undefined && stalledSince < held) return { troubled: true, until: never };
  if (held > now) return { troubled: true, until: held };
  return { troubled: false, until: next };
}
