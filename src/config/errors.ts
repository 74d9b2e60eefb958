/** What can be wrong with the configuration. */
export type ConfigErrorCode =
  /** The file cannot be read, or is not to be trusted. */
  | 'CONFIG_FILE'
  /** A line is neither a section nor `key = value`. */
  | 'CONFIG_SYNTAX'
  | 'CONFIG_UNKNOWN_SECTION'
  | 'CONFIG_UNKNOWN_KEY'
  | 'CONFIG_BAD_VALUE'
  /** A key stands twice: which of its values was meant nobody knows. */
  | 'CONFIG_SET_TWICE'
  /** The command line is wrong. */
  | 'CONFIG_USAGE';

/** A configuration that cannot be used: nothing of it is applied. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code: ConfigErrorCode;

  /** @param place where it is: `FILE:LINE`, `FILE` or an option such as `--log` */
  constructor(code: ConfigErrorCode, place: string | undefined, message: string) {
    super(place ? `${place}: ${message}` : message);
    this.code = code;
  }
}

/** The one of some words that is most like a misspelt one, or undefined where none is. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  let best: string | undefined;
  // One mistake in three letters, three at the most.
  let least = Math.min(3, Math.ceil(word.length / 3)) + 1;
  for (const candidate of words) {
    if (Math.abs(word.length - candidate.length) >= least) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** How many letters to add, drop, change or swap with their neighbour (optimal string alignment), row by row. */
function editDistance(a: string, b: string): number {
  let above: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swaps = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = swaps ? (above[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(changed, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    above = row;
    row = next;
  }
  return row[b.length] ?? 0;
}

/** `; did you mean "x"?` where there is something like it, otherwise the whole list. */
export function hint(word: string, words: readonly string[]): string {
  const like = nearest(word, words);
  return like === undefined ? `; there are ${words.join(', ') || 'none'}` : `; did you mean "${like}"?`;
}
