import { afterEach, describe, expect, test, vi } from 'vitest';
import { address, created, established, everything, link, T } from '../../test/fixtures/core/inputs.ts';
import type { Command, CommandName, Outcome } from '../core/model/commands.ts';
import { asToken } from '../core/model/ids.ts';
import { createLog } from '../log/index.ts';
import type { PluginHooks } from '../plugin-api/plugin.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { MOST_A_TURN, MOST_WAITING } from './command-queue.ts';
import { Host, type Plans } from './host.ts';

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
const never = new Promise<void>(() => undefined);

/** A host with the plugin that is told of beside one that behaves and notes what it hears. */
function host(hooks: PluginHooks, plans: Plans = {}) {
  const lines: { level: number; msg: string; plugin?: string; [field: string]: unknown }[] = [];
  const sent: Command[] = [];
  const heard: string[] = [];
  const clock = new FakeClock();
  const it = new Host(
    {
      perform(command) {
        sent.push(command);
        return { ok: true, value: undefined };
      },
      clock,
      log: createLog({ write: (json) => void lines.push(JSON.parse(json)) }, 'info'),
      reread: () => undefined,
      unlisten: () => undefined,
      watchProgress: () => undefined,
      droppedAnnouncements: () => undefined,
      hasRoute: () => true,
      notifyFlags: everything,
      pathManager: undefined,
    },
    [
      { name: 'unruly', priority: 0 },
      { name: 'good', priority: 1 },
    ],
  );
  it.install('unruly', hooks, plans);
  it.install('good', { interfaceAdded: ({ name }) => void heard.push(name) });
  const ask = (command: Command): Promise<Outcome<unknown>> => it.command('unruly', command);
  const said = (words: string) => lines.filter(({ msg, plugin }) => plugin === 'unruly' && msg.includes(words));
  return { host: it, ask, said, sent, heard, clock, lines };
}

const getLimits: Command = { name: 'getLimits', args: undefined };

afterEach(() => void vi.restoreAllMocks());

describe('a plugin that throws something odd', () => {
  test.each([
    ['nothing at all', undefined],
    ['a symbol', Symbol('boom')],
    ['an object without a prototype', Object.create(null)],
    [
      'an error whose message throws',
      Object.defineProperty(new Error('x'), 'message', {
        get: () => {
          throw new Error('again');
        },
      }),
    ],
    ['an error whose stack is a number', Object.assign(new Error('x'), { stack: 7 })],
  ])('%s: it is logged, and the others hear of what happened', async (_, thrown) => {
    const {
      host: h,
      said,
      heard,
    } = host({
      interfaceAdded() {
        throw thrown;
      },
      interfaceUpdated: () => Promise.reject(thrown),
    });
    h.feed(link(1));
    h.feed(link(1, { mtu: 9000 }));
    await turn();
    expect(heard).toEqual(['eth1']);
    expect(said('plugin failed')).toHaveLength(2);
  });
});

test('a hook that takes a second is named with its time, also where it throws in the end', () => {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const { host: h, said } = host({
    interfaceAdded() {
      now += 1000;
      throw new Error('boom');
    },
  });
  h.feed(link(1));
  expect(said('slow plugin held up the daemon')).toMatchObject([{ hook: 'interfaceAdded', ms: 1000 }]);
  expect(said('plugin failed')).toMatchObject([{ error: 'boom' }]);
});

describe('hooks that never settle', () => {
  test('are named, and after a minute what came after them goes on', async () => {
    const heard: string[] = [];
    const {
      host: h,
      said,
      clock,
    } = host({
      connectionCreated: () => never,
      connectionEstablished: () => void heard.push('established'),
    });
    h.feed(created());
    h.feed(established());
    await clock.advance(50_000, turn);
    expect(said('hooks do not settle').length).toBeGreaterThan(0);
    expect(heard).toEqual([]);
    await clock.advance(15_000, turn);
    await turn();
    expect(said('waited for no longer')).toMatchObject([{ lanes: 1, seconds: 60 }]);
    expect([heard, h.busy]).toEqual([['established'], 0]);
  });

  test('do not make the daemon keep all that happens: beyond 10,000 calls that wait some are left out', async () => {
    const { host: h, said, heard } = host({ interfaceAdded: () => never, interfaceUpdated: () => undefined });
    h.feed(link(1));
    for (let i = 0; i < 10_500; i++) h.feed(link(1, { mtu: 1000 + (i % 100) }));
    expect(said('some are left out')).toHaveLength(1);
    expect(heard).toEqual(['eth1']);
  });
});

