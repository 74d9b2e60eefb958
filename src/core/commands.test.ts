import { describe, expect, test } from 'vitest';
import {
  closed,
  command,
  connected,
  created,
  feed,
  newCore,
  paths,
  REMOTE,
  reply,
  T,
} from '../../test/fixtures/core/inputs.ts';
import { FIRST_OWN_ID } from './address-ids.ts';
import type { Effect, Input } from './core-types.ts';
import type { CommandName, Outcome } from './model/commands.ts';
import { asAddrId, asToken } from './model/ids.ts';

const remote = { ip: REMOTE, port: 443 };
const create = (ip = '10.0.2.1', id?: number) => command('createSubflow', { token: T, local: { ip }, remote }, id);
const announce = (ip = '10.0.2.1', id?: number) => command('announce', { token: T, address: { ip } }, id);
/** As a plugin in JavaScript may write it. */
const wrong = (name: CommandName, args: unknown): Input =>
  ({ type: 'command', id: 1, plugin: 'p', command: { name, args } }) as Input;

const code = (effects: readonly Effect[]): string | undefined => {
  const only = effects.at(-1);
  return only?.type === 'settle' && !only.outcome.ok ? only.outcome.error.code : undefined;
};

describe('a command', () => {
  test('is sent, and settles with the answer', () => {
    const core = newCore();
    expect(feed(core, command('getLimits', undefined, 7))).toEqual([
      { type: 'send', id: 7, command: { name: 'getLimits', args: undefined } },
    ]);
    const outcome = { ok: true, value: { subflows: 2, addAddrAccepted: 0 } } as const;
    expect(feed(core, reply(outcome, 7))).toEqual([{ type: 'settle', id: 7, outcome }]);
  });

  test('settles with the kernel’s refusal, and nothing is noted', () => {
    const { core, connection } = connected();
    const outcome = { ok: false, error: { code: 'REFUSED', errno: 'ENETUNREACH', message: 'no' } } as const;
    feed(core, create(), announce('10.0.3.1', 2));
    expect(feed(core, reply(outcome), reply(outcome, 2))).toEqual([
      { type: 'settle', id: 1, outcome },
      { type: 'settle', id: 2, outcome },
    ]);
    expect([connection.subflows.length, connection.announced]).toEqual([1, []]);
  });

  test('settles once: an answer that nobody waits for is nothing', () => {
    const core = newCore();
    feed(core, command('getLimits', undefined), reply());
    expect(feed(core, reply(), reply({ ok: true, value: undefined }, 99))).toEqual([]);
  });

  test.each([
    ['announce', { token: asToken(9), address: { ip: '10.0.2.1' } }],
    ['remove', { token: asToken(9), id: asAddrId(1) }],
    ['createSubflow', { token: asToken(9), local: { ip: '10.0.2.1' }, remote }],
    ['destroySubflow', { token: asToken(9), local: remote, remote }],
    ['setBackup', { token: asToken(9), local: remote, remote, backup: true }],
    ['listAddresses', { token: asToken(9) }],
  ] as const)('%s on an unknown token is refused without asking the kernel', (name, args) => {
    const effects = feed(newCore(), wrong(name, args));
    expect(code(effects)).toBe('UNKNOWN_TOKEN');
    expect(effects).toMatchObject([{ outcome: { error: { message: expect.stringContaining('0x00000009') } } }]);
  });

  test('on a connection that has closed is refused', () => {
    const { core } = connected();
    expect(code(feed(core, closed(), create()))).toBe('UNKNOWN_TOKEN');
  });

  test.each([
    ['createSubflow', undefined],
    ['createSubflow', null],
    ['createSubflow', {}],
    ['createSubflow', { token: '1' }],
    ['createSubflow', { token: T }],
    ['createSubflow', { token: T, local: { ip: '10.0.2.1' } }],
    ['createSubflow', { token: T, local: {}, remote }],
    ['createSubflow', { token: T, local: null, remote }],
    ['createSubflow', { token: T, local: { ip: 5 }, remote }],
    ['announce', { token: T }],
    ['announce', { token: T, address: {} }],
    ['remove', undefined],
    ['listAddresses', { id: 5 }],
  ] as const)('%s of %j is a bad argument', (name, args) => {
    const { core } = connected();
    expect(code(feed(core, wrong(name, args)))).toBe('BAD_ARGUMENT');
  });

  test.each(['remove', 'destroySubflow', 'setBackup', 'listAddresses'] as const)('%s is sent as it is', (name) => {
    const { core } = connected();
    const ends = { local: remote, remote };
    const args = {
      remove: { token: T, id: asAddrId(3) },
      destroySubflow: { token: T, ...ends },
      setBackup: { token: T, ...ends, backup: true },
      listAddresses: { token: T },
    }[name];
    expect(feed(core, wrong(name, { ...args, more: 'than is known' }))).toEqual([
      { type: 'send', id: 1, command: { name, args } },
    ]);
  });

  test('on endpoints needs no connection', () => {
    const args = { ip: '10.0.2.1', flags: ['subflow'] } as const;
    expect(feed(newCore(), command('addEndpoint', args))).toEqual([
      { type: 'send', id: 1, command: { name: 'addEndpoint', args } },
    ]);
  });
});

