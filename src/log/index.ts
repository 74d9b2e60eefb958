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

/** The daemon's log. */
export function createLog(to: string | Destination, level: string): Logger {
  const destination = typeof to === 'string' ? (destinations[to] ?? stderrDestination)() : to;
  return pino({ level, base: null }, destination);
}
