import { describe, expect } from 'vitest';
import { type Connection, eventually, scenario } from './world/index.ts';

const fullmesh = { core: { 'load-plugins': 'fullmesh' } };

const families = {
  IPv4: { to: '10.0.1.2', prefix: '10.0.', of: (host: number) => `.${host}`, dualStack: false },
  IPv6: { to: 'fd00:1::2', prefix: 'fd00:', of: (host: number) => `::${host}`, dualStack: false },
  'IPv4 of an IPv6 socket': { to: '10.0.1.2', prefix: '10.0.', of: (host: number) => `.${host}`, dualStack: true },
};

/** More bytes arrive than have until now. */
async function goesOn(connection: Connection): Promise<void> {
  const before = await connection.received();
  await eventually('the transfer goes on', async () => [`${(await connection.received()) > before}`], ['true']);
}

/** What is wanted of all connections is there, as the daemon sees it. */
const reported = (daemon: { report(): Promise<string[]> }, expected: readonly string[]): Promise<void> =>
  eventually('the daemon knows all', () => daemon.report(), expected);

for (const [family, { to, prefix, of, dualStack }] of Object.entries(families)) {
  const address = (link: number, host: number): string => `${prefix}${link}${of(host)}`;
  const mesh = [1, 2].flatMap((near) => [1, 2].map((far) => `${address(near, 1)} > ${address(far, 2)}`));

  describe(family, () => {
    scenario(
      'mptcpd is killed during a transfer and started again: nothing is noticed, and it goes on',
      async ({ world }) => {
        const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
        const first = await client.start(fullmesh);
        const far = await server.start(fullmesh);
        const connection = await client.connect(server, to, { dualStack });
        await eventually('the full mesh', () => client.subflows(), mesh);
        await connection.send();
        const sockets = await client.sockets();
        const wanted = await first.report();
        expect(wanted.filter((line) => line.endsWith(': established'))).toHaveLength(mesh.length);
        const farWanted = await far.report();
        for (const daemon of [first, far]) await daemon.kill();
        await goesOn(connection);
        const [second, third] = [await client.start(fullmesh), await server.start(fullmesh)];
        await reported(second, wanted);
        await reported(third, farWanted);
        expect(await client.sockets()).toEqual(sockets);
        await goesOn(connection);
        for (const { log } of [second, third]) {
          expect(log.filter(({ msg }) => /^subflow (established|closed|destroyed)/.test(String(msg)))).toEqual([]);
        }

        await client.setLink('v1', false);
        await eventually('the path that is left', () => client.subflows(), [`${address(2, 1)} > ${address(2, 2)}`]);
        await client.setLink('v1', true);
        await eventually('the full mesh again', () => client.subflows(), mesh, 20_000);
        await goesOn(connection);
      },
    );

    scenario('a connection that was made while no mptcpd ran gets its subflows', async ({ world }) => {
      const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
      await server.start(fullmesh);
      await client.connect(server, to, { dualStack });
      await eventually('one subflow', () => client.subflows(), [`${address(1, 1)} > ${address(1, 2)}`]);
      await client.start(fullmesh);
      const second = `${address(2, 1)} > ${address(1, 2)}`;
      const heard = async (): Promise<string[]> => (await client.subflows()).filter((each) => each === second);
      await eventually('a subflow to the address that is known', heard, [second]);
    });
  });
}

scenario('a connection that ended while no mptcpd ran is not known', async ({ world }) => {
  const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
  await server.start(fullmesh);
  const first = await client.start(fullmesh);
  const all = ['10.0.1.1 > 10.0.1.2', '10.0.1.1 > 10.0.2.2', '10.0.2.1 > 10.0.1.2', '10.0.2.1 > 10.0.2.2'];
  const connection = await client.connect(server, '10.0.1.2');
  await eventually('the full mesh', () => client.subflows(), all);
  await first.kill();
  await connection.close();
  // Its sockets may wait for the other end's last word: nothing can be done for it any more.
  const second = await client.start(fullmesh);
  await reported(second, []);
});

scenario('a server that is killed: what it announced stands, and is not announced again', async ({ world }) => {
  const { client, server } = await world.pair({ links: 2, pathManager: 'userspace' });
  const signal = (options: Record<string, string>) => ({
    core: { 'load-plugins': 'signal' },
    plugins: { signal: options },
  });
  const near = await client.start({ core: { 'load-plugins': 'fullmesh' }, plugins: { fullmesh: { pairs: 'subnet' } } });
  const announce = { announce: '10.0.2.2' };
  const far = await server.start(signal(announce));
  await client.connect(server, '10.0.1.2');
  const both = ['10.0.1.1 > 10.0.1.2', '10.0.2.1 > 10.0.2.2'];
  await eventually('both links', () => client.subflows(), both);
  const sockets = await client.sockets();
  const wanted = await far.report();
  expect(wanted.join('\n')).toMatch(/10\.0\.2\.2: announced as id 16/);
  await far.kill();
  const again = await server.start(signal(announce));
  await reported(again, wanted);
  expect(near.log.filter(({ msg }) => msg === 'the peer announced an address')).toHaveLength(1);
  expect(await client.sockets()).toEqual(sockets);

  await again.kill();
  await server.start({ core: { 'load-plugins': 'ndiffports' } });
  await eventually('it is taken back', async () => removals(near.log), ['the peer removed an address']);
  await eventually('one link', () => client.subflows(), ['10.0.1.1 > 10.0.1.2']);
});

const removals = (log: readonly Readonly<Record<string, unknown>>[]): string[] =>
  log.flatMap(({ msg }) => (msg === 'the peer removed an address' ? [String(msg)] : []));
