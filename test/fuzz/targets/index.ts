import type { Target } from '../target.ts';
import { exchangeTargets } from './exchanges.ts';
import { netlinkTargets } from './netlink.ts';
import { textTargets } from './text.ts';

/** Everything that reads bytes from outside. */
export const targets: readonly Target[] = [...netlinkTargets, ...exchangeTargets, ...textTargets];
