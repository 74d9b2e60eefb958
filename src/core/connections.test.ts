import { describe, expect, test } from 'vitest';
import {
  announced,
  calls,
  closed,
  command,
  connected,
  created,
  established,
  facts,
  feed,
  hooks,
  LOCAL,
  newCore,
  paths,
  payload,
  REMOTE,
  removed,
  reply,
  subflow,
  T,
} from '../../test/fixtures/core/inputs.ts';
import { asAddrId, asIfIndex, asToken } from './model/ids.ts';

describe('the life of a connection', () => {
  test('created, established, closed', () => {
    const core = newCore();
    expect(hooks(feed(core, created()))).toEqual(['connectionCreated']);
    const connection = core.connection(T);
    expect(connection).toMatchObject({ token: T, state: 'created', serverSide: false, owner: 'p' });
    expect(payload(feed(core, established()))).toBe(connection);
    expect(connection?.state).toBe('established');
    expect(payload(feed(core, closed()))).toBe(connection);
    expect(connection?.state).toBe('closed');
    expect([core.connection(T), core.connectionCount]).toEqual([undefined, 0]);
  });

  test('its subflows go with it: the kernel says nothing of them', () => {
    const { core, connection } = connected();
    const subflows = [...connection.subflows];
    feed(core, closed());
    expect(connection.subflows).toEqual([]);
    expect(subflows.map(({ state }) => state)).toEqual(['closed']);
  });

  test('it begins with its initial subflow', () => {
    const { connection } = connected({ serverSide: true });
    expect(connection.serverSide).toBe(true);
    expect(connection.subflows).toMatchObject([
      {
        token: T,
        local: { ip: LOCAL, port: 40_000, id: 0 },
        remote: { ip: REMOTE, port: 443, id: 0 },
        state: 'established',
        initial: true,
        backup: false,
        ifIndex: undefined,
        error: undefined,
        resetReason: undefined,
        resetTransient: false,
      },
    ]);
  });

  test('ESTABLISHED after CLOSED, as short connections have it, brings nothing back to life', () => {
    const core = newCore();
    expect(hooks(feed(core, created(), closed(), established()))).toEqual(['connectionCreated', 'connectionClosed']);
    expect(core.connectionCount).toBe(0);
  });

  test('ESTABLISHED is heard once', () => {
    const { core } = connected();
    expect(feed(core, established())).toEqual([]);
  });

  test('whether the peer forbids joins to its initial address is known from ESTABLISHED', () => {
    const core = newCore();
    feed(core, created(), established({ denyJoinId0: true }));
    expect(core.connection(T)?.denyJoinId0).toBe(true);
  });

  test.each([
    ['CLOSED', closed()],
    ['ESTABLISHED', established()],
    ['ANNOUNCED', announced(1)],
    ['REMOVED', removed(1)],
    ['SUB_ESTABLISHED', subflow('subflowEstablished')],
    ['SUB_CLOSED', subflow('subflowClosed')],
    ['SUB_PRIORITY', subflow('subflowPriority')],
  ])('%s of an unknown token is nothing', (_, event) => {
    const core = newCore();
    expect(feed(core, event)).toEqual([]);
    expect(core.connectionCount).toBe(0);
  });

  test('a token that comes again belongs to a new connection: the old one is closed first', () => {
    const { core, connection } = connected();
    const effects = calls(feed(core, created({ remoteIp: '10.0.7.7' })));
    expect(effects.map(({ hook }) => hook)).toEqual(['connectionClosed', 'connectionCreated']);
    expect(effects[0]?.payload).toBe(connection);
    expect(connection.state).toBe('closed');
    expect(core.connection(T)).toMatchObject({ state: 'created', remote: { ip: '10.0.7.7' } });
    expect(core.connectionCount).toBe(1);
  });

  test('several at a time do not touch each other', () => {
    const { core } = connected();
    const other = asToken(2);
    feed(core, created({ token: other }), closed());
    expect([...core.connections].map(({ token }) => token)).toEqual([other]);
  });
});