describe('commands without end', () => {
  test('whoever awaits each of them, for ever, leaves time for all else', async () => {
    const { ask, host: h, said, heard, sent } = host({});
    let on = true;
    const flood = (async () => {
      while (on) await ask(getLimits);
    })();
    for (let i = 1; i <= 5; i++) {
      await turn();
      h.feed(link(i));
    }
    on = false;
    await flood;
    expect(heard).toHaveLength(5);
    expect(sent.length).toBeLessThanOrEqual(7 * MOST_A_TURN);
    expect(said('more commands in a turn')).toHaveLength(1);
  });

  test('whoever awaits none of them has some refused, with a code; those that wait are carried out in order', async () => {
    const { ask, sent, said } = host({});
    const all = Array.from({ length: MOST_A_TURN + MOST_WAITING + 500 }, (_, i) =>
      ask({ name: 'setLimits', args: { subflows: i } }),
    );
    expect(sent).toHaveLength(MOST_A_TURN);
    const outcomes = await Promise.all(all);
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(MOST_A_TURN + MOST_WAITING);
    expect(outcomes.at(-1)).toMatchObject({ ok: false, error: { code: 'TOO_MANY' } });
    expect(sent.map(({ args }) => (args as { subflows: number }).subflows)).toEqual(sent.map((_, i) => i));
    expect(said('command refused')).toHaveLength(1);
  });

  test('that wait when the plugin is closed are refused', async () => {
    const { ask, host: h, sent } = host({});
    const all = Array.from({ length: MOST_A_TURN + 5 }, () => ask(getLimits));
    h.uninstall('unruly');
    const outcomes = await Promise.all(all);
    expect(outcomes.slice(-5)).toEqual(
      Array(5).fill({ ok: false, error: { code: 'PLUGIN_CLOSED', message: 'the plugin is closed' } }),
    );
    expect(sent).toHaveLength(MOST_A_TURN);
  });

  test('after the end are refused, and settle', async () => {
    const { ask, host: h } = host({});
    h.end();
    await expect(ask(getLimits)).resolves.toMatchObject({ ok: false, error: { code: 'PLUGIN_CLOSED' } });
  });
});

describe('what is no argument of a command', () => {
  const throwing = (): object =>
    Object.defineProperty({}, 'token', {
      enumerable: true,
      get: () => {
        throw new Error('boom');
      },
    });
  const place = { ip: '10.0.9.9', port: 443 };
  const subflow = { token: T, local: { ip: '10.0.2.1' }, remote: place };
  const wrong: readonly (readonly [name: CommandName, words: string, args: () => unknown])[] = [
    ['createSubflow', 'the argument must be an object', () => 7],
    ['createSubflow', 'boom', () => throwing()],
    ['createSubflow', 'token must be', () => ({ ...subflow, token: Number.NaN })],
    ['createSubflow', 'token must be', () => ({ ...subflow, token: -1 })],
    ['createSubflow', 'local must be an object', () => ({ ...subflow, local: 'all' })],
    [
      'createSubflow',
      'local.ip must be an IP address in text',
      () => ({ ...subflow, local: { ip: 'x'.repeat(1_000_000) } }),
    ],
    ['createSubflow', 'local.id must be an address id', () => ({ ...subflow, local: { ip: '10.0.2.1', id: 256 } })],
    ['createSubflow', 'remote.port must be a port', () => ({ ...subflow, remote: { ...place, port: 1.5 } })],
    ['createSubflow', 'ifIndex must be the index', () => ({ ...subflow, ifIndex: '3' })],
    ['createSubflow', 'backup must be true or false', () => ({ ...subflow, backup: 'no' })],
    ['announce', 'address.port must be a port', () => ({ token: T, address: { ip: '10.0.2.1', port: -1 } })],
    ['announce', 'listen must be true, false or', () => ({ token: T, address: { ip: '10.0.2.1' }, listen: 5 })],
    ['remove', 'id must be an address id', () => ({ token: T, id: 3n })],
    ['destroySubflow', 'remote.port must be a port', () => ({ token: T, local: place, remote: { ip: '10.0.9.9' } })],
    ['setBackup', 'backup must be true or false', () => ({ token: T, local: place, remote: place })],
    ['listAddresses', 'token must be', () => ({})],
    ['addEndpoint', 'flags must be a list of flags', () => ({ ip: '10.0.2.1', flags: 'signal' })],
    ['addEndpoint', 'flags must be a list of flags', () => ({ ip: '10.0.2.1', flags: ['signal', 'loud'] })],
    ['addEndpoint', 'flags must be a list of flags', () => ({ ip: '10.0.2.1', flags: new Array(1e9) })],
    ['removeEndpoint', 'id must be an address id', () => ({ id: 'one' })],
    ['removeEndpoint', 'ip must be an IP address in text', () => ({ id: 1, ip: 7 })],
    ['getEndpoint', 'the argument must be an object', () => null],
    ['setEndpointFlags', 'flags must be a list of flags', () => ({ id: 1 })],
    ['setLimits', 'subflows must be a whole number', () => ({ subflows: Number.POSITIVE_INFINITY })],
  ];
  test.each(wrong)('%s is refused, and the kernel not asked: %s', async (name, words, args) => {
    const { ask, sent, host: h } = host({});
    h.feed(created());
    h.feed(established());
    const outcome = await ask({ name, args: args() } as unknown as Command);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'BAD_ARGUMENT' } });
    expect(outcome.ok ? '' : outcome.error.message).toContain(`${name}: `);
    expect(outcome.ok ? '' : outcome.error.message).toContain(words);
    expect(sent).toEqual([]);
  });

  test('a token of no connection is refused', async () => {
    const { ask } = host({});
    await expect(ask({ name: 'listAddresses', args: { token: asToken(9) } })).resolves.toMatchObject({
      error: { code: 'UNKNOWN_TOKEN' },
    });
  });

  test('an argument that changes afterwards changes nothing: it was copied', async () => {
    const { ask, host: h } = host({});
    h.feed(created());
    h.feed(established());
    const args = { token: T, local: { ip: '10.0.2.1' }, remote: { ...place } };
    await ask({ name: 'createSubflow', args });
    args.remote.ip = 'nowhere';
    expect(h.core.connection(T)?.subflows.at(-1)?.remote.ip).toBe('10.0.9.9');
  });
});

