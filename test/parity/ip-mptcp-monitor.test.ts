import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { LabHost } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';
import { ended, inside, start, until } from '../../src/lab/process.ts';
import { kernelTest } from '../kernel/need.ts';

const CTL = [process.execPath, fileURLToPath(new URL('../../bin/mptcpctl', import.meta.url))];
const parity = kernelTest('MPTCP');

/** A monitor that runs in a host, and what it has written. */
class Monitor {
  out = '';
  err = '';
  readonly #child: ChildProcess;

  constructor(host: LabHost, argv: readonly string[]) {
    this.#child = start(inside(host.pid, argv), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (data) => (this.out += data));
    this.#child.stderr?.on('data', (data) => (this.err += data));
  }

  /** Stops it: its exit status. */
  async stop(): Promise<number> {
    this.#child.kill('SIGTERM');
    return await ended(this.#child);
  }
}

/** How many sockets of a host follow a group of generic netlink (the third of the columns is the port, the next the groups). */
async function followers(host: LabHost): Promise<number> {
  const table = await host.run('cat', '/proc/net/netlink');
  return table.split('\n').filter((line) => /^\S+\s+16\s+\d+\s+0*[1-9a-f]/.test(line)).length;
}

/** The lines of iproute2 6.1 as 7.1 has them, as far as they have it in them (reference/ip-mptcp.md). */
const ofOld = (text: string): string =>
  text
    .replace(/^\[ *(?!UNKNOWN)(\w+)\]/gm, (_, name: string) => `[${name.padStart(16)}]`)
    .replace(/ flags=([0-9a-f]+)/g, (_, flags: string) => (Number.parseInt(flags, 16) & 1 ? ' deny_join_id0' : ''))
    .replace(/ reset_flags=0x/g, ' reset_flags=');
/** The lines of 7.1, without what 6.1 does not have. */
const ofNew = (text: string): string =>
  text
    .replace(/^\[LISTENER_CREATED\].*$/gm, '[UNKNOWN 15]')
    .replace(/^\[ LISTENER_CLOSED\].*$/gm, '[UNKNOWN 16]')
    .replace(/ (dev=\S+|server_side)/g, '');
/** Times as nines: each program takes its own. */
const withoutTimes = (text: string): string => text.replace(/^\[[-0-9T:]+\.\d{6}\] /gm, '[time] ');

parity(
  'monitor tells of real connections as `ip mptcp monitor` does',
  async () => {
    const lab = await Lab.open();
    const monitors: Monitor[] = [];
    try {
      const client = await lab.host('client');
      const server = await lab.host('server');
      for (const n of [1, 2]) {
        await lab.link(client, server, `v${n}`);
        await client.run('ip', 'addr', 'add', `10.0.${n}.1/24`, 'dev', `v${n}`);
        await server.run('ip', 'addr', 'add', `10.0.${n}.2/24`, 'dev', `v${n}`);
        for (const host of [client, server]) {
          const end = host === client ? 1 : 2;
          await host.run('ip', 'addr', 'add', `fd00:${n}::${end}/64`, 'dev', `v${n}`, 'nodad');
        }
      }
      const watch = (host: LabHost, ...argv: string[]): Monitor => {
        const monitor = new Monitor(host, argv);
        monitors.push(monitor);
        return monitor;
      };
      const [theirs, ours, theirsTimed, oursTimed, array, lines] = [
        watch(client, 'ip', 'mptcp', 'monitor'),
        watch(client, ...CTL, 'monitor'),
        watch(client, 'ip', '-ts', 'mptcp', 'monitor'),
        watch(client, ...CTL, '-ts', 'monitor'),
        watch(client, ...CTL, '-j', 'monitor'),
        watch(client, ...CTL, '-j', '-o', 'monitor'),
      ];
      const [theirServer, ourServer] = [watch(server, 'ip', 'mptcp', 'monitor'), watch(server, ...CTL, 'monitor')];
      await until(
        'all monitors listen',
        async () => (await followers(client)) === 6 && (await followers(server)) === 2,
      );

      /** Both have told the same, and so much that `word` is in it. */
      const told = (word: string | RegExp): Promise<unknown> => {
        const state = (): unknown => monitors.map(({ out, err }) => ({ out, err }));
        return until(
          `${word} is told`,
          () =>
            ours.out.match(word) &&
            ofNew(ours.out) === ofOld(theirs.out) &&
            ofNew(ourServer.out) === ofOld(theirServer.out) &&
            withoutTimes(ofNew(oursTimed.out.replace(/^(\[\S+\] )/gm, '$1\n'))) ===
              withoutTimes(ofOld(theirsTimed.out.replace(/^(\[\S+\] )/gm, '$1\n'))),
          { state },
        );
      };
      for (const host of [client, server]) await host.run('ip', 'mptcp', 'limits', 'set', 'subflows', '4', 'add', '4');
      await client.run('ip', 'mptcp', 'endpoint', 'add', '10.0.2.1', 'dev', 'v2', 'subflow');
      await server.run('ip', 'mptcp', 'endpoint', 'add', '10.0.2.2', 'signal');
      await server.ask({ op: 'listen', at: { ip: '0.0.0.0', port: 8000 } });
      const { connection } = await client.ask<{ connection: number }>({
        ...{ op: 'connect', to: { ip: '10.0.1.2', port: 8000 } },
      });
      await client.ask({ op: 'send', connection, bytes: 1000 });
      await told(/SF_ESTABLISHED\].*ifindex=\d+ dev=v2/);
      await told('ANNOUNCED');
      await server.ask({ op: 'send', connection: 0, bytes: 1000 });
      await told(' ESTABLISHED');
      await server.run('ip', 'mptcp', 'endpoint', 'change', 'id', '1', 'backup');
      await told('SF_PRIO');
      await server.run('ip', 'mptcp', 'endpoint', 'delete', 'id', '1');
      await told('REMOVED');
      await client.run('ip', 'mptcp', 'endpoint', 'delete', 'id', '1');
      await told('SF_CLOSED');
      await client.run('ip', 'mptcp', 'endpoint', 'add', '10.0.2.1', 'signal', 'port', '7000');
      await client.run('ip', 'mptcp', 'endpoint', 'flush');
      await told('LISTENER_CLOSED');
      await client.ask({ op: 'close', connection });
      await told(' CLOSED');

      await server.ask({ op: 'listen', at: { ip: 'fd00:1::2', port: 8001 } });
      const six = await client.ask<{ connection: number }>({ op: 'connect', to: { ip: 'fd00:1::2', port: 8001 } });
      await told(/CREATED.* saddr6=fd00:1::1 daddr6=fd00:1::2 /);
      await client.ask({ op: 'close', connection: six.connection });
      await told(/ CLOSED[\s\S]* CLOSED/);

      for (const monitor of [ours, oursTimed, array, lines, ourServer]) {
        expect(await monitor.stop()).toBe(0);
        expect(monitor.err).toBe('');
      }
      const objects = JSON.parse(array.out) as { event: string; token?: string }[];
      expect(
        lines.out
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ).toEqual(objects);
      const names = [...ours.out.matchAll(/^\[ *(\w+)\]/gm)].map(([, name]) => name);
      expect(objects.map(({ event }) => event)).toEqual(names);
      expect(array.out.endsWith('}]\n')).toBe(true);
    } finally {
      await Promise.all(monitors.map((monitor) => monitor.stop()));
      await lab.close();
    }
  },
  60_000,
);