describe('createSubflow', () => {
  test('has to wait until the connection is established', () => {
    const core = newCore();
    expect(code(feed(core, created(), create()))).toBe('NOT_ESTABLISHED');
  });

  test('honours the peer’s wish for no subflows to its initial address', () => {
    const { core } = connected({ denyJoinId0: true });
    const to = (place: typeof remote): readonly Effect[] =>
      feed(core, command('createSubflow', { token: T, local: { ip: '10.0.2.1' }, remote: place }));
    expect(code(to(remote))).toBe('DENIED_BY_PEER');
    expect(code(to({ ip: `::ffff:${REMOTE}`, port: 443 }))).toBe('DENIED_BY_PEER');
    expect(to({ ip: REMOTE, port: 8443 })).toMatchObject([{ type: 'send' }]);
    expect(to({ ip: '10.0.8.8', port: 443 })).toMatchObject([{ type: 'send' }]);
  });

  test('answers with the id of its local address', () => {
    const { core, connection } = connected();
    expect(feed(core, create())).toMatchObject([
      { type: 'send', command: { args: { local: { ip: '10.0.2.1', id: FIRST_OWN_ID } } } },
    ]);
    const [settled] = feed(core, reply());
    expect(settled).toEqual({ type: 'settle', id: 1, outcome: { ok: true, value: { id: FIRST_OWN_ID } } });
    expect(paths(connection)[1]).toBe('10.0.2.1:0 → 10.0.9.9:443 trying');
  });

  test('from the initial address has id 0, and from any other one id for good', () => {
    const { core } = connected();
    const ids = ['10.0.1.1', '10.0.2.1', '10.0.3.1', '10.0.2.1'].map((ip) => feed(core, create(ip))[0]);
    expect(ids.map((each) => each?.type === 'send' && each.command.args)).toMatchObject([
      { local: { id: 0 } },
      { local: { id: FIRST_OWN_ID } },
      { local: { id: FIRST_OWN_ID + 1 } },
      { local: { id: FIRST_OWN_ID } },
    ]);
  });

  test('takes an id, a port, a device and backup as they are given', () => {
    const { core } = connected();
    const args = { token: T, local: { ip: '10.0.2.1', port: 5, id: asAddrId(9) }, remote, backup: true };
    expect(feed(core, command('createSubflow', args))).toEqual([
      { type: 'send', id: 1, command: { name: 'createSubflow', args } },
    ]);
  });

  test('answers with the id also where the connection closes in between', () => {
    const { core } = connected();
    feed(core, create(), closed());
    expect(feed(core, reply())).toMatchObject([{ outcome: { ok: true, value: { id: FIRST_OWN_ID } } }]);
  });

  test('is refused once all ids are in use', () => {
    const { core } = connected();
    for (let n = FIRST_OWN_ID; n <= 255; n++) feed(core, create(`10.0.3.${n}`));
    expect(code(feed(core, create('10.0.4.1')))).toBe('NO_ADDRESS_ID');
    expect(code(feed(core, announce('10.0.4.1')))).toBe('NO_ADDRESS_ID');
    expect(feed(core, create('10.0.3.20'))).toMatchObject([{ type: 'send' }]);
  });
});