describe('what the peer announces', () => {
  test('is heard, and known until it is removed', () => {
    const { core, connection } = connected();
    const address = { ip: '10.0.8.8', port: 8443, id: 5 };
    expect(payload(feed(core, announced(5, { remotePort: 8443 })))).toEqual({ token: T, connection, address });
    expect(connection.remoteAddresses).toEqual([address]);
    expect(payload(feed(core, removed(5)))).toEqual({ token: T, connection, address });
    expect(connection.remoteAddresses).toEqual([]);
  });

  test('a repeated announcement is heard once', () => {
    const { core } = connected();
    feed(core, announced(5));
    expect(feed(core, announced(5), announced(5))).toEqual([]);
  });

  test.each([{ remoteIp: '10.0.8.9' }, { remotePort: 444 }])('one that is changed to %j is heard again', (change) => {
    const { core, connection } = connected();
    feed(core, announced(5));
    expect(hooks(feed(core, announced(5, change)))).toEqual(['addressAnnounced']);
    expect(connection.remoteAddresses).toHaveLength(1);
  });

  test('one that was removed is heard again when it comes back', () => {
    const { core } = connected();
    expect(hooks(feed(core, announced(5), removed(5), announced(5)))).toEqual([
      'addressAnnounced',
      'addressRemoved',
      'addressAnnounced',
    ]);
  });

  test('an id that was not announced cannot be removed, nor one twice', () => {
    const { core } = connected();
    feed(core, announced(5), removed(5));
    expect(feed(core, removed(5), removed(6))).toEqual([]);
  });
});

describe('subflows of this host', () => {
  const other = { localIp: '10.0.2.1', localPort: 50_000, locId: asAddrId(16) };
  function trying() {
    const all = connected();
    const args = { token: T, local: { ip: '10.0.2.1' }, remote: { ip: REMOTE, port: 443 } };
    feed(all.core, command('createSubflow', args), reply());
    return all;
  }

  test('are tried first, their port not known', () => {
    expect(paths(trying().connection)[1]).toBe('10.0.2.1:0 → 10.0.9.9:443 trying');
  });

  test('are the same one when they are established', () => {
    const { core, connection } = trying();
    const record = connection.subflows[1];
    expect(payload(feed(core, subflow('subflowEstablished', other)))).toBe(record);
    expect(paths(connection)[1]).toBe('10.0.2.1:50000 → 10.0.9.9:443 established');
    expect(connection.subflows).toHaveLength(2);
  });

  test('say why they were refused, and are gone', () => {
    const { core, connection } = trying();
    const event = { ...other, error: 'ECONNREFUSED', resetReason: 'prohibited', resetTransient: true } as const;
    expect(payload(feed(core, subflow('subflowClosed', event)))).toMatchObject({
      state: 'closed',
      initial: false,
      local: { ip: '10.0.2.1', port: 50_000, id: 16 },
      error: 'ECONNREFUSED',
      resetReason: 'prohibited',
      resetTransient: true,
    });
    expect(paths(connection)).toEqual(['10.0.1.1:40000 → 10.0.9.9:443 established']);
  });

  test('two tries of one pair are two subflows', () => {
    const { core, connection } = trying();
    const args = { token: T, local: { ip: '10.0.2.1' }, remote: { ip: REMOTE, port: 443 } };
    feed(core, command('createSubflow', args), reply());
    feed(core, subflow('subflowEstablished', other), subflow('subflowEstablished', { ...other, localPort: 50_001 }));
    expect(paths(connection).slice(1)).toEqual([
      '10.0.2.1:50000 → 10.0.9.9:443 established',
      '10.0.2.1:50001 → 10.0.9.9:443 established',
    ]);
  });

  test('the kernel’s word of device, backup and ids is kept', () => {
    const { core, connection } = trying();
    const more = { ...other, ifIndex: asIfIndex(3), backup: true, remId: asAddrId(9) };
    feed(core, subflow('subflowEstablished', more));
    expect(connection.subflows[1]).toMatchObject({ ifIndex: 3, backup: true, remote: { id: 9 } });
  });

  test('the initial one may close while the connection lives on', () => {
    const { core, connection } = trying();
    feed(core, subflow('subflowEstablished', other));
    expect(payload(feed(core, subflow('subflowClosed', { error: 'ETIMEDOUT' })))).toMatchObject({
      initial: true,
      state: 'closed',
      error: 'ETIMEDOUT',
    });
    expect(paths(connection)).toEqual(['10.0.2.1:50000 → 10.0.9.9:443 established']);
    expect(connection.state).toBe('established');
  });

  test('one that comes back after its end is a new one', () => {
    const { core, connection } = connected();
    const first = connection.subflows[0];
    feed(core, subflow('subflowClosed'), subflow('subflowEstablished'));
    expect(connection.subflows).toHaveLength(1);
    expect(connection.subflows[0]).not.toBe(first);
    expect(connection.subflows[0]?.initial).toBe(false);
  });

  test('MP_PRIO of the peer is heard with what it asked for', () => {
    const { core, connection } = connected();
    expect(payload(feed(core, subflow('subflowPriority', { backup: true })))).toBe(connection.subflows[0]);
    expect(connection.subflows[0]?.backup).toBe(true);
    feed(core, subflow('subflowPriority', { backup: false }));
    expect(connection.subflows[0]?.backup).toBe(false);
  });
});

