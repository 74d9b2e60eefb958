/** No message that anybody reads is longer. */
const MOST_LETTERS = 8000;

/** What was thrown, in words. Plugins may throw anything: what has no text form, or fails to give it, too. */
export function wordsOf(thrown: unknown): string {
  return textOf(() => (thrown instanceof Error ? thrown.message : String(thrown))) ?? 'something without words';
}

/** The stack of an error; undefined where there is none. */
export function stackOf(thrown: unknown): string | undefined {
  return textOf(() => (thrown instanceof Error ? thrown.stack : undefined));
}

function textOf(read: () => unknown): string | undefined {
  try {
    const text = read();
    return typeof text === 'string' ? text.slice(0, MOST_LETTERS) : undefined;
  } catch {
    // A getter that throws, or an object without a text form: it has no words.
    return undefined;
  }
}
