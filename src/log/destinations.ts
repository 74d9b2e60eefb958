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
  const show = (json: string): string => (terminal ? forTerminal(JSON.parse(json) as Line, colour) : json);
  const lossless = new LossTeller((text) => writeSync(2, text), show);
  return { write: (json) => lossless.write(show(json)) };
}

/**
 * Writes at once, so that the last line before an end is written too. A reader that is slow, or gone, or a disk that is
 * full, is no reason to wait or to fail: lines are left out then, and once one can be written again it is told how many.
 */
export class LossTeller {
  readonly #write: (bytes: Buffer) => number;
  readonly #show: (json: string) => string;
  #rest: Buffer = Buffer.alloc(0);
  #lost = 0;

  /**
   * @param write writes what it can and answers how many bytes that were
   * @param show puts a line of the log into the form of the destination
   */
  constructor(write: (bytes: Buffer) => number, show: (json: string) => string) {
    this.#write = write;
    this.#show = show;
  }

  write(text: string): void {
    const told = this.#lost > 0 ? this.#show(notice(this.#lost)) : '';
    // Half a line is there already: its other half comes first.
    if (!this.#put(this.#rest) || !this.#put(Buffer.from(told + text))) this.#lost++;
    else this.#lost = 0;
  }

  /** Whether all of it, or a beginning that is to be continued, was written. */
  #put(bytes: Buffer): boolean {
    if (bytes.length === 0) return true;
    let written = 0;
    try {
      written = this.#write(bytes);
    } catch (error) {
      if (!passing.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
    if (written === 0) return false;
    this.#rest = bytes.subarray(written);
    return true;
  }
}

/** What may go wrong with a file, a pipe or a terminal without any fault of this program. */
const passing = new Set(['EAGAIN', 'EPIPE', 'ENOSPC', 'EDQUOT', 'EIO', 'EBADF', 'EINTR', 'EFBIG']);

const notice = (lost: number): string =>
  `${JSON.stringify({ level: 40, time: Date.now(), lines: lost, msg: 'lines of this log were lost' })}\n`;

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
        const words = { level: 40, time: Date.now(), path, reason, msg: 'cannot log there: logging to stderr' };
        if (!failing) fallback.write(`${JSON.stringify(words)}\n`);
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
