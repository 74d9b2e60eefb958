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
  REMOTE,
  reply,
  subflow,
  T,
} from '../../test/fixtures/core/inputs.ts';
import type { Input } from './core-types.ts';
import { asAddrId, asIfIndex, asToken, type Ip } from './model/ids.ts';
import type { FoundConnection, FoundSubflow } from './recovery.ts';

const WIFI = '10.0.2.1';

/** A subflow as the kernel has it; without arguments the one that the connection began with. */
const flow = (ip: Ip = LOCAL, port = 40_000, more: Partial<FoundSubflow> = {}): FoundSubflow => ({
  local: { ip, port, id: asAddrId(port === 40_000 ? 0 : 16) },
  remote: { ip: REMOTE, port: 443, id: asAddrId(0) },
  state: 'established',
  initial: port === 40_000,
  own: port !== 40_000,
  backup: false,
  askedBackup: false,
  ifIndex: undefined,
  ...more,
});
const there = (subflows: readonly FoundSubflow[] = [flow()], more: Partial<FoundConnection> = {}): FoundConnection => ({
  token: T,
  serverSide: false,
  established: true,
  local: { ip: LOCAL, port: 40_000 },
  remote: { ip: REMOTE, port: 443 },
  subflows,
  ...more,
});
const found = (...connections: readonly FoundConnection[]): Input => ({ type: 'connections', found: connections });
const second = (type: 'subflowEstablished' | 'subflowClosed' | 'subflowPriority', port = 50_000, more = {}) =>
  subflow(type, { localIp: WIFI, localPort: port, locId: asAddrId(16), ...more });
const tries = (ip: Ip = WIFI) =>
  [command('createSubflow', { token: T, local: { ip }, remote: { ip: REMOTE, port: 443 } }), reply()] as const;

describe('a reading that finds nothing new', () => {
  test('tells nothing', () => {
    const { core, connection } = connected();
    feed(core, second('subflowEstablished'), ...tries('10.0.3.1'));
    const before = [...connection.subflows];
    expect(
      feed(core, found(there([flow(), flow(WIFI, 50_000), flow('10.0.3.1', 50_001, { state: 'trying' })]))),
    ).toEqual([]);
    expect(connection.subflows).toEqual(before);
  });

  test('of IPv4-mapped addresses, where the kernel writes one form here and the other one there', () => {
    const { core } = connected({ localIp: `::ffff:${LOCAL}`, remoteIp: `::ffff:${REMOTE}` });
    expect(feed(core, found(there()))).toEqual([]);
  });

  test('of IPv6', () => {
    const [ip, far] = ['2001:db8::1', '2001:db8::9'];
    const { core } = connected({ localIp: ip, remoteIp: far });
    const remote = { ip: far, port: 443 };
    const only = flow(ip, 40_000, { remote: { ...remote, id: asAddrId(0) } });
    expect(feed(core, found(there([only], { local: { ip, port: 40_000 }, remote })))).toEqual([]);
  });
});

