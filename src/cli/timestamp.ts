import type { Options } from './options.ts';

/** A time of the wall clock: the second, and the microseconds in it. */
export interface Time {
  readonly date: Date;
  readonly microseconds: number;
}

/** What the precise clock, which counts from some moment on and is never set, lacks of the wall clock's milliseconds. */
let ahead = 0;

/** Now: Date's milliseconds, and of the precise clock only what Date leaves out. */
export function now(): Time {
  const ms = Date.now();
  const precise = performance.now();
  if (precise + ahead < ms || precise + ahead >= ms + 1) ahead = ms - precise;
  const fraction = precise + ahead - ms;
  return { date: new Date(ms), microseconds: (ms % 1000) * 1000 + Math.floor(fraction * 1000) };
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (n: number): string => `${n}`.padStart(2, '0');
const clock = (d: Date): string => `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;

/** ISO 8601, local time: `2026-11-21T00:43:36.476176`. */
function isoTime({ date, microseconds }: Time): string {
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${clock(date)}.${`${microseconds}`.padStart(6, '0')}`;
}

/** As ctime(3) has it: `Sat Nov 21 00:43:36 2026 476176 usec`. */
function longTime({ date, microseconds }: Time): string {
  const day = `${days[date.getDay()]} ${months[date.getMonth()]} ${`${date.getDate()}`.padStart(2)}`;
  return `${day} ${clock(date)} ${date.getFullYear()} ${microseconds} usec`;
}

/** What stands before a line: a line of its own, or a short prefix. */
export function timePrefix(form: Options['timestamp'], time: Time): string {
  if (form === 'none') return '';
  return form === 'short' ? `[${isoTime(time)}] ` : `Timestamp: ${longTime(time)}\n`;
}

/** The member that an object of JSON begins with. */
export function timeMember(form: Options['timestamp'], time: Time): Readonly<Record<string, string>> {
  if (form === 'none') return {};
  return form === 'short' ? { timestamp_short: isoTime(time) } : { timestamp: longTime(time) };
}
