import { pino } from 'pino';
import {
  type Destination,
  journalDestination,
  nullDestination,
  stderrDestination,
  syslogDestination,
} from './destinations.ts';

export type { Destination } from './destinations.ts';
export type Logger = pino.Logger;

const destinations: Readonly<Record<string, () => Destination>> = {
  stderr: stderrDestination,
  syslog: () => syslogDestination(),
  journal: () => journalDestination(),
  null: () => nullDestination,
};

/** The levels of the children of a logger are their own: they are kept to be set with it. */
const children = new WeakMap<Logger, Logger[]>();

/** The daemon's log. What goes nowhere is not even put into words. */
export function createLog(to: string | Destination, level: string): Logger {
  const destination = typeof to === 'string' ? (destinations[to] ?? stderrDestination)() : to;
  const all: Logger[] = [];
  const onChild = (child: unknown): void => void all.push(child as Logger);
  const log: Logger = pino({ level: to === 'null' ? 'silent' : level, base: null, onChild }, destination);
  children.set(log, all);
  return log;
}

/** Logs a level and above from now on, children included. */
export function setLevel(log: Logger, level: string): void {
  if (log.level === 'silent') return;
  log.level = level;
  for (const child of children.get(log) ?? []) child.level = level;
}
