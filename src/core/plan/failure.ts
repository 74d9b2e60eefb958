import type { Refusal } from '../model/commands.ts';
import type { Subflow } from '../model/connection.ts';
import type { PlanSettings } from './settings.ts';

/** What went wrong with a pair, as far as it matters to when it is tried again. */
export type FailureKind =
  /** Nobody listens there, or the peer takes no more. */
  | 'refused'
  | 'timed out'
  | 'reset'
  /** The peer does not want it for now (RFC 8684 section 3.6, reasons 2, 4 and 5). */
  | 'busy'
  /** The peer, or a box on the way, will not have it at all (reasons 3 and 6, unless transient). */
  | 'forbidden'
  /** No route, or the address is not there. */
  | 'no way'
  /** It ended in order, though nobody here asked for that. */
  | 'closed';

/** The pause after a refusal for want of resources is this much longer. */
const BUSY_FACTOR = 4;
/** Pauses differ by up to a tenth either way, so that what fell together does not come back together. */
const JITTER = 0.1;

/** What the end of a subflow says. */
export function kindOf({ error, resetReason, resetTransient }: Subflow): FailureKind {
  switch (resetReason) {
    case 'prohibited':
    case 'middlebox':
      return resetTransient ? 'reset' : 'forbidden';
    case 'resource':
    case 'too-much-data':
    case 'bad-performance':
      return resetTransient ? 'reset' : 'busy';
    default:
  }
  switch (error) {
    case undefined:
      return 'closed';
    case 'ECONNREFUSED':
      return 'refused';
    case 'ETIMEDOUT':
      return 'timed out';
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'EADDRNOTAVAIL':
      return 'no way';
    default:
      return 'reset';
  }
}

/** What the kernel's refusal of a try says; undefined where trying again cannot help. */
export function kindOfRefusal({ errno }: Refusal): FailureKind | undefined {
  switch (errno) {
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'EADDRNOTAVAIL':
    case 'ENODEV':
      return 'no way';
    case 'EINVAL':
      return undefined;
    default:
      return 'refused';
  }
}

/**
 * How long to wait after so many failures in a row.
 * @param seed tells pairs apart: the same pair waits as long each time
 */
export function pauseAfter(failures: number, kind: FailureKind, settings: PlanSettings, seed: string): number {
  const { retryAfter, retryMost } = settings;
  const most = Math.max(retryAfter, retryMost);
  const doubled = Math.min(retryAfter * 2 ** (failures - 1), most);
  const pause = kind === 'busy' ? Math.min(doubled * BUSY_FACTOR, most) : doubled;
  return Math.round(pause * (1 + JITTER * (2 * fraction(`${seed} ${failures}`) - 1)));
}

/** A number from 0 to 1 that a text always has (FNV-1a). */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0) / 0xffffffff;
}
