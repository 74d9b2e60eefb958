import type { LabHost } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';
import { until } from '../../src/lab/process.ts';

/** Two hosts under the userspace path manager. */
export interface Pair {
  readonly lab: Lab;
  readonly client: LabHost;
  readonly server: LabHost;
}

/** Joins them by links `v1` and `v2`: 10.0.N.1 and fd00:N::1 on the client, .2 and ::2 on the server. */
export async function openPair(): Promise<Pair> {
  const lab = await Lab.open();
  const client = await lab.host('client');
  const server = await lab.host('server');
  for (const host of [client, server]) await host.run('sysctl', '-qw', 'net.mptcp.pm_type=1');
  for (const n of [1, 2]) {
    await lab.link(client, server, `v${n}`);
    for (const [host, end] of [
      [client, 1],
      [server, 2],
    ] as const) {
      await host.run('ip', 'addr', 'add', `10.0.${n}.${end}/24`, 'dev', `v${n}`);
      await host.run('ip', 'addr', 'add', `fd00:${n}::${end}/64`, 'dev', `v${n}`, 'nodad');
    }
  }
  return { lab, client, server };
}

/** A connection of a host that watches its events, once it is established there: it has sent a little. */
export async function connectEstablished(
  host: LabHost,
  to: { readonly ip: string; readonly port: number },
): Promise<{ readonly token: number; readonly port: number }> {
  const { connection, local } = await host.ask<{ connection: number; local: { port: number } }>({ op: 'connect', to });
  await host.ask({ op: 'send', connection, bytes: 1000 });
  const token = await until(`the connection to ${to.ip} is established`, () => {
    const seen = host.events.find(
      ({ event }) => event.type === 'connectionEstablished' && event.localPort === local.port,
    );
    return seen && 'token' in seen.event ? seen.event.token : undefined;
  });
  return { token, port: local.port };
}