describe('announce and remove', () => {
  test('what is announced is known until it is removed', () => {
    const { core, connection } = connected();
    feed(core, announce());
    expect(connection.announced).toEqual([]);
    expect(feed(core, reply())).toMatchObject([{ outcome: { value: { id: FIRST_OWN_ID } } }]);
    expect(connection.announced).toEqual([{ ip: '10.0.2.1', port: 0, id: FIRST_OWN_ID }]);
    feed(core, command('remove', { token: T, id: asAddrId(FIRST_OWN_ID) }), reply());
    expect(connection.announced).toEqual([]);
  });

  test('to announce again is sent again, and is one announcement', () => {
    const { core, connection } = connected();
    feed(core, announce(), reply());
    expect(feed(core, announce())).toMatchObject([{ type: 'send' }]);
    feed(core, reply());
    expect(connection.announced).toHaveLength(1);
  });

  test('an announced address and a subflow from it have the same id, also after it was removed', () => {
    const { core } = connected();
    feed(core, announce(), reply(), command('remove', { token: T, id: asAddrId(FIRST_OWN_ID) }), reply());
    expect(feed(core, create())).toMatchObject([{ command: { args: { local: { id: FIRST_OWN_ID } } } }]);
  });

  test('an id that is given is kept for its address', () => {
    const { core } = connected();
    feed(core, command('announce', { token: T, address: { ip: '10.0.2.1', id: asAddrId(77), port: 8443 } }), reply());
    expect(core.connection(T)?.announced).toEqual([{ ip: '10.0.2.1', port: 8443, id: 77 }]);
    expect(feed(core, create())).toMatchObject([{ command: { args: { local: { id: 77 } } } }]);
  });

  test('before the connection is established is fine: the kernel keeps it', () => {
    const core = newCore();
    feed(core, created({ serverSide: true }));
    expect(feed(core, announce())).toMatchObject([{ type: 'send' }]);
  });
});

describe('an id that was chosen for a command', () => {
  const no = { ok: false, error: { code: 'REFUSED', errno: 'ENETUNREACH', message: 'no' } } as const;

  test.each([
    ['createSubflow', create],
    ['announce', announce],
  ])('is free again where %s is refused', (_, make) => {
    const { core } = connected();
    for (let n = 0; n < 300; n++) {
      const [sent] = feed(core, make(`10.9.${n >> 8}.${n & 255}`));
      expect(sent?.type).toBe('send');
      feed(core, reply(no));
    }
  });

  test('stays where something else uses it', () => {
    const { core, connection } = connected();
    feed(core, announce(), reply());
    feed(core, create('10.0.2.1', 2), reply(no, 2));
    expect(connection.announced).toMatchObject([{ ip: '10.0.2.1', id: FIRST_OWN_ID }]);
    const [sent] = feed(core, create('10.0.3.1', 3));
    expect(sent).toMatchObject({ command: { args: { local: { id: FIRST_OWN_ID + 1 } } } });
  });
});

describe('a command about a subflow', () => {
  test.each(['destroySubflow', 'setBackup'] as const)('%s without both ends is refused', (name) => {
    const { core } = connected();
    expect(code(feed(core, wrong(name, { token: T, remote })))).toBe('BAD_ARGUMENT');
    expect(code(feed(core, wrong(name, { token: T, local: remote, remote: {} })))).toBe('BAD_ARGUMENT');
  });
});

