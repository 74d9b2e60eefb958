import { describe, expect, test } from 'vitest';
import type { SubflowProgress } from '../core/core-types.ts';
import { asToken } from '../core/model/ids.ts';
import { createLog } from '../log/index.ts';
import { PROTOCOL } from '../netlink/families/sock-diag.ts';
import { FakeClock, FakeInternet, FakeKernel, FakeRefusal } from '../testing/index.ts';
import { Progress } from './progress.ts';

/** A client with a connection over IPv4 and one over IPv6, whose counters are read. */
function start(wanted: 'all' | 'first' = 'all') {
  const clock = new FakeClock();
  const internet = new FakeInternet(clock);
  const [client, server] = [new FakeKernel(), new FakeKernel()];
  for (const [i, kernel] of [client, server].entries()) {
    internet.join(kernel);
    kernel.links.add('v1');
    kernel.links.addAddress('v1', `10.0.1.${i + 1}`, 24);
    kernel.links.addAddress('v1', `fd00::${i + 1}`, 64);
  }
  const first = internet.connect(client, server, '10.0.1.1', { ip: '10.0.1.2', port: 443 });
  const second = internet.connect(client, server, 'fd00::1', { ip: 'fd00::2', port: 443 });
  const lines: string[] = [];
  const rounds: (readonly SubflowProgress[])[] = [];
  const progress = new Progress({
    openSocket: client.openSocket,
    clock,
    log: createLog({ write: (json) => void lines.push((JSON.parse(json) as { msg: string }).msg) }, 'debug'),
    wanted: (token) => wanted === 'all' || token === first,
    feed: (samples) => void rounds.push(samples),
  });
  return { clock, internet, client, first, second, lines, rounds, progress };
}

describe('the counters of subflows', () => {
  test('are read at once and every so often, of IPv4 and IPv6, for as long as somebody asks', async () => {
    const { clock, internet, first, second, rounds, progress } = start();
    progress.watch(250);
    internet.send(first, true);
    await clock.advance(1000);
    expect(rounds).toHaveLength(5);
    expect(rounds[0]).toEqual([
      {
        ...{ token: first, localIp: '10.0.1.1', localPort: 40_001, remoteIp: '10.0.1.2', remotePort: 443 },
        ...{ acked: expect.any(Number), outstanding: true },
      },
      {
        ...{ token: second, localIp: 'fd00::1', localPort: 40_002, remoteIp: 'fd00::2', remotePort: 443 },
        ...{ acked: 0, outstanding: false },
      },
    ]);
    const acked = rounds.map(([sample]) => sample?.acked ?? 0);
    expect(acked).toEqual([...new Set(acked)].sort((a, b) => a - b));
    progress.watch(undefined);
    await clock.advance(1000);
    expect(rounds).toHaveLength(5);
    expect(clock.waiting).toBe(0);
  });

  test('of nobody else’s connections', async () => {
    const { clock, first, rounds, progress } = start('first');
    progress.watch(100);
    await clock.advance(50);
    expect(rounds.flat().map(({ token }) => token)).toEqual([first]);
  });

  test('a link that swallows packets: what is outstanding stays so, until it heals', async () => {
    const { clock, internet, client, first, rounds, progress } = start('first');
    internet.send(first, true);
    progress.watch(100);
    await clock.advance(200);
    client.links.setBlackhole('v1', true);
    await clock.advance(500);
    const stalled = rounds.slice(3).map(([sample]) => sample);
    expect(new Set(stalled.map((sample) => sample?.acked)).size).toBe(1);
    expect(stalled.every((sample) => sample?.outstanding)).toBe(true);
    client.links.setBlackhole('v1', false);
    await clock.advance(100);
    expect(rounds.at(-1)?.[0]?.acked).toBeGreaterThan(stalled[0]?.acked ?? 0);
  });

  test('another time counts from the latest reading on', async () => {
    const { clock, rounds, progress } = start();
    progress.watch(1000);
    await clock.advance(900);
    expect(rounds).toHaveLength(1);
    progress.watch(200);
    await clock.advance(0);
    expect(rounds).toHaveLength(2);
    progress.watch(400);
    await clock.advance(399);
    expect(rounds).toHaveLength(2);
    await clock.advance(1);
    expect(rounds).toHaveLength(3);
  });

  test('an error is said once, and reading goes on', async () => {
    const { clock, client, lines, rounds, progress } = start();
    let broken = true;
    client.netlink.add(PROTOCOL, () => {
      if (broken) throw new FakeRefusal('ENOMEM');
      return undefined;
    });
    progress.watch(100);
    await clock.advance(500);
    expect(lines).toEqual(['cannot read the counters of subflows; trying again']);
    broken = false;
    await clock.advance(100);
    expect(lines).toEqual([expect.any(String), 'the counters of subflows can be read again']);
    expect(rounds).toHaveLength(1);
    expect(rounds[0]?.[0]?.token).toBe(asToken(0x10000001));
    expect(client.netlink.open).toBe(1);
    progress.close();
    expect(client.netlink.open).toBe(0);
  });
});
