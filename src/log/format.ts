/** One line of the log, as pino writes it. */
export interface Line {
  readonly level: number;
  readonly time: number;
  readonly msg?: string;
  readonly plugin?: string;
  readonly [field: string]: unknown;
}

const levelNames: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};
const colours: Readonly<Record<number, number>> = { 20: 90, 40: 33, 50: 31, 60: 31 };

/** The name of a level of pino. */
export const levelName = (level: number): string => levelNames[level] ?? String(level);

/** Message and fields in one line: `subflow refused (plugin fullmesh, token 0x1e7fcfbf)`. */
export function sentence(line: Line): string {
  const fields: string[] = [];
  for (const [key, value] of Object.entries(line)) {
    if (key === 'level' || key === 'time' || key === 'msg' || value === undefined) continue;
    fields.push(`${key} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
  }
  const message = line.msg ?? '';
  return fields.length > 0 ? `${message} (${fields.join(', ')})` : message;
}

/** A line for a terminal: time, level, sentence. */
export function forTerminal(line: Line, colour: boolean): string {
  const time = new Date(line.time).toISOString().slice(11, 23);
  const level = levelName(line.level).padEnd(5);
  const paint = colour ? colours[line.level] : undefined;
  const text = `${time} ${level} ${sentence(line)}`;
  return paint === undefined ? `${text}\n` : `\u001b[${paint}m${text}\u001b[0m\n`;
}
