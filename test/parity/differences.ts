import { addressDifferences } from './differences-addresses.ts';
import { endpointDifferences } from './differences-endpoints.ts';
import { optionDifferences } from './differences-options.ts';

/** Where ours is meant to do something else than the C program. */
export interface Difference {
  /** The name of the step list. */
  readonly list: string;
  /** Which finding about the C program: a defect or a section of the study of it (reference/mptcpd.md). */
  readonly see: string;
  /** What ours does better, or what it lacks. */
  readonly why: string;
  /** By the name of the step: what there is after it, with either. After every other step there is the same. */
  readonly at: Readonly<Record<string, { readonly c: string; readonly ours: string }>>;
}

/** All differences. One that is not here fails, and so does one that is here and is none. */
export const differences: readonly Difference[] = [...addressDifferences, ...endpointDifferences, ...optionDifferences];
