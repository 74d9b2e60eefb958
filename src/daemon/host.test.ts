import { afterEach, describe, expect, test, vi } from 'vitest';
import { announced, closed, created, established, everything, link, T } from '../../test/fixtures/core/inputs.ts';
import type { Command, Outcome } from '../core/model/commands.ts';
import { asAddrId, asToken } from '../core/model/ids.ts';
import { createLog } from '../log/index.ts';
import type { PluginHooks } from '../plugin-api/plugin.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { Host } from './host.ts';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}
const WARN = 40;
const ERROR = 50;
const OTHER = asToken(2);

/** A host with plugins in the order given, the first of them owning connections. */
function host(plugins: Readonly<Record<string, PluginHooks>>, level = 'info') {
  const lines: Line[] = [];
  const sent: Command[] = [];
  const reread: string[] = [];
  const clock = new FakeClock();
  const answer = { outcome: { ok: true, value: undefined } as Outcome<unknown> };
  const it = new Host(
    {
      perform(command) {
        sent.push(command);
        return answer.outcome;
      },
      clock,
      log: createLog({ write: (json) => void lines.push(JSON.parse(json) as Line) }, level),
      reread: (source) => void reread.push(source),
      unlisten: () => undefined,
      watchProgress: () => undefined,
      droppedAnnouncements: () => undefined,
      hasRoute: () => true,
      notifyFlags: everything,
      pathManager: undefined,
    },
    Object.keys(plugins).map((name, priority) => ({ name, priority })),
  );
  for (const [name, hooks] of Object.entries(plugins)) it.install(name, hooks);
  const complaints = (): Line[] => lines.filter((line) => line.level >= WARN);
  return { host: it, lines, complaints, sent, reread, clock, answer };
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

function gate() {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}

afterEach(() => void vi.restoreAllMocks());

describe('a hook that fails', () => {
  const failing: [how: string, hook: () => void | Promise<void>, error: string][] = [
    [
      'throws',
      () => {
        throw new Error('boom');
      },
      'boom',
    ],
    ['rejects', () => Promise.reject(new Error('boom')), 'boom'],
    ['rejects with a word', () => Promise.reject('boom'), 'boom'],
    // Any library's promise will do for await, so it has to do here.
    [
      'answers with a thenable that fails',
      // biome-ignore lint/suspicious/noThenProperty: the point of the case
      () => ({ then: (_: unknown, fail: (e: Error) => void) => fail(new Error('boom')) }) as unknown as Promise<void>,
      'boom',
    ],
  ];

  test.each(failing)('because it %s is logged with plugin and hook, and the others run', async (_, hook, error) => {
    const heard: string[] = [];
    const { host: h, complaints } = host({
      bad: { interfaceAdded: hook },
      good: { interfaceAdded: ({ name }) => void heard.push(name) },
    });
    h.feed(link(1));
    await turn();
    expect(heard).toEqual(['eth1']);
    expect(complaints()).toMatchObject([
      { level: ERROR, plugin: 'bad', hook: 'interfaceAdded', error, msg: 'plugin failed' },
    ]);
  });

  test.each(failing)('because it %s does not stop its own next hook', async (_, hook) => {
    const heard: string[] = [];
    const { host: h } = host({
      p: { connectionCreated: hook, connectionEstablished: () => void heard.push('established') },
    });
    h.feed(created());
    h.feed(established());
    await turn();
    expect(heard).toEqual(['established']);
    expect(h.busy).toBe(0);
  });
});

describe('hooks', () => {
  test('have their object as this', () => {
    const seen: unknown[] = [];
    const hooks: PluginHooks = {
      interfaceAdded() {
        seen.push(this);
      },
    };
    host({ p: hooks }).host.feed(link(1));
    expect(seen).toEqual([hooks]);
  });

  test('of one connection never overlap, while another connection’s go on', async () => {
    const { open, passed } = gate();
    const trace: string[] = [];
    const { host: h } = host({
      p: {
        async connectionEstablished({ token }) {
          trace.push(`established ${token === T ? 'one' : 'other'}`);
          if (token === T) await passed;
          trace.push(`end ${token === T ? 'one' : 'other'}`);
        },
        addressAnnounced: () => void trace.push('announced'),
        connectionClosed: () => void trace.push('closed'),
      },
    });
    for (const event of [created(), established(), announced(1), closed()]) h.feed(event);
    h.feed(created({ token: OTHER }));
    h.feed(established({ token: OTHER }));
    await turn();
    expect(trace).toEqual(['established one', 'established other', 'end other']);
    open();
    await turn();
    expect(trace.slice(3)).toEqual(['end one', 'announced', 'closed']);
  });

  test('of the network keep their order too, plugin by plugin', async () => {
    const { open, passed } = gate();
    const trace: string[] = [];
    const { host: h } = host({
      slow: {
        async interfaceAdded({ name }) {
          await passed;
          trace.push(`slow ${name}`);
        },
      },
      quick: { interfaceAdded: ({ name }) => void trace.push(`quick ${name}`) },
    });
    h.feed(link(1));
    h.feed(link(2));
    await turn();
    expect(trace).toEqual(['quick eth1', 'quick eth2']);
    open();
    await turn();
    expect(trace.slice(2)).toEqual(['slow eth1', 'slow eth2']);
  });

  test('that wait are counted', async () => {
    const { open, passed } = gate();
    const { host: h } = host({ p: { connectionCreated: () => passed } });
    h.feed(created());
    h.feed(created({ token: OTHER }));
    expect(h.busy).toBe(2);
    open();
    await turn();
    expect(h.busy).toBe(0);
  });

  test('that a plugin has not are not called before it is set up', () => {
    const { host: h, complaints } = host({ p: {} });
    h.feed(created());
    expect([h.core.connectionCount, complaints()]).toEqual([1, []]);
  });

  test('one that holds up the daemon is named', () => {
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const { host: h, complaints } = host({
      p: {
        interfaceAdded() {
          now += 200;
        },
        connectionCreated() {
          now += 20;
        },
      },
    });
    h.feed(created());
    expect(complaints()).toEqual([]);
    h.feed(link(1));
    expect(complaints()).toMatchObject([{ level: WARN, plugin: 'p', hook: 'interfaceAdded', ms: 200 }]);
  });
});

describe('commands', () => {
  const remove = { name: 'remove', args: { token: T, id: asAddrId(3) } } as const;
  const refusal = { code: 'REFUSED', errno: 'EINVAL', message: 'remove: no (EINVAL)' } as const;

  test('settle with the kernel’s answer', async () => {
    const { host: h, sent, answer } = host({ p: {} });
    answer.outcome = { ok: true, value: { subflows: 2, addAddrAccepted: 1 } };
    await expect(h.command('p', { name: 'getLimits', args: undefined })).resolves.toEqual(answer.outcome);
    expect(sent).toEqual([{ name: 'getLimits', args: undefined }]);
  });

  test('settle with a refusal: they never reject', async () => {
    const { host: h, answer } = host({ p: {} });
    h.feed(created());
    answer.outcome = { ok: false, error: refusal };
    await expect(h.command('p', remove)).resolves.toEqual({ ok: false, error: refusal });
    await expect(h.command('p', { ...remove, args: undefined } as never)).resolves.toMatchObject({ ok: false });
  });

  test('have done their work in what is known when they return, before anybody awaits them', () => {
    const { host: h } = host({ p: {} });
    h.feed(created());
    h.feed(established());
    void h.command('p', {
      name: 'createSubflow',
      args: { token: T, local: { ip: '10.0.2.1' }, remote: { ip: '10.0.9.9', port: 443 } },
    });
    expect(h.core.connection(T)?.subflows).toHaveLength(2);
  });

  test('may be given inside of a hook', async () => {
    const answers: unknown[] = [];
    const { host: h } = host({
      p: {
        async connectionCreated({ token }) {
          answers.push(await h.command('p', { name: 'remove', args: { token, id: asAddrId(1) } }));
        },
      },
    });
    h.feed(created());
    await turn();
    expect(answers).toEqual([{ ok: true, value: undefined }]);
  });

  test('that are refused are logged once a minute a kind, with how many there were in between', async () => {
    const { host: h, complaints, answer, clock } = host({ p: {}, q: {} });
    h.feed(created());
    answer.outcome = { ok: false, error: refusal };
    for (let i = 0; i < 5; i++) await h.command('p', remove);
    expect(complaints()).toEqual([
      expect.objectContaining({
        level: WARN,
        plugin: 'p',
        command: 'remove',
        token: '0x1e7fcfbf',
        error: 'remove: no (EINVAL)',
        msg: 'command refused',
      }),
    ]);
    expect(complaints()[0]).not.toHaveProperty('times before');
    await clock.advance(59_999);
    await h.command('p', remove);
    expect(complaints()).toHaveLength(1);
    await clock.advance(1);
    await h.command('p', remove);
    expect(complaints()[1]).toMatchObject({ 'times before': 5 });
    await h.command('q', remove);
    expect(complaints()[2]).toMatchObject({ plugin: 'q' });
    answer.outcome = { ok: false, error: { ...refusal, message: 'remove: other (ENOENT)' } };
    await h.command('p', remove);
    expect(complaints()[3]).toMatchObject({ error: 'remove: other (ENOENT)' });
  });

  test('that a plan has led to are in the log where they fail, not where the kernel refuses them', () => {
    const h = host({ p: {} });
    h.host.install('p', {}, { plan: () => ({ announce: [{ ip: '10.0.3.1', listen: true }] }) });
    const failed = { code: 'FAILED', message: 'announce: cannot listen: EADDRNOTAVAIL' } as const;
    for (const error of [{ code: 'REFUSED', errno: 'EPERM', message: 'no' } as const, failed]) {
      h.answer.outcome = { ok: false, error };
      h.host.feed(created());
      h.host.feed(established());
      h.host.feed({ type: 'connectionClosed', token: established().token });
    }
    expect(h.complaints()).toMatchObject([{ plugin: 'p', command: 'announce', error: failed.message }]);
  });

  test('on a connection that closed meanwhile are no news', async () => {
    const { host: h, complaints } = host({ p: {} });
    await expect(h.command('p', remove)).resolves.toMatchObject({ error: { code: 'UNKNOWN_TOKEN' } });
    expect(complaints()).toEqual([]);
  });

  test('on a connection that closed meanwhile are in the log for whoever looks', async () => {
    const { host: h, lines } = host({ p: {} }, 'debug');
    await h.command('p', remove);
    expect(lines).toMatchObject([{ level: 20, msg: 'command refused', command: 'remove' }]);
  });
});

test('after a loss everything is read again', () => {
  const { host: h, reread, complaints } = host({ p: {} });
  h.feed({ type: 'lost', source: 'network', count: 2 });
  expect(reread).toEqual(['network']);
  expect(complaints()).toMatchObject([{ source: 'network', count: 2 }]);
});
