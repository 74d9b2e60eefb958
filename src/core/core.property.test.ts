import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { everything, facts, link, localAddress } from '../../test/fixtures/core/inputs.ts';
import type { ConnectionRecord } from './connection-table.ts';
import { Core } from './core.ts';
import type { Call, Effect, Input } from './core-types.ts';
import { type CommandName, commandNames } from './model/commands.ts';
import { asAddrId, asIfIndex, asToken, type Token } from './model/ids.ts';

/** Few of everything, so that runs meet themselves. */
const token = fc.integer({ min: 1, max: 3 }).map(asToken);
const ips = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '::ffff:10.0.0.3', '2001:db8::1'];
const ip = fc.constantFrom(...ips);
const port = fc.integer({ min: 1, max: 3 });
const addrId = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 15, max: 18 })).map(asAddrId);
const ends = {
  token,
  localIp: ip,
  localPort: port,
  locId: addrId,
  remoteIp: ip,
  remotePort: port,
  remId: addrId,
};

const connection = fc.record({
  type: fc.constantFrom('connectionCreated' as const, 'connectionEstablished' as const),
  ...ends,
  serverSide: fc.boolean(),
  denyJoinId0: fc.boolean(),
});
const subflow = fc.record({
  type: fc.constantFrom('subflowEstablished' as const, 'subflowClosed' as const, 'subflowPriority' as const),
  ...ends,
  backup: fc.boolean(),
  ifIndex: fc.constantFrom(undefined, asIfIndex(1)),
  error: fc.constantFrom(undefined, 'ECONNREFUSED'),
  resetReason: fc.constantFrom(undefined, 'resource' as const),
  resetTransient: fc.boolean(),
});
const remote = fc.oneof(
  fc.record({ type: fc.constant('connectionClosed' as const), token }),
  fc.record({ type: fc.constant('addressAnnounced' as const), token, remId: addrId, remoteIp: ip, remotePort: port }),
  fc.record({ type: fc.constant('addressRemoved' as const), token, remId: addrId }),
  fc.record({
    type: fc.constantFrom('listenerCreated' as const, 'listenerClosed' as const),
    localIp: ip,
    localPort: port,
  }),
);
const local = fc
  .record({ ip, index: fc.integer({ min: 1, max: 2 }), tentative: fc.boolean() })
  .map(({ ip: at, index, tentative }) => localAddress(at, index, { tentative }));
const links = fc
  .record({ index: fc.integer({ min: 1, max: 2 }), running: fc.boolean() })
  .map(({ index, running }) => link(index, { running }));
const network: fc.Arbitrary<Input> = fc.oneof(
  links,
  links.map(({ link: { index } }) => ({ type: 'linkGone' as const, ifIndex: index })),
  local.map((address) => ({ type: 'address' as const, address })),
  local.map((address) => ({ type: 'addressGone' as const, address })),
  fc
    .record({ links: fc.array(links, { maxLength: 2 }), addresses: fc.array(local, { maxLength: 3 }) })
    .map((all) => ({ type: 'network' as const, links: all.links.map((each) => each.link), addresses: all.addresses })),
  fc.record({
    type: fc.constant('lost' as const),
    source: fc.constantFrom('network' as const, 'connections' as const),
    count: fc.nat(),
  }),
);

/** Arguments good and bad: plugins may be written in JavaScript. */
const place = fc.option(fc.record({ ip: fc.option(ip, { nil: undefined }), port }, { requiredKeys: [] }), {
  nil: null,
});
const args = fc.option(
  fc.record({ token, address: place, local: place, remote: place, id: addrId }, { requiredKeys: ['token'] }),
  { nil: undefined, freq: 20 },
);
const commandId = fc.integer({ min: 1, max: 6 });
const commands = fc
  .record({
    id: commandId,
    name: fc.constantFrom<CommandName>('createSubflow', 'announce', 'remove', ...commandNames),
    args,
  })
  .map(({ id, ...command }) => ({ type: 'command', id, plugin: 'p', command }) as unknown as Input);
const replies: fc.Arbitrary<Input> = fc.record({
  type: fc.constant('reply' as const),
  id: commandId,
  outcome: fc.constantFrom(
    { ok: true as const, value: undefined },
    { ok: true as const, value: undefined },
    { ok: false as const, error: { code: 'REFUSED' as const, message: 'no' } },
  ),
});

