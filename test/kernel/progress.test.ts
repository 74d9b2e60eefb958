import { expect, onTestFinished } from 'vitest';
import type { SubflowProgress } from '../../src/core/core-types.ts';
import { systemClock } from '../../src/daemon/clock.ts';
import { Progress } from '../../src/daemon/progress.ts';
import type { LabHost } from '../../src/lab/host.ts';
import { until } from '../../src/lab/process.ts';
import { createLog } from '../../src/log/index.ts';
import { inNetworkNamespace, MptcpListener, type MptcpStream, NetlinkSocket } from '../../src/os/index.ts';
import { kernelTest } from './need.ts';
import { openPair } from './pair.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');
const inside = <T>({ pid }: LabHost, task: () => T): T => inNetworkNamespace(`/proc/${pid}/ns/net`, task);

/** Reads the counters of a host's subflows every 50 ms. */
function watch(host: LabHost): (readonly SubflowProgress[])[] {
  const rounds: (readonly SubflowProgress[])[] = [];
  const progress = new Progress({
    openSocket: (protocol) => inside(host, () => new NetlinkSocket(protocol)),
    clock: systemClock,
    log: createLog('null', 'error'),
    wanted: () => true,
    feed: (samples) => void rounds.push(samples),
  });
  onTestFinished(() => progress.close());
  progress.watch(50);
  return rounds;
}

async function open(): Promise<{ client: LabHost; server: LabHost }> {
  const { lab, client, server } = await openPair();
  onTestFinished(() => lab.close());
  return { client, server };
}

async function send(client: LabHost, ip: string): Promise<void> {
  const { connection } = await client.ask<{ connection: number }>({ op: 'connect', to: { ip, port: 8000 } });
  await client.ask({ op: 'send', connection });
}

/** Waits until so many rounds in a row are as expected. */
const lasts = (
  what: string,
  rounds: readonly (readonly SubflowProgress[])[],
  fits: (now: SubflowProgress, before: SubflowProgress) => boolean,
  count = 10,
): Promise<unknown> => {
  const from = rounds.length;
  return until(
    what,
    () => {
      const latest = rounds.slice(Math.max(from, rounds.length - count)).map(([sample]) => sample as SubflowProgress);
      return (
        latest.length === count && latest.every((now, i) => i === 0 || fits(now, latest[i - 1] as SubflowProgress))
      );
    },
    { deadline: 10_000, state: () => rounds.slice(-count) },
  );
};

for (const ip of ['10.0.1.2', 'fd00:1::2']) {
  test(`a transfer to ${ip} moves, stands still while packets vanish, and moves again`, async () => {
    const { client, server } = await open();
    await server.ask({ op: 'listen', at: { ip: '::', port: 8000 } });
    const rounds = watch(client);
    await send(client, ip);
    await lasts('it moves', rounds, (now, before) => now.acked > before.acked);
    expect(rounds.at(-1)).toMatchObject([{ localIp: ip.replace(/2$/, '1'), remoteIp: ip, remotePort: 8000 }]);
    for (const host of [client, server]) await host.run('tc', 'qdisc', 'add', 'dev', 'v1', 'root', 'blackhole');
    await lasts('it stands still', rounds, (now, before) => now.acked === before.acked && now.outstanding);
    for (const host of [client, server]) await host.run('tc', 'qdisc', 'del', 'dev', 'v1', 'root');
    await lasts('it moves again', rounds, (now, before) => now.acked > before.acked);
  });

  test(`a peer at ${ip} that takes nothing for now is no standstill`, async () => {
    const { client, server } = await open();
    const streams: MptcpStream[] = [];
    const listener = inside(server, () => new MptcpListener({ ip, port: 8000 }));
    listener.watch(() => {
      for (let stream = listener.accept(); stream; stream = listener.accept()) streams.push(stream);
    });
    onTestFinished(() => {
      for (const stream of streams) stream.close();
      listener.close();
    });
    const rounds = watch(client);
    await send(client, ip);
    await lasts(
      'its window is closed',
      rounds,
      (now, { acked }) => acked > 0 && now.acked === acked && !now.outstanding,
      40,
    );
  });
}
