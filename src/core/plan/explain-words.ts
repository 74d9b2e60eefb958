import { showEnd } from '../trail.ts';
import type { ExplainedAnnouncement, ExplainedPair, Explanation } from './explain.ts';

/** One thing that is wanted, or is there unasked, in words. */
export interface ExplainedLine {
  /** `10.0.1.1 > 10.0.2.2:443`; an address that is to be announced. */
  readonly what: string;
  /** `established for 12 s`, `waiting 4 s: refused by the peer`. */
  readonly words: string;
  /** Whether it is as it should be. */
  readonly well: boolean;
}

/** Says why a connection has the subflows that it has. @param now the core's time */
export function inWords({ pairs, others, announcements, idle }: Explanation, now: number): readonly ExplainedLine[] {
  if (idle !== undefined) return [{ what: 'nothing', words: idle, well: true }];
  return [
    ...pairs.map((pair) => pairInWords(pair, now)),
    ...others.map(({ local, remote, why }) => ({
      what: `${showEnd(local)} > ${showEnd(remote)}`,
      words: why,
      well: true,
    })),
    ...announcements.map((announcement) => announcementInWords(announcement, now)),
  ];
}

function pairInWords({ local, remote, backup, standing, subflow, failures, failure }: ExplainedPair, now: number) {
  const from = subflow?.local.port ? showEnd(subflow.local) : local.ip;
  const what = `${from} > ${showEnd(remote)}${backup ? ' (backup)' : ''}`;
  const before = failures > 1 ? `, ${failures} failures in a row` : '';
  switch (standing.state) {
    case 'established':
      return { what, words: `established for ${span(now - standing.since)}`, well: true };
    case 'trying': {
      const last = failure ? `, after: ${failure.words}${before}` : '';
      return { what, words: `being tried for ${span(now - standing.since)}${last}`, well: false };
    }
    case 'due':
      return { what, words: 'about to be tried', well: false };
    case 'waiting':
      return { what, words: `${waiting(standing.until, now)}: ${standing.because}${before}`, well: false };
    case 'impossible':
      return { what, words: `not possible: ${standing.because}`, well: false };
    default:
      return standing satisfies never;
  }
}

function announcementInWords({ ip, port, id, dropped, standing }: ExplainedAnnouncement, now: number): ExplainedLine {
  const what = port === undefined ? ip : showEnd({ ip, port });
  switch (standing.state) {
    case 'announced':
      return { what, words: `announced as id ${id} for ${span(now - standing.since)}${again(dropped)}`, well: true };
    case 'waiting':
      return { what, words: `to be announced in ${span(standing.until - now)}: ${standing.because}`, well: false };
    case 'impossible':
      return { what, words: `not announced: ${standing.because}`, well: true };
    default:
      return standing satisfies never;
  }
}

const again = (dropped: number): string =>
  dropped > 0 ? `, sent ${dropped} times more because the kernel drops announcements` : '';

const waiting = (until: number, now: number): string =>
  until === Number.POSITIVE_INFINITY ? 'waiting' : `waiting ${span(until - now)}`;

/** A length of time as people say it. */
export function span(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 120) return `${Number(seconds.toFixed(seconds < 10 ? 1 : 0))} s`;
  const minutes = seconds / 60;
  return minutes < 120 ? `${Math.round(minutes)} min` : `${Math.round(minutes / 60)} h`;
}
