import { afterEach, beforeEach, describe, expect } from 'vitest';
import type { LabHost, SeenEvent } from '../../src/lab/host.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { until } from '../../src/lab/process.ts';
import { kernelTest } from './need.ts';
import { openPair } from './pair.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');

let lab: Lab;
let client: LabHost;
let server: LabHost;

beforeEach(async () => {
  ({ lab, client, server } = await openPair());
  for (const host of [client, server]) await host.startDaemon('--load-plugins=fullmesh');
});
afterEach(() => lab.close());

/** The first event of a type that a subscriber beside the daemon has seen on a host. */
const first = (host: LabHost, type: string): Promise<SeenEvent> =>
  until(`${host.name} sees ${type}`, () => host.events.find(({ event }) => event.type === type), {
    state: () => host.events,
  });

// Time is measured on a machine that others use too: one run of three that keeps to it is enough.
describe('a client connection gets its second subflow within 100 ms of being established', { retry: 2 }, () => {
  test.each([
    ['IPv4', '10.0.1.2'],
    ['IPv6', 'fd00:1::2'],
  ])('over %s, as both hosts see it', async (_, ip) => {
    for (const host of [client, server]) await host.watchEvents();
    await server.ask({ op: 'listen', at: { ip: '::', port: 8000 } });
    const { connection } = await client.ask<{ connection: number }>({ op: 'connect', to: { ip, port: 8000 } });
    await client.ask({ op: 'send', connection, bytes: 100_000 });
    for (const host of [client, server]) {
      const established = await first(host, 'connectionEstablished');
      const joined = await first(host, 'subflowEstablished');
      expect(joined.at - established.at).toBeLessThan(100);
    }
  });
});