describe('an address that the kernel knows under another id', () => {
  const no = {
    ok: false,
    error: { code: 'REFUSED', errno: 'EINVAL', message: 'did not match address and id' },
  } as const;
  const held = (id: number, ip = '10.0.2.1'): Outcome<unknown> => ({
    ok: true,
    value: [{ ip, id: asAddrId(id), port: 0, flags: ['implicit'], ifIndex: undefined }],
  });

  test.each([
    ['announce', announce],
    ['createSubflow', create],
  ])('is learnt from it, and %s is tried once more', (_, make) => {
    const { core } = connected();
    feed(core, make());
    const [asked] = feed(core, reply(no));
    expect(asked).toMatchObject({ type: 'send', command: { name: 'listAddresses', args: { token: T } } });
    const [again] = feed(core, reply(held(1), (asked as { id: number }).id));
    expect(again).toMatchObject({ type: 'send', id: 1 });
    expect(JSON.stringify(again)).toContain('"id":1');
    expect(feed(core, reply())).toMatchObject([{ type: 'settle', id: 1, outcome: { ok: true, value: { id: 1 } } }]);
  });

  test.each([
    ['announce', announce],
    ['createSubflow', create],
  ])('another id is taken where the chosen one is another address’s, and %s is tried once more', (_, make) => {
    const { core } = connected();
    feed(core, make());
    const [asked] = feed(core, reply(no));
    const [again] = feed(core, reply(held(16, '10.0.7.7'), (asked as { id: number }).id));
    expect(JSON.stringify(again)).toContain('"id":17');
    expect(feed(core, reply(no)).at(-1)).toMatchObject({ type: 'settle', id: 1, outcome: no });
    const [next] = feed(core, make());
    expect(JSON.stringify(next)).toContain('"id":17');
  });

  test('is looked up once: a second refusal is the answer', () => {
    const { core } = connected();
    feed(core, announce());
    const [asked] = feed(core, reply(no));
    feed(core, reply(held(1), (asked as { id: number }).id));
    expect(feed(core, reply(no))).toEqual([{ type: 'settle', id: 1, outcome: no }]);
  });

  test.each([
    ['the kernel knows nothing new', held(7, '10.0.7.7')],
    ['the kernel does not tell', no],
  ])('where %s, the refusal is the answer', (_, listed) => {
    const { core } = connected();
    feed(core, announce());
    const [asked] = feed(core, reply(no));
    expect(feed(core, reply(listed, (asked as { id: number }).id))).toEqual([{ type: 'settle', id: 1, outcome: no }]);
  });

  test('is not looked up where the plugin chose the id', () => {
    const { core } = connected();
    const own = { token: T, address: { ip: '10.0.2.1', id: asAddrId(9) } };
    expect(feed(core, command('announce', own), reply(no)).at(-1)).toMatchObject({ type: 'settle', outcome: no });
  });
});

test.each<[CommandName, unknown]>([
  ['addEndpoint', undefined],
  ['addEndpoint', { ip: 7 }],
  ['removeEndpoint', {}],
  ['getEndpoint', null],
  ['setEndpointFlags', { id: 'x' }],
  ['setLimits', undefined],
  ['announce', null],
])('%s with %j is a bad argument', (name, args) => {
  expect(code(feed(newCore(), wrong(name, args)))).toBe('BAD_ARGUMENT');
});

describe('an announcement that is listened for', () => {
  const sent = (serverSide: boolean, more: object = {}): unknown => {
    const { core } = connected({ serverSide, localPort: 8000 });
    const args = { token: T, address: { ip: '10.0.2.1' }, listen: true, ...more };
    const [effect] = feed(core, command('announce', args));
    return effect?.type === 'send' ? effect.command.args : effect;
  };

  test('names no port that a server has anyway: an IPv6 address has no room for it', () => {
    expect(sent(true)).toEqual({
      token: T,
      address: { ip: '10.0.2.1', id: FIRST_OWN_ID },
      listen: true,
      listenPort: 8000,
    });
  });
  test('names that of a client, whose subflows have one each', () => {
    expect(sent(false)).toEqual({ token: T, address: { ip: '10.0.2.1', id: FIRST_OWN_ID, port: 8000 }, listen: true });
  });
  test('names the one that is given', () => {
    const address = { ip: '10.0.2.1', port: 9000 };
    expect(sent(true, { address })).toEqual({ token: T, address: { ...address, id: FIRST_OWN_ID }, listen: true });
  });
});