describe('subflows of the peer', () => {
  const join = subflow('subflowEstablished', {
    localIp: '10.0.2.1',
    localPort: 443,
    locId: asAddrId(1),
    remoteIp: '10.0.8.8',
    remotePort: 51_000,
  });

  test('are known from the event on', () => {
    const { core, connection } = connected();
    expect(payload(feed(core, join))).toBe(connection.subflows[1]);
    expect(paths(connection)[1]).toBe('10.0.2.1:443 → 10.0.8.8:51000 established');
  });

  test('teach the id that the kernel gave to the address', () => {
    const { core } = connected();
    const announce = command('announce', { token: T, address: { ip: '10.0.2.1' } });
    feed(core, join);
    expect(feed(core, announce)).toMatchObject([{ type: 'send', command: { args: { address: { id: 1 } } } }]);
  });

  test('the end of one that was never seen is heard all the same', () => {
    const { core, connection } = connected();
    expect(payload(feed(core, subflow('subflowClosed', { ...join, type: 'subflowClosed' })))).toMatchObject({
      state: 'closed',
      remote: { ip: '10.0.8.8', port: 51_000 },
    });
    expect(connection.subflows).toHaveLength(1);
  });
});

describe('IPv4-mapped addresses, as AF_INET6 sockets have them', () => {
  const mapped = { localIp: `::ffff:${LOCAL}`, remoteIp: `::ffff:${REMOTE}` };

  test('reach hooks as the kernel wrote them: commands must echo them so', () => {
    const { core, connection } = connected(mapped);
    expect(connection).toMatchObject({ local: { ip: mapped.localIp }, remote: { ip: mapped.remoteIp } });
    feed(core, announced(1, { remoteIp: '::ffff:10.0.8.8' }));
    expect(connection.remoteAddresses[0]?.ip).toBe('::ffff:10.0.8.8');
    const join = subflow('subflowEstablished', { ...mapped, localIp: '::ffff:10.0.2.1', localPort: 50_000 });
    expect(payload(feed(core, join))).toMatchObject({ local: { ip: '::ffff:10.0.2.1' } });
  });

  test.each([
    ['10.0.2.1', mapped.remoteIp, '::ffff:10.0.2.1'],
    ['::ffff:10.0.2.1', '10.0.8.8', '10.0.2.1'],
    ['::ffff:10.0.2.1', mapped.remoteIp, '::ffff:10.0.2.1'],
  ])('a subflow from %s to %s is asked for with %s: the kernel takes no mixture', (local, remote, sent) => {
    const { core } = connected(mapped);
    const args = { token: T, local: { ip: local }, remote: { ip: remote, port: 443 } };
    expect(feed(core, command('createSubflow', args))).toMatchObject([
      { command: { args: { local: { ip: sent }, remote: { ip: remote } } } },
    ]);
  });

  test('a try is found again whichever form the event has', () => {
    const { core, connection } = connected(mapped);
    const args = { token: T, local: { ip: '10.0.2.1' }, remote: { ip: mapped.remoteIp, port: 443 } };
    feed(core, command('createSubflow', args), reply());
    feed(core, subflow('subflowEstablished', { localIp: '10.0.2.1', localPort: 50_000, locId: asAddrId(16) }));
    expect(paths(connection)).toEqual([
      `::ffff:${LOCAL}:40000 → ::ffff:${REMOTE}:443 established`,
      '10.0.2.1:50000 → 10.0.9.9:443 established',
    ]);
  });
});

