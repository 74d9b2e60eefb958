import { describe, expect, test } from 'vitest';
import {
  address,
  addressGone,
  calls,
  everything,
  facts,
  feed,
  hooks,
  link,
  linkGone,
  localAddress,
  newCore,
  snapshot,
  told,
} from '../../test/fixtures/core/inputs.ts';

const visible = (core: ReturnType<typeof newCore>): readonly string[] => core.addresses.map(({ ip }) => ip);

describe('which addresses plugins hear of', () => {
  test('one on a running interface', () => {
    const core = newCore();
    expect(told(feed(core, link(1), address('10.0.1.1')))).toEqual(['interfaceadded eth1', 'added 10.0.1.1']);
    expect(visible(core)).toEqual(['10.0.1.1']);
  });

  test('the hook is given the whole address', () => {
    const core = newCore();
    const [, call] = calls(feed(core, link(1), address('10.0.1.1', 1, { deprecated: true })));
    expect(call?.payload).toEqual(localAddress('10.0.1.1', 1, { deprecated: true }));
  });

  test('an address that is told again is heard once, and what is known of it is the newest', () => {
    const core = newCore();
    feed(core, link(1), address('10.0.1.1'));
    expect(hooks(feed(core, address('10.0.1.1', 1, { deprecated: true })))).toEqual([]);
    expect(core.addresses[0]?.deprecated).toBe(true);
  });

  test.each([
    ['link', { skipLinkLocal: true }, []],
    ['link', { skipLinkLocal: false }, ['added fe80::1']],
    ['host', { skipLoopback: true }, []],
    ['host', { skipLoopback: false }, ['added fe80::1']],
    ['site', {}, ['added fe80::1']],
    ['global', {}, ['added fe80::1']],
    ['nowhere', {}, ['added fe80::1']],
    [77, {}, ['added fe80::1']],
  ] as const)('scope %s with %j', (scope, flags, expected) => {
    const core = newCore({ notifyFlags: { ...everything, ...flags } });
    feed(core, link(1));
    expect(told(feed(core, address('fe80::1', 1, { scope })))).toEqual(expected);
    expect(visible(core)).toHaveLength(expected.length);
  });

  test('the log says why one is hidden', () => {
    const core = newCore();
    const effects = feed(core, link(1), address('fe80::1', 1, { scope: 'link' }));
    expect(effects.at(-1)).toMatchObject({
      type: 'log',
      level: 'debug',
      message: 'local address hidden from plugins',
      fields: { address: 'fe80::1/64', interface: 'eth1', because: 'link-local' },
    });
  });

  test('the same address on two interfaces is two addresses', () => {
    const core = newCore();
    feed(core, link(1), link(2), address('10.0.1.1', 1));
    expect(told(feed(core, address('10.0.1.1', 2)))).toEqual(['added 10.0.1.1']);
    expect(told(feed(core, addressGone('10.0.1.1', 1)))).toEqual(['removed 10.0.1.1']);
    expect(core.addresses.map(({ ifIndex }) => ifIndex)).toEqual([2]);
  });

  test('one that nobody knew of goes without a word', () => {
    expect(hooks(feed(newCore(), link(1), addressGone('10.0.1.1')))).toEqual(['interfaceAdded']);
  });
});

describe('duplicate address detection', () => {
  test('a tentative address waits until it is found to be the only one', () => {
    const core = newCore();
    feed(core, link(1));
    expect(hooks(feed(core, address('2001:db8::1', 1, { tentative: true })))).toEqual([]);
    expect(told(feed(core, address('2001:db8::1')))).toEqual(['added 2001:db8::1']);
  });

  test('one found elsewhere later is taken back', () => {
    const core = newCore();
    feed(core, link(1), address('2001:db8::1'));
    expect(told(feed(core, address('2001:db8::1', 1, { tentative: true })))).toEqual(['removed 2001:db8::1']);
    expect(visible(core)).toEqual([]);
  });

  test('one that goes while it waits was never there', () => {
    const core = newCore();
    feed(core, link(1), address('2001:db8::1', 1, { tentative: true }));
    expect(hooks(feed(core, addressGone('2001:db8::1')))).toEqual([]);
  });
});

