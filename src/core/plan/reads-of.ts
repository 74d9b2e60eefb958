import type { NetworkChange } from '../network.ts';
import { Reads } from './planned.ts';

/** The parts of a plan's view in which the network has changed. */
export const readsOf = (changes: readonly NetworkChange[]): number =>
  changes.reduce((sum, { hook }) => sum | (hook.startsWith('local') ? Reads.addresses : Reads.interfaces), 0);
