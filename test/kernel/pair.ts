import type { LabHost } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';

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
