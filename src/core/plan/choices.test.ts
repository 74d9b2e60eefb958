import { describe, expect, test } from 'vitest';
import { connection, pairsOf, want } from '../../../test/fixtures/core/plans.ts';
import { asAddrId } from '../model/ids.ts';
import { choose, chooseNext, whyNever } from './choices.ts';
import type { Pair } from './planned.ts';

const LOCAL = '10.0.1.1';
const WIFI = '10.0.2.1';
const REMOTE = '10.0.9.9';
const OTHER = '10.0.8.8';
const SIX = '2001:db8:9::9';

const pair = (local: string, ...remotes: readonly string[]): Pair => pairsOf(want(local, remotes))[0] as Pair;
const nobodyRests = (): boolean => false;

describe('what can never be', () => {
  const why = (local: string, remote: string, more: Parameters<typeof connection>[0] = {}): string | undefined =>
    whyNever(connection(more).connection, pair(local, remote));

  test('the initial address of a peer that forbids that, by address and port', () => {
    const forbidden = 'the peer forbids subflows to its initial address';
    expect(why(WIFI, REMOTE, { denyJoinId0: true })).toBe(forbidden);
    expect(why(WIFI, REMOTE, { denyJoinId0: true, remoteIp: `::ffff:${REMOTE}` })).toBe(forbidden);
    expect(why(WIFI, OTHER, { denyJoinId0: true })).toBeUndefined();
    expect(why(WIFI, REMOTE, { denyJoinId0: true, remotePort: 8443 })).toBeUndefined();
  });

  test('the initial address that the peer has removed, until it announces it again', () => {
    const { connection: record } = connection();
    record.remoteGone = true;
    expect(whyNever(record, pair(WIFI, REMOTE))).toBe('the peer has removed its initial address');
    record.remoteAddresses.push({ ip: REMOTE, port: 443, id: asAddrId(4) });
    expect(whyNever(record, pair(WIFI, REMOTE))).toBeUndefined();
  });

  test('two families', () => {
    expect(why(WIFI, SIX)).toBe('its ends are of two families');
    expect(why(WIFI, `::ffff:${REMOTE}`)).toBeUndefined();
  });

  test('IPv6 on a socket of IPv4', () => {
    expect(why('2001:db8::1', SIX)).toBe('the connection is of IPv4 alone');
    const dual = { localIp: `::ffff:${LOCAL}`, remoteIp: `::ffff:${REMOTE}` };
    expect(why('2001:db8::1', SIX, dual)).toBeUndefined();
    expect(why(WIFI, OTHER, { localIp: '2001:db8::1', remoteIp: SIX })).toBeUndefined();
  });
});

describe('a pair with alternatives', () => {
  test('passes over what can never be', () => {
    const { connection: record } = connection({ denyJoinId0: true });
    const p = pair(WIFI, REMOTE, SIX, OTHER, '10.0.7.7');
    choose(record, p, nobodyRests);
    expect(p.choice).toBe(2);
    expect([chooseNext(record, p), p.choice]).toEqual([true, 3]);
    expect([chooseNext(record, p), p.choice]).toEqual([false, 2]);
  });

  test('stays where it is as long as that is possible', () => {
    const { connection: record } = connection();
    const p = pair(WIFI, REMOTE, OTHER);
    p.choice = 1;
    choose(record, p, nobodyRests);
    expect(p.choice).toBe(1);
  });

  test('passes over what rests, unless all of them do', () => {
    const { connection: record } = connection();
    const p = pair(WIFI, REMOTE, OTHER);
    choose(record, p, ({ ip }) => ip === REMOTE);
    expect(p.choice).toBe(1);
    choose(record, p, () => true);
    expect(p.choice).toBe(1);
  });

  test('of those that rest it takes one that is possible', () => {
    const { connection: record } = connection({ denyJoinId0: true });
    const p = pair(WIFI, REMOTE, OTHER);
    choose(record, p, () => true);
    expect(p.choice).toBe(1);
  });

  test('where none is possible it keeps to the first', () => {
    const { connection: record } = connection();
    const p = pair(WIFI, SIX);
    choose(record, p, nobodyRests);
    expect([p.choice, chooseNext(record, p), p.choice]).toEqual([0, false, 0]);
  });

  test('a single place begins anew each time', () => {
    const { connection: record } = connection();
    const p = pair(WIFI, REMOTE);
    expect([chooseNext(record, p), p.choice]).toEqual([false, 0]);
  });
});
