import { addressLists, linkLists } from './lists-addresses.ts';
import { flagLists, foreignLists, limitLists } from './lists-endpoints.ts';
import { configLists, optionLists } from './lists-options.ts';
import type { StepList } from './step.ts';

/** All step lists. */
export const lists: readonly StepList[] = [
  ...addressLists,
  ...linkLists,
  ...flagLists,
  ...limitLists,
  ...foreignLists,
  ...optionLists,
  ...configLists,
];