const input: fc.Arbitrary<Input> = fc.oneof(
  { weight: 4, arbitrary: connection },
  { weight: 5, arbitrary: subflow },
  { weight: 3, arbitrary: remote },
  { weight: 3, arbitrary: network },
  { weight: 5, arbitrary: commands },
  { weight: 4, arbitrary: replies },
);

const isCall = (effect: Effect): effect is Call => effect.type === 'call';

/** What must hold of every connection whatever has happened. */
function check(core: Core): void {
  for (const each of core.connections) {
    expect(each.state).not.toBe('closed');
    const tuples = each.subflows
      .filter(({ state }) => state === 'established')
      .map((s) => `${s.local.ip} ${s.local.port} ${s.remote.ip} ${s.remote.port}`);
    expect(new Set(tuples).size).toBe(tuples.length);
    expect(each.subflows.filter(({ state }) => state === 'closed')).toEqual([]);
    for (const list of [each.announced, each.remoteAddresses]) {
      expect(new Set(list.map(({ id }) => id)).size).toBe(list.length);
    }
    const { ids } = each as ConnectionRecord;
    // The mapped form of an address is the same address.
    const taken = ips.filter((one) => !one.startsWith('::ffff:')).flatMap((one) => ids?.get(one) ?? []);
    expect(new Set(taken).size).toBe(taken.length);
  }
}

describe('the core, whatever comes', () => {
  test('never throws, keeps its house in order, and closes each connection once', () => {
    fc.assert(
      fc.property(fc.array(input, { maxLength: 80 }), (inputs) => {
        const core = new Core({ plugins: [facts('p'), facts('q')], notifyFlags: everything });
        let alive = 0;
        const open = new Map<Token, number>();
        const usable = new Set<string>();
        const run = (each: Input): void => {
          for (const effect of core.handle(each, 0).filter(isCall)) {
            if (effect.lane !== 0) expect(effect.plugin).toBe('p');
            if (effect.hook === 'connectionCreated') open.set(effect.lane as Token, ++alive);
            else if (effect.hook === 'connectionClosed') expect(open.delete(effect.lane as Token)).toBe(true);
            else if (effect.lane !== 0) expect(open.has(effect.lane)).toBe(true);
            if (effect.plugin === 'q' && effect.hook.startsWith('localAddress')) {
              const { ip: at, ifIndex } = effect.payload as ReturnType<typeof localAddress>;
              // An address comes only when it is not there, and goes only when it is.
              expect(usable.has(`${at} ${ifIndex}`)).toBe(effect.hook === 'localAddressRemoved');
              if (effect.hook === 'localAddressAdded') usable.add(`${at} ${ifIndex}`);
              else usable.delete(`${at} ${ifIndex}`);
            }
          }
        };
        for (const each of inputs) {
          run(each);
          check(core);
          expect(core.connectionCount).toBe(open.size);
          expect(new Set(core.addresses.map((a) => `${a.ip} ${a.ifIndex}`))).toEqual(usable);
        }
        for (const each of [...core.connections]) run({ type: 'connectionClosed', token: each.token });
        expect([open.size, core.connectionCount]).toEqual([0, 0]);
      }),
      { seed: 0x6d707463, numRuns: 400 },
    );
  });

  test('after a loss and a reading of everything it knows what a fresh start would', () => {
    const all = fc.record({ links: fc.array(links, { maxLength: 2 }), addresses: fc.array(local, { maxLength: 4 }) });
    fc.assert(
      fc.property(fc.array(network, { maxLength: 30 }), all, (before, now) => {
        const distinct = new Map(now.links.map((each) => [each.link.index, each.link]));
        const snapshot: Input = { type: 'network', links: [...distinct.values()], addresses: now.addresses };
        const known = (inputs: readonly Input[]): unknown => {
          const core = new Core({ plugins: [], notifyFlags: everything });
          for (const each of inputs) core.handle(each, 0);
          const key = (each: object): string => JSON.stringify(each);
          return [core.interfaces.map(key).sort(), core.addresses.map(key).sort()];
        };
        expect(known([...before, snapshot])).toEqual(known([snapshot]));
      }),
      { seed: 0x6d707463, numRuns: 400 },
    );
  });
});