describe('what was missed of a connection that is known', () => {
  test('its end', () => {
    const { core } = connected();
    expect(hooks(feed(core, found()))).toEqual(['connectionClosed']);
    expect(core.connectionCount).toBe(0);
  });

  test('that it was established', () => {
    const core = newCore();
    feed(core, created({ denyJoinId0: true }));
    expect(hooks(feed(core, found(there())))).toEqual(['connectionEstablished']);
    expect(core.connection(T)).toMatchObject({ state: 'established', denyJoinId0: true });
  });

  test('that it is another one, of the same token', () => {
    const { core } = connected();
    const other = there([], { local: { ip: LOCAL, port: 41_000 } });
    expect(hooks(feed(core, found(other)))).toEqual(['connectionClosed', 'connectionCreated', 'connectionEstablished']);
    expect(core.connection(T)?.local.port).toBe(41_000);
  });

  test('a subflow that came', () => {
    const { core, connection } = connected();
    const more = { ifIndex: asIfIndex(2), backup: true };
    expect(hooks(feed(core, found(there([flow(), flow(WIFI, 50_000, more)]))))).toEqual(['subflowEstablished']);
    expect(connection.subflows[1]).toMatchObject({ local: { ip: WIFI, port: 50_000, id: 16 }, ...more });
  });

  test('one that is only being tried is told of when it is there', () => {
    const { core } = connected();
    expect(feed(core, found(there([flow(), flow(WIFI, 50_000, { state: 'trying' })])))).toEqual([]);
  });

  test('a subflow that went', () => {
    const { core, connection } = connected();
    feed(core, second('subflowEstablished'));
    expect(hooks(feed(core, found(there())))).toEqual(['subflowClosed']);
    expect(paths(connection)).toEqual([`${LOCAL}:40000 → ${REMOTE}:443 established`]);
  });

  test('the end of the initial subflow, while another one lives', () => {
    const { core, connection } = connected();
    feed(core, second('subflowEstablished'));
    expect(hooks(feed(core, found(there([flow(WIFI, 50_000)]))))).toEqual(['subflowClosed']);
    expect(paths(connection)).toEqual([`${WIFI}:50000 → ${REMOTE}:443 established`]);
  });

  test('what became of tries', () => {
    const { core, connection } = connected();
    feed(core, ...tries(), ...tries('10.0.3.1'));
    expect(hooks(feed(core, found(there([flow(), flow(WIFI, 50_000)]))))).toEqual([
      'subflowEstablished',
      'subflowClosed',
    ]);
    expect(paths(connection).slice(1)).toEqual([`${WIFI}:50000 → ${REMOTE}:443 established`]);
  });

  test('a try fails while another subflow between the same ends lives on: that one is not taken for it', () => {
    const { core, connection } = connected();
    feed(core, ...tries(), ...tries(), second('subflowEstablished'));
    const live = connection.subflows.find(({ local }) => local.port === 50_000);
    expect(calls(feed(core, found(there([flow(), flow(WIFI, 50_000)])))).map(({ hook }) => hook)).toEqual([
      'subflowClosed',
    ]);
    expect(connection.subflows[1]).toBe(live);
    // The one that comes up is the other one, whatever the order of the list.
    feed(core, ...tries());
    feed(core, found(there([flow(), flow(WIFI, 50_001), flow(WIFI, 50_000)])));
    expect(connection.subflows.map(({ local }) => local.port)).toEqual([40_000, 50_000, 50_001]);
    expect(connection.subflows[1]).toBe(live);
  });

  test('what is there is told before what is gone: nobody replaces what has a successor', () => {
    const { core } = connected();
    feed(core, second('subflowEstablished', 50_000));
    expect(hooks(feed(core, found(there([flow(), flow(WIFI, 50_001)]))))).toEqual([
      'subflowEstablished',
      'subflowClosed',
    ]);
  });

  test('that the peer asks for another priority', () => {
    const { core, connection } = connected();
    expect(hooks(feed(core, found(there([flow(LOCAL, 40_000, { backup: true })]))))).toEqual(['subflowPriority']);
    expect(connection.subflows[0]?.backup).toBe(true);
  });
});

