import { beforeEach, describe, expect, test } from 'vitest';
import { asAddrId, asToken } from '../model/ids.ts';
import { DropCheck } from './drop-check.ts';
import { mergeAnnouncements } from './pairs.ts';
import type { Announcement } from './planned.ts';

const T = asToken(1);
const GAP = 200;
let check: DropCheck;
let sent: Announcement;

beforeEach(() => {
  check = new DropCheck();
  sent = mergeAnnouncements([], [{ ip: '10.0.2.1' }], 0)[0] as Announcement;
});

/** An announcement goes out at `now`, and the kernel takes it. */
function send(now: number): boolean {
  const first = check.sending(sent, T, now, GAP);
  if (first) expect(check.read(7, now)).toEqual([]);
  sent.id = asAddrId(16);
  sent.repeat = false;
  return first;
}

describe('announcements', () => {
  test('that left are not sent again', () => {
    expect(send(0)).toBe(true);
    expect(check.at).toBe(GAP);
    expect(check.read(7, GAP)).toEqual([]);
    expect([sent.repeat, check.at]).toEqual([false, Number.POSITIVE_INFINITY]);
  });

  test('that were dropped are, three times at the most', () => {
    let dropped = 7;
    for (let i = 0; i < 3; i++) {
      expect(send(i * 1000)).toBe(i === 0);
      expect(check.read(++dropped, i * 1000 + GAP)).toEqual([T]);
      expect([sent.repeat, sent.dropped]).toEqual([true, i + 1]);
    }
    send(5000);
    expect(check.read(++dropped, 5000 + GAP)).toEqual([]);
    expect([sent.repeat, sent.dropped]).toEqual([false, 3]);
  });

  test('that the kernel refused or that were taken back meanwhile are not', () => {
    send(0);
    sent.id = undefined;
    expect(check.read(8, GAP)).toEqual([]);
  });

  test('are not waited for where the kernel does not count them', () => {
    expect(check.sending(sent, T, 0, GAP)).toBe(true);
    expect(check.read(undefined, 0)).toEqual([]);
    expect(check.at).toBe(Number.POSITIVE_INFINITY);
  });
});

test('what was dropped before the first one does not count', () => {
  check.sending(sent, T, 0, GAP);
  check.read(1000, 0);
  sent.id = asAddrId(16);
  expect(check.read(1000, GAP)).toEqual([]);
});
