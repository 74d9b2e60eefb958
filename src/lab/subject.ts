import type { DaemonProcess, LabHost, LogLine } from './host.ts';
import { residentMegabytes } from './oracle.ts';

interface Counted {
  readonly events: number;
  readonly lost: number;
  readonly byType: Readonly<Record<string, number>>;
}

/** A mptcpd that is watched for long: its memory, how late its loop is, what it has heard. */
export class Subject {
  readonly host: LabHost;
  readonly daemon: DaemonProcess;
  /** Megabytes that it held, second by second. */
  readonly memory: number[] = [];
  /** Megabytes that JavaScript held, report by report. */
  readonly #heaps: number[] = [];
  #median = 0;
  #p99 = 0;
  #max = 0;
  #state: LogLine = {};

  constructor(host: LabHost, daemon: DaemonProcess) {
    this.host = host;
    this.daemon = daemon;
  }

  sample(): void {
    this.memory.push(residentMegabytes(this.daemon.pid));
  }

  /** Has it report, and remembers the worst. */
  async look(): Promise<{ state: LogLine; lines: readonly LogLine[] }> {
    const report = await this.daemon.report();
    this.#state = report.state;
    this.#heaps.push(Number.parseFloat(`${report.state['heap']}`));
    const [, p50 = '0', p99 = '0', max = '0'] =
      /^p50 ([\d.]+), p99 ([\d.]+), max ([\d.]+) ms$/.exec(`${report.state['delay']}`) ?? [];
    this.#median = Math.max(this.#median, Number(p50));
    this.#p99 = Math.max(this.#p99, Number(p99));
    this.#max = Math.max(this.#max, Number(max));
    // What was looked at need not be kept.
    this.daemon.lines.splice(0);
    return report;
  }

  get events(): number {
    return Number(this.#state['events']);
  }
  get lost(): number {
    return Number(this.#state['lost']);
  }
  /** The worst of all reports, in milliseconds. */
  get delay(): { p50: number; p99: number; max: number } {
    return { p50: this.#median, p99: this.#p99, max: this.#max };
  }

  /** What the other subscriber in the same namespace has counted. */
  counted(): Promise<Counted> {
    return this.host.ask<Counted>({ op: 'counted' });
  }

  /** How much more it held in the last quarter of the time than in the third, in megabytes: the least of each. */
  get growth(): number {
    return growth(this.memory);
  }
  get heapGrowth(): number {
    return growth(this.#heaps);
  }
}

function growth(megabytes: readonly number[]): number {
  const at = (part: number): number => Math.floor(megabytes.length * part);
  const least = (from: number, to: number): number => Math.min(...megabytes.slice(at(from), at(to)));
  return least(0.75, 1) - least(0.5, 0.75);
}
