import { describe, expect, test } from 'vitest';
import { asAddrId, asToken } from '../model/ids.ts';
import type { ExplainedAnnouncement, ExplainedPair, Explanation } from './explain.ts';
import { inWords, span } from './explain-words.ts';

const NOW = 100_000;
const end = (ip: string, port: number) => ({ ip, port, id: asAddrId(0) });
const pair = (more: Partial<ExplainedPair>): ExplainedPair => ({
  local: { ip: '10.0.2.1', ifIndex: undefined },
  remote: { ip: '192.0.2.1', port: 443 },
  backup: false,
  standing: { state: 'due' },
  subflow: undefined,
  failures: 0,
  failure: undefined,
  ...more,
});
const announcement = (more: Partial<ExplainedAnnouncement>): ExplainedAnnouncement => ({
  ip: '10.0.2.1',
  port: undefined,
  id: undefined,
  dropped: 0,
  standing: { state: 'impossible', because: 'the connection began with it' },
  ...more,
});
const explained = (more: Partial<Explanation>): Explanation => ({
  token: asToken(1),
  plugin: 'p',
  idle: undefined,
  pairs: [],
  others: [],
  announcements: [],
  ...more,
});
const said = (more: Partial<Explanation>): readonly string[] =>
  inWords(explained(more), NOW).map(({ what, words, well }) => `${well ? '' : '! '}${what}: ${words}`);

describe('a wanted subflow', () => {
  const live = { local: end('10.0.2.1', 40001), remote: end('192.0.2.1', 443), initial: false };
  test.each<[Partial<ExplainedPair>, string]>([
    [
      { standing: { state: 'established', since: NOW - 12_000 }, subflow: live },
      '10.0.2.1:40001 > 192.0.2.1:443: established for 12 s',
    ],
    [{ standing: { state: 'trying', since: NOW - 250 } }, '! 10.0.2.1 > 192.0.2.1:443: being tried for 250 ms'],
    [
      { standing: { state: 'trying', since: NOW }, failures: 2, failure: { words: 'timed out', at: 0 } },
      '! 10.0.2.1 > 192.0.2.1:443: being tried for 0 ms, after: timed out, 2 failures in a row',
    ],
    [{ backup: true }, '! 10.0.2.1 > 192.0.2.1:443 (backup): about to be tried'],
    [
      { standing: { state: 'waiting', until: NOW + 4200, because: 'refused by the peer' }, failures: 3 },
      '! 10.0.2.1 > 192.0.2.1:443: waiting 4.2 s: refused by the peer, 3 failures in a row',
    ],
    [
      { standing: { state: 'waiting', until: Number.POSITIVE_INFINITY, because: '10.0.2.1 cannot be used now' } },
      '! 10.0.2.1 > 192.0.2.1:443: waiting: 10.0.2.1 cannot be used now',
    ],
    [
      { standing: { state: 'impossible', because: 'its ends are of two families' } },
      '! 10.0.2.1 > 192.0.2.1:443: not possible: its ends are of two families',
    ],
    [{ remote: { ip: '2001:db8::1', port: 443 } }, '! 10.0.2.1 > [2001:db8::1]:443: about to be tried'],
  ])('%# says how it stands', (more, words) => {
    expect(said({ pairs: [pair(more)] })).toEqual([words]);
  });
});

describe('an announcement', () => {
  test.each<[Partial<ExplainedAnnouncement>, string]>([
    [{ id: asAddrId(16), standing: { state: 'announced', since: NOW - 1000 } }, '10.0.2.1: announced as id 16 for 1 s'],
    [
      { id: asAddrId(16), port: 8443, dropped: 2, standing: { state: 'announced', since: NOW } },
      '10.0.2.1:8443: announced as id 16 for 0 ms, sent 2 times more because the kernel drops announcements',
    ],
    [
      { standing: { state: 'waiting', until: NOW + 200, because: 'one signal is sent at a time' } },
      '! 10.0.2.1: to be announced in 200 ms: one signal is sent at a time',
    ],
    [{}, '10.0.2.1: not announced: the connection began with it'],
  ])('%# says how it stands', (more, words) => {
    expect(said({ announcements: [announcement(more)] })).toEqual([words]);
  });
});

test('a subflow that nobody planned', () => {
  const other = { local: end('10.0.1.1', 443), remote: end('192.0.2.1', 50_000), why: 'made by the peer' };
  expect(said({ others: [other] })).toEqual(['10.0.1.1:443 > 192.0.2.1:50000: made by the peer']);
});

test('a connection for which nothing is done', () => {
  expect(said({ idle: 'it is not established yet' })).toEqual(['nothing: it is not established yet']);
});

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1000, '1 s'],
  [1250, '1.3 s'],
  [59_400, '59 s'],
  [119_000, '119 s'],
  [120_000, '2 min'],
  [7_200_000, '2 h'],
  [-5, '0 ms'],
])('%i ms are %s', (ms, words) => {
  expect(span(ms)).toBe(words);
});