describe('interfaces', () => {
  test.each([
    ['loses its carrier', { running: false }],
    ['is switched off', { up: false }],
  ])('one that %s takes its addresses with it, and brings them back', (_, down) => {
    const core = newCore();
    feed(core, link(1), link(2), address('10.0.1.1'), address('2001:db8::1'), address('10.0.2.1', 2));
    expect(told(feed(core, link(1, down)))).toEqual([
      'removed 10.0.1.1',
      'removed 2001:db8::1',
      'interfaceupdated eth1',
    ]);
    expect(visible(core)).toEqual(['10.0.2.1']);
    expect(told(feed(core, link(1)))).toEqual(['interfaceupdated eth1', 'added 10.0.1.1', 'added 2001:db8::1']);
  });

  test('an address that came while its interface was down comes with it', () => {
    const core = newCore();
    feed(core, link(1, { running: false }));
    expect(hooks(feed(core, address('10.0.1.1')))).toEqual([]);
    expect(told(feed(core, link(1)))).toEqual(['interfaceupdated eth1', 'added 10.0.1.1']);
  });

  test('an address that is told before its interface comes with it', () => {
    const core = newCore();
    expect(hooks(feed(core, address('10.0.1.1')))).toEqual([]);
    expect(told(feed(core, link(1)))).toEqual(['interfaceadded eth1', 'added 10.0.1.1']);
  });

  test('an address that went while its interface was down does not come back', () => {
    const core = newCore();
    feed(core, link(1), address('10.0.1.1'), link(1, { running: false }), addressGone('10.0.1.1'));
    expect(told(feed(core, link(1)))).toEqual(['interfaceupdated eth1']);
  });

  test('one that is removed takes its addresses first, and for good', () => {
    const core = newCore();
    feed(core, link(1), address('10.0.1.1'));
    expect(told(feed(core, linkGone(1)))).toEqual(['removed 10.0.1.1', 'interfaceremoved eth1']);
    expect(hooks(feed(core, addressGone('10.0.1.1'), linkGone(1)))).toEqual([]);
    expect(core.interfaces).toEqual([]);
  });

  test('a new one of the same index does not inherit addresses', () => {
    const core = newCore();
    feed(core, link(1), address('10.0.1.1'), linkGone(1));
    expect(told(feed(core, link(1, { name: 'new' })))).toEqual(['interfaceadded new']);
    expect(visible(core)).toEqual([]);
  });

  test('a message that changes nothing is not heard', () => {
    const core = newCore();
    feed(core, link(1));
    expect(hooks(feed(core, link(1)))).toEqual([]);
  });

  test.each([{ name: 'wan0' }, { mtu: 1400 }, { kind: 'veth' }, { loopback: true }])('a change of %j is', (change) => {
    const core = newCore();
    feed(core, link(1));
    expect(hooks(feed(core, link(1, change)))).toEqual(['interfaceUpdated']);
    expect(core.interfaces[0]).toMatchObject(change);
  });

  test('the log names the interface of an address', () => {
    const effects = feed(newCore(), link(1), address('10.0.1.1'));
    expect(effects).toContainEqual({
      type: 'log',
      level: 'info',
      message: 'local address added',
      fields: { address: '10.0.1.1/24', interface: 'eth1' },
    });
  });
});

describe('what there was at the start', () => {
  const start = snapshot(
    [link(1), link(2, { running: false })],
    [localAddress('10.0.1.1'), localAddress('10.0.2.1', 2)],
  );
  const notExisting = { notifyFlags: { ...everything, existing: false } };

  test('is heard of, interfaces before addresses', () => {
    expect(told(feed(newCore(), start))).toEqual(['interfaceadded eth1', 'interfaceadded eth2', 'added 10.0.1.1']);
  });

  test('without "existing" its addresses are not', () => {
    const core = newCore(notExisting);
    expect(told(feed(core, start))).toEqual(['interfaceadded eth1', 'interfaceadded eth2']);
    expect(visible(core)).toEqual([]);
  });

  test('without "existing" an address comes when its interface loses its carrier and gets it back', () => {
    const core = newCore(notExisting);
    feed(core, start);
    expect(told(feed(core, link(1, { running: false })))).toEqual(['interfaceupdated eth1']);
    expect(told(feed(core, link(1)))).toEqual(['interfaceupdated eth1', 'added 10.0.1.1']);
  });

  test('without "existing" an address of an interface that was down comes with it', () => {
    const core = newCore(notExisting);
    feed(core, start);
    expect(told(feed(core, link(2)))).toEqual(['interfaceupdated eth2', 'added 10.0.2.1']);
  });

  test('without "existing" an address that goes and comes back is heard', () => {
    const core = newCore(notExisting);
    feed(core, start);
    expect(told(feed(core, addressGone('10.0.1.1'), address('10.0.1.1')))).toEqual(['added 10.0.1.1']);
  });

  test('without "existing" a repeated message does not bring an address out', () => {
    const core = newCore(notExisting);
    feed(core, start);
    expect(hooks(feed(core, address('10.0.1.1')))).toEqual([]);
  });
});

