import type { Effect } from './core-types.ts';

/** The effects of two things in order; no new list where one of them has none. */
export const both = (first: readonly Effect[], second: readonly Effect[]): readonly Effect[] =>
  second.length === 0 ? first : first.length === 0 ? second : [...first, ...second];