describe('who hears of a connection', () => {
  const plugins = [facts('b'), facts('a'), facts('favoured', -5), facts('last', 19)];
  const owner = (more: Parameters<typeof newCore>[0]): string | undefined => {
    const core = newCore(more);
    const heard = calls(feed(core, created(), established(), announced(1), subflow('subflowPriority'), closed()));
    return heard.every((call) => call.plugin === heard[0]?.plugin && call.lane === T) ? heard[0]?.plugin : 'several';
  };

  test('the path manager, whatever its priority', () => {
    expect(owner({ plugins, pathManager: 'last' })).toBe('last');
  });
  test('otherwise the one of the lowest priority number', () => {
    expect(owner({ plugins })).toBe('favoured');
  });
  test('the name breaks a tie', () => {
    expect(owner({ plugins: [facts('b'), facts('a')] })).toBe('a');
  });
  test('nobody where there is no plugin', () => {
    expect(owner({ plugins: [] })).toBeUndefined();
  });
  test('nobody else where the path manager has not the hook', () => {
    const silent = facts('silent', 0, ['connectionClosed']);
    const core = newCore({ plugins: [silent, facts('a')], pathManager: 'silent' });
    expect(hooks(feed(core, created(), established(), announced(1), closed()))).toEqual(['connectionClosed']);
  });
  test('the connection names it', () => {
    const core = newCore({ plugins });
    feed(core, created());
    expect(core.connection(T)?.owner).toBe('favoured');
  });

  test('listeners are everybody’s', () => {
    const core = newCore({ plugins });
    const events = (['listenerCreated', 'listenerClosed'] as const).map(
      (type) => ({ type, localIp: '::', localPort: 443 }) as const,
    );
    const heard = calls(feed(core, ...events));
    expect(heard.map(({ plugin }) => plugin)).toEqual(['favoured', 'a', 'b', 'last', 'favoured', 'a', 'b', 'last']);
    expect(heard[0]?.payload).toEqual({ ip: '::', port: 443 });
  });
});

describe('a subflow that the kernel closes without its remote port', () => {
  // A socket that was reset in its handshake has lost it by the time that the event is made: it says 0.
  const portless = { localIp: '10.0.2.1', localPort: 47_649, remotePort: 0, error: 'ECONNRESET' };

  test('is the one that was being tried', () => {
    const { core, connection } = connected();
    feed(
      core,
      command('createSubflow', { token: T, local: { ip: '10.0.2.1' }, remote: { ip: REMOTE, port: 443 } }),
      reply(),
    );
    expect(connection.subflows).toHaveLength(2);
    const told = payload(feed(core, subflow('subflowClosed', portless)));
    expect(told).toMatchObject({ state: 'closed', local: { port: 47_649 }, remote: { ip: REMOTE, port: 443 } });
    expect(connection.subflows).toHaveLength(1);
  });

  test('is the one that was established', () => {
    const { core, connection } = connected();
    feed(core, subflow('subflowEstablished', { localIp: '10.0.2.1', localPort: 47_648 }));
    feed(core, subflow('subflowEstablished', { localIp: '10.0.2.1', localPort: 47_649 }));
    feed(core, subflow('subflowClosed', portless));
    expect(connection.subflows.map(({ local }) => local.port)).toEqual([40_000, 47_648]);
  });
});
