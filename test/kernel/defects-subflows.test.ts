/** What users of the C mptcpd meet under the userspace path manager (its defects 9 and 11). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { until } from '../../src/lab/process.ts';
import { eventually } from '../scenarios/world/index.ts';
import { KernelWorld } from '../scenarios/world/kernel.ts';
import { kernelTest } from './need.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');

let world: KernelWorld;
beforeEach(async () => {
  world = await KernelWorld.open();
});
afterEach(() => world.close());

describe('sspi (defect 9)', () => {
  test('makes a subflow over each interface, without a word in the log', async () => {
    const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
    const daemons = [
      await client.lab.startDaemon('--path-manager=sspi'),
      await server.lab.startDaemon('--path-manager=sspi'),
    ];
    const pair = ['10.0.1.1 > 10.0.1.2', '10.0.2.1%v2 > 10.0.1.2'];
    const first = await client.connect(server, '10.0.1.2');
    await client.connect(server, '10.0.1.2');
    await eventually('one each for both connections', () => client.subflows(), [...pair, ...pair]);
    await first.close();
    await server.lab.ask({ op: 'close', connection: 0 });
    await eventually('those of the other one', () => client.subflows(), pair);
    for (const { lines } of daemons) {
      const ready = lines.findIndex(({ msg }) => msg === 'mptcpd is ready');
      expect(lines.slice(ready + 1)).toEqual([]);
    }
    // The end of one connection takes nothing from the other.
    await client.setLink('v2', false);
    await eventually('one is left', () => client.subflows(), ['10.0.1.1 > 10.0.1.2']);
    await client.setLink('v2', true);
    await eventually('one each again', () => client.subflows(), pair, 20_000);
  });

  test('goes to an announced address where the first one cannot be reached over the interface', async () => {
    const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
    for (const host of [client, server]) await host.start({ core: { 'path-manager': 'sspi' } });
    await client.connect(server, 'fd00:1::2');
    await eventually('one each', () => client.subflows(), ['fd00:1::1 > fd00:1::2', '[fd00:2::1]%v2 > fd00:2::2']);
  });
});

describe('the backup flag that plugins get (defect 11)', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mptcpd-defects-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  /** Makes a normal and a backup subflow, and turns each into the other; closes both when told by a new address. */
  const asking = `export default {
    name: 'asking', api: 1,
    setup({ pm, state }) {
      const backup = ({ local }) => local.ip === '10.0.3.1';
      return {
        async connectionEstablished({ token, remote }) {
          for (const ip of ['10.0.2.1', '10.0.3.1'])
            await pm.createSubflow({ token, local: { ip }, remote, backup: backup({ local: { ip } }) });
        },
        subflowEstablished: (s) => pm.setBackup({ token: s.token, local: s.local, remote: s.remote, backup: !backup(s) }),
        async localAddressAdded({ ip }) {
          if (ip !== '10.0.99.1') return;
          for (const c of state.connections())
            for (const { token, local, remote, initial } of [...c.subflows])
              if (!initial) await pm.destroySubflow({ token, local, remote });
        },
      };
    },
  };`;
  const hearing = `export default {
    name: 'hearing', api: 1,
    setup: ({ log }) => Object.fromEntries(['subflowEstablished', 'subflowPriority', 'subflowClosed'].map(
      (hook) => [hook, ({ remote, backup }) => log.info({ said: [hook, remote.ip.replace('::ffff:', ''), backup].join(' ') }, 'heard')])),
  };`;

  test('is what the peer asked for, in each of the three hooks', async () => {
    const { client, server } = await world.pair({ links: 3, pathManager: 'userspace' });
    for (const [name, text] of Object.entries({ asking, hearing })) writeFileSync(join(dir, `${name}.mjs`), text);
    const plugins = (name: string): string[] => ['--plugin-dir', dir, '--load-plugins', name];
    await client.lab.startDaemon(...plugins('asking'));
    const { lines } = await server.lab.startDaemon(...plugins('hearing'));
    const heard = async (): Promise<string[]> => lines.flatMap(({ said }) => (said === undefined ? [] : [`${said}`]));
    await client.connect(server, '10.0.1.2');
    const changes = [
      'subflowEstablished 10.0.2.1 false',
      'subflowEstablished 10.0.3.1 true',
      'subflowPriority 10.0.2.1 true',
      'subflowPriority 10.0.3.1 false',
    ];
    await eventually('both, and their change', heard, changes);
    await client.addAddress('v1', '10.0.99.1');
    await until('both are closed', async () => (await heard()).length === 6, { state: heard });
    expect((await heard()).slice(4).sort()).toEqual(['subflowClosed 10.0.2.1 true', 'subflowClosed 10.0.3.1 false']);
  });
});
