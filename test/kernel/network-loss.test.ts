import { afterEach, beforeEach, expect } from 'vitest';
import type { LabHost } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';
import { until } from '../../src/lab/process.ts';
import { kernelTest } from './need.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');

let lab: Lab;
let host: LabHost;

beforeEach(async () => {
  lab = await Lab.open();
  host = await lab.host('host');
  await host.run('ip', 'link', 'add', 'd0', 'type', 'veth', 'peer', 'name', 'd1');
  for (const link of ['d0', 'd1']) await host.run('ip', 'link', 'set', link, 'up');
});
afterEach(() => lab.close(), 60_000);

/** Addresses come, or go, as fast as `ip -batch` makes them. */
const change = (verb: 'add' | 'del', from: number, to: number): Promise<string> =>
  host.run(
    'sh',
    '-c',
    `for i in $(seq ${from} ${to}); do echo "addr ${verb} 10.1.$((i / 250)).$((i % 250 + 1))/32 dev d0"; echo "addr ${verb} fd00:1::$i/128 dev d0 nodad"; done | ip -batch -`,
  );

test('thousands of addresses come and go while mptcpd is stopped: it says once what was lost, and knows all', {
  timeout: 60_000,
}, async () => {
  const daemon = await host.startDaemon('--load-plugins=fullmesh');
  daemon.signal('SIGSTOP');
  await change('add', 0, 999);
  await change('del', 0, 899);
  const drops = (await host.run('cat', '/proc/net/netlink')).split('\n').map((line) => line.trim().split(/\s+/));
  const dropped = drops.map(([, protocol, , , , , , , count]) => (protocol === '0' ? Number(count) : 0));
  const lostByKernel = Math.max(...dropped);
  expect(lostByKernel).toBeGreaterThan(0);
  daemon.signal('SIGCONT');

  const known = (): number => {
    const [last] = daemon.lines.filter(({ msg }) => msg === 'state').slice(-1);
    return String(last?.['addresses'] ?? '').split(', ').length;
  };
  await until(
    'mptcpd knows every address and no other',
    () => {
      daemon.signal('SIGUSR1');
      return known() === 200;
    },
    { deadline: 20_000, every: 200, state: known },
  );
  const lost = daemon.lines.filter(({ msg }) => msg === 'events were lost');
  expect(lost).toMatchObject([{ source: 'network', count: lostByKernel }]);
  process.stderr.write(`lost ${lostByKernel} messages of 3,800 changes of addresses, and of their routes\n`);
});