describe('a plan', () => {
  const pair = (n: number) => ({ local: { ip: '10.0.1.1' }, remote: { ip: '10.0.9.9', port: (n % 60_000) + 1 } });
  const followed = async (plan: () => unknown) => {
    const it = host({}, { plan });
    it.host.feed(link(1));
    it.host.feed(address('10.0.1.1'));
    it.host.feed(created());
    const start = performance.now();
    it.host.feed(established());
    const took = performance.now() - start;
    await turn();
    return { ...it, took };
  };

  test('of 100,000 subflows does not hold up the daemon: the first ones count, and that is said', async () => {
    const wanted = Array.from({ length: 100_000 }, (_, n) => pair(n));
    const { took, lines, sent } = await followed(() => ({ subflows: wanted }));
    expect(took).toBeLessThan(250);
    expect(lines).toContainEqual(
      expect.objectContaining({ plugin: 'unruly', msg: 'of a plan that is too long the first ones count' }),
    );
    expect(sent.length).toBeGreaterThan(0);
  });

  test.each([
    ['a list with a hole of a thousand million', () => ({ subflows: new Array(1e9) }), 'subflows[0].local.ip'],
    [
      'a getter that throws',
      () => ({
        get subflows() {
          throw new Error('boom');
        },
      }),
      'it cannot be read: boom',
    ],
    ['a backup that is a word', () => ({ subflows: [{ ...pair(1), backup: 'yes' }] }), 'subflows[0].backup must be'],
    [
      'an announcement to listen at a number',
      () => ({ announce: [{ ip: '10.0.1.1', listen: 5 }] }),
      'announce[0].listen',
    ],
    ['a promise', () => Promise.resolve({}), undefined],
    ['a number', () => 5, 'it must be an object'],
  ])('that is %s is named, and the daemon goes on', async (_, plan, words) => {
    const { lines, heard, host: h } = await followed(plan);
    h.feed(link(2));
    expect(heard).toEqual(['eth1', 'eth2']);
    const said = lines.filter(({ msg }) => msg.startsWith('the plan of a plugin is wrong'));
    expect(said).toEqual(words ? [expect.objectContaining({ error: expect.stringContaining(words) })] : []);
  });

  test('that is wrong in another way each time is told of a hundred times at the most', async () => {
    let n = 0;
    const { host: h, lines } = await followed(() => {
      throw Object.assign(new Error(`${n++}`), {});
    });
    const wrong = host(
      {},
      {
        plan: () => ({
          get subflows() {
            throw new Error(`${n++}`);
          },
        }),
      },
    );
    for (let i = 1; i < 300; i++) {
      wrong.host.feed(created({ token: asToken(i) }));
      wrong.host.feed(established({ token: asToken(i) }));
    }
    expect(wrong.lines.filter(({ msg }) => msg.startsWith('the plan of a plugin is wrong'))).toHaveLength(100);
    expect([h.core.connectionCount, lines.length > 0]).toEqual([1, true]);
  });
});
