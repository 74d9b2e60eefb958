import { writeSync } from 'node:fs';
import { UnixDatagram } from '../os/index.ts';
import { forTerminal, type Line, levelName, sentence } from './format.ts';

/** Where lines go: pino writes each as JSON. */
export interface Destination {
  write(json: string): void;
}

/** Lines for people on a terminal, JSON for everything else. */
export function stderrDestination(): Destination {
  const terminal = process.stderr.isTTY === true;
  const colour = terminal && !process.env['NO_COLOR'];
  return { write: (json) => toStderr(terminal ? forTerminal(JSON.parse(json) as Line, colour) : json) };
}

/** Written at once, so that nothing is lost when the process ends; a reader that is gone is no reason to fail. */
function toStderr(text: string): void {
  try {
    writeSync(2, text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPIPE' && code !== 'EAGAIN') throw error;
  }
}

export const nullDestination: Destination = { write: () => undefined };

/** syslog(3)'s severities (RFC 5424 section 6.2.1). */
const severity = (level: number): number => (level >= 60 ? 2 : level >= 50 ? 3 : level >= 40 ? 4 : level >= 30 ? 6 : 7);

/** Sends each line as a datagram; what cannot be sent goes to stderr, and the first time it says why. */
function datagrams(path: string, format: (line: Line) => string): Destination {
  const socket = new UnixDatagram();
  const fallback = stderrDestination();
  let failing = false;
  return {
    write(json) {
      let reason: string | undefined;
      try {
        if (!socket.sendTo(path, Buffer.from(format(JSON.parse(json) as Line)))) reason = 'its queue is full';
      } catch (error) {
        reason = (error as Error).message;
      }
      if (reason !== undefined) {
        if (!failing) toStderr(`mptcpd: cannot log to ${path}: ${reason}; logging to stderr\n`);
        fallback.write(json);
      }
      failing = reason !== undefined;
    },
  };
}

const DAEMON = 3 << 3;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Neither protocol has a place for more: what follows a line break would be taken for something else. */
const onOneLine = (line: Line): string => sentence(line).replaceAll('\n', ' ');

/** The form of /dev/log (RFC 3164 section 4.1, without the host name, as syslog(3) sends it). */
export function syslogLine(line: Line, pid: number): string {
  const date = new Date(line.time);
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((n) => String(n).padStart(2, '0'))
    .join(':');
  const stamp = `${months[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${clock}`;
  return `<${DAEMON | severity(line.level)}>${stamp} mptcpd[${pid}]: ${onOneLine(line)}`;
}

/** The journal's native protocol: one field a line. */
export function journalEntry(line: Line): string {
  return `MESSAGE=${onOneLine(line)}\nPRIORITY=${severity(line.level)}\nSYSLOG_IDENTIFIER=mptcpd\nLEVEL=${levelName(line.level)}\n`;
}

export const syslogDestination = (path = '/dev/log'): Destination =>
  datagrams(path, (line) => syslogLine(line, process.pid));

export const journalDestination = (path = '/run/systemd/journal/socket'): Destination => datagrams(path, journalEntry);