describe('a connection that was not known', () => {
  test('is told of as created and established, with the subflows that it has', () => {
    const core = newCore();
    const effects = calls(feed(core, found(there([flow(), flow(WIFI, 50_000, { backup: true, askedBackup: true })]))));
    expect(effects.map(({ hook }) => hook)).toEqual(['connectionCreated', 'connectionEstablished']);
    expect(effects[0]?.payload).toMatchObject({
      ...{ token: T, owner: 'p', state: 'established', serverSide: false },
      subflows: [{ initial: true }, { initial: false, backup: true, local: { ip: WIFI, port: 50_000, id: 16 } }],
    });
    expect(paths(core.connection(T) as never)).toHaveLength(2);
  });

  test('is told of as created alone where it is not established', () => {
    const core = newCore();
    expect(hooks(feed(core, found(there([flow()], { established: false }))))).toEqual(['connectionCreated']);
    expect(hooks(feed(core, established()))).toEqual(['connectionEstablished']);
  });

  test('without any hook makes no call', () => {
    const core = newCore({ plugins: [facts('p', 0, [])] });
    expect(feed(core, found(there()))).toEqual([]);
    expect(core.connectionCount).toBe(1);
  });

  test('on the server, without its initial subflow', () => {
    const core = newCore();
    feed(core, found(there([flow(WIFI, 50_000, { own: false })], { serverSide: true })));
    expect(core.connection(T)).toMatchObject({ serverSide: true, local: { ip: LOCAL, port: 40_000, id: 0 } });
  });

  test('the ids of its addresses are not given to others, and what the peer must have announced is known', () => {
    const core = newCore();
    const far = { ip: '10.0.8.8', port: 8443, id: asAddrId(7) };
    const tried = flow('10.0.3.1', 50_002, { remote: { ...far, id: asAddrId(8) }, state: 'trying' });
    const joins = [flow(WIFI, 50_000, { remote: far }), flow(WIFI, 50_001, { remote: far }), tried];
    const byPeer = flow(LOCAL, 443, { own: false, remote: { ip: '10.0.9.8', port: 60_000, id: asAddrId(9) } });
    feed(core, found(there([flow(), ...joins, byPeer])));
    expect(core.connection(T)?.remoteAddresses).toEqual([far]);
    const next = command('createSubflow', { token: T, local: { ip: '10.0.4.1' }, remote: far });
    expect(feed(core, next)).toMatchObject([{ command: { args: { local: { ip: '10.0.4.1', id: 17 } } } }]);
    // The kernel says again what was concluded: it is no news.
    const again = announced(7, { remoteIp: far.ip, remotePort: far.port });
    expect(feed(core, again)).toEqual([]);
  });

  test('many tokens at once', () => {
    const core = newCore();
    const all = Array.from({ length: 500 }, (_, i) => there([flow()], { token: asToken(i + 1) }));
    expect(calls(feed(core, found(...all)))).toHaveLength(1000);
    expect(feed(core, found(...all))).toEqual([]);
    expect(hooks(feed(core, found(...all.slice(1))))).toEqual(['connectionClosed']);
  });
});

describe('events that are read after the reading that told it already', () => {
  test('CREATED and ESTABLISHED are no news, but for what they alone tell', () => {
    const core = newCore();
    feed(core, found(there()));
    const connection = core.connection(T);
    expect(feed(core, created({ denyJoinId0: true }), established({ denyJoinId0: true }))).toEqual([]);
    expect(core.connection(T)).toBe(connection);
    expect(connection?.denyJoinId0).toBe(true);
  });

  test('CLOSED of a connection that was found, and of one that was not', () => {
    const core = newCore();
    feed(core, found(there()));
    expect(hooks(feed(core, closed()))).toEqual(['connectionClosed']);
    expect(feed(core, found(), closed(), established())).toEqual([]);
  });

  test('CREATED and CLOSED of one that came and went in between', () => {
    const core = newCore();
    feed(core, found());
    expect(hooks(feed(core, created(), established(), closed()))).toEqual([
      ...['connectionCreated', 'connectionEstablished', 'connectionClosed'],
    ]);
  });

  test('SUB_ESTABLISHED of a subflow that was found', () => {
    const { core, connection } = connected();
    feed(core, found(there([flow(), flow(WIFI, 50_000)])));
    expect(feed(core, second('subflowEstablished', 50_000))).toEqual([]);
    expect(connection.subflows).toHaveLength(2);
  });

  test('SUB_CLOSED of a subflow that was not, once; the next one between these ends is heard of', () => {
    const { core } = connected();
    feed(core, second('subflowEstablished'), found(there()));
    expect(feed(core, second('subflowClosed', 50_000, { error: 'ETIMEDOUT' }))).toEqual([]);
    feed(core, second('subflowEstablished'));
    expect(hooks(feed(core, second('subflowClosed')))).toEqual(['subflowClosed']);
  });

  test('SUB_CLOSED of a try that had failed, whose port nobody knew', () => {
    const { core } = connected();
    feed(core, ...tries(), found(there()));
    expect(feed(core, second('subflowClosed', 50_777, { remotePort: 0, error: 'ECONNREFUSED' }))).toEqual([]);
    feed(core, ...tries());
    expect(hooks(feed(core, second('subflowClosed', 50_778, { error: 'ECONNREFUSED' })))).toEqual(['subflowClosed']);
  });
});

describe('a connection that is not there any more', () => {
  test('is closed like any other, and its CLOSED is no news', () => {
    const { core } = connected();
    expect(hooks(feed(core, { type: 'vanished', token: T }))).toEqual(['connectionClosed']);
    expect(feed(core, { type: 'vanished', token: T }, closed())).toEqual([]);
  });
});