describe('after a loss', () => {
  const start = snapshot([link(1), link(2)], [localAddress('10.0.1.1'), localAddress('10.0.2.1', 2)]);

  test('everything is read again', () => {
    const effects = feed(newCore(), { type: 'lost', source: 'network', count: 3 });
    expect(effects.map((each) => each.type)).toEqual(['log', 'reread']);
    expect(effects[0]).toMatchObject({ level: 'warn', fields: { source: 'network', count: 3 } });
    expect(effects[1]).toEqual({ type: 'reread', source: 'network' });
  });

  test('the same again is no news', () => {
    const core = newCore();
    feed(core, start);
    expect(hooks(feed(core, start))).toEqual([]);
  });

  test('only the differences are heard, what is gone first', () => {
    const core = newCore();
    feed(core, start);
    const now = snapshot([link(1), link(3)], [localAddress('10.0.1.2'), localAddress('10.0.3.1', 3)]);
    expect(told(feed(core, now))).toEqual([
      'removed 10.0.1.1',
      'removed 10.0.2.1',
      'interfaceremoved eth2',
      'interfaceadded eth3',
      'added 10.0.1.2',
      'added 10.0.3.1',
    ]);
    expect(visible(core)).toEqual(['10.0.1.2', '10.0.3.1']);
  });

  test('without "existing" what is new since the start is heard all the same', () => {
    const core = newCore({ notifyFlags: { ...everything, existing: false } });
    feed(core, start);
    const now = snapshot([link(1), link(2)], [localAddress('10.0.1.1'), localAddress('10.0.1.2')]);
    expect(told(feed(core, now))).toEqual(['added 10.0.1.2']);
  });
});

describe('order', () => {
  test('every plugin hears, the most favoured first, the name breaking a tie', () => {
    const plugins = [facts('late', 19), facts('b'), facts('a'), facts('first', -20)];
    const effects = calls(feed(newCore({ plugins, pathManager: 'late' }), link(1)));
    expect(effects.map(({ plugin }) => plugin)).toEqual(['first', 'a', 'b', 'late']);
    expect(new Set(effects.map(({ lane }) => lane))).toEqual(new Set([0]));
  });

  test('a plugin without the hook is passed over', () => {
    const plugins = [facts('a', 0, ['localAddressAdded']), facts('b', 0, ['interfaceAdded'])];
    const effects = calls(feed(newCore({ plugins }), link(1), address('10.0.1.1')));
    expect(effects.map(({ plugin, hook }) => [plugin, hook])).toEqual([
      ['b', 'interfaceAdded'],
      ['a', 'localAddressAdded'],
    ]);
  });

  test('a reader keeps the list of addresses that it took', () => {
    const core = newCore();
    feed(core, link(1), address('10.0.1.1'));
    const before = core.addresses;
    feed(core, address('10.0.1.2'));
    expect(before.map(({ ip }) => ip)).toEqual(['10.0.1.1']);
    expect(visible(core)).toEqual(['10.0.1.1', '10.0.1.2']);
  });
});

test('the log names the interface of an address that goes with it', () => {
  const core = newCore();
  feed(core, link(1), address('10.0.1.1'));
  const lines = feed(core, linkGone(1)).flatMap((effect) => (effect.type === 'log' ? [effect] : []));
  expect(lines[0]).toMatchObject({ message: 'local address removed', fields: { interface: 'eth1' } });
});

describe('the log says why plugins do not hear of an address', () => {
  const lines = (effects: ReturnType<typeof feed>): string[] =>
    effects.flatMap((e) =>
      e.type === 'log' && 'address' in e.fields ? [`${e.message}: ${e.fields['because'] ?? '-'}`] : [],
    );

  test('at the start, later, and once for each reason', () => {
    const core = newCore();
    const local = localAddress('fe80::1', 1, { scope: 'link' });
    expect(lines(feed(core, snapshot([link(1)], [local])))).toEqual(['local address hidden from plugins: link-local']);
    expect(lines(feed(core, address('fe80::1', 1, { scope: 'link' })))).toEqual([]);
    expect(lines(feed(core, address('fd00::1', 1, { tentative: true })))).toEqual([
      'local address hidden from plugins: tentative',
    ]);
  });

  test('where one is taken back', () => {
    const core = newCore();
    feed(core, link(1), address('10.0.1.1'));
    expect(lines(feed(core, link(1, { running: false })))).toEqual(['local address removed: interface not running']);
  });
});
