/** How the long runs speak: what happens on stdout, how far they are on stderr. */
const colour = process.stdout.isTTY === true && !process.env['NO_COLOR'];
const start = performance.now();

export const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);

export function tell(text: string, mark = ' '): void {
  process.stdout.write(`${paint(90, seconds())} ${mark} ${text}\n`);
}
export const well = (text: string): void => tell(text, paint(32, '✓'));
export const wrong = (text: string): void => tell(text, paint(31, '✗'));

/** How far it is: one line, that on a terminal takes the place of the one before. */
export function progress(text: string): void {
  const terminal = process.stderr.isTTY === true;
  process.stderr.write(terminal ? `\r\u001b[K${seconds()}   ${text}` : `${seconds()}   ${text}\n`);
}

const seconds = (): string => `${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s`;
