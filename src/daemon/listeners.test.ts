import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Command, Outcome } from '../core/model/commands.ts';
import { asAddrId, asToken } from '../core/model/ids.ts';
import { Listeners } from './listeners.ts';

const done: Outcome<unknown> = { ok: true, value: undefined };
const no: Outcome<unknown> = { ok: false, error: { code: 'REFUSED', message: 'no' } };

function world(taken: readonly string[] = []) {
  const open = new Set<string>();
  const asked: Command[] = [];
  let answer = done;
  let ephemeral = 50_000;
  const listeners = new Listeners((ip, wanted) => {
    const port = wanted || ephemeral++;
    const key = `${ip}:${port}`;
    if (taken.includes(key)) return undefined;
    if (open.has(key)) throw new Error(`${key} is open twice`);
    open.add(key);
    return { port, close: () => void open.delete(key) };
  });
  const perform = listeners.around((command) => {
    asked.push(command);
    return answer;
  });
  const announce = (
    token: number,
    id: number,
    ip: string,
    port?: number,
    listen: boolean | string = true,
  ): Outcome<unknown> =>
    perform({
      name: 'announce',
      args: {
        token: asToken(token),
        address: { ip, id: asAddrId(id), ...(port === undefined ? {} : { port }) },
        listen,
      },
    });
  const remove = (token: number, id: number): Outcome<unknown> =>
    perform({ name: 'remove', args: { token: asToken(token), id: asAddrId(id) } });
  const refuse = (yes: boolean): void => {
    answer = yes ? no : done;
  };
  return { listeners, open, asked, perform, announce, remove, refuse };
}

describe('an announcement with a listener', () => {
  test('listens before the kernel is asked, on the port that goes out', () => {
    const w = world();
    expect(w.announce(1, 16, '10.0.1.1', 8000)).toEqual({ ok: true, value: { port: 8000 } });
    expect([...w.open]).toEqual(['10.0.1.1:8000']);
    expect(w.asked).toMatchObject([{ args: { address: { port: 8000 } } }]);
  });

  test('on any port tells which one it is', () => {
    const w = world();
    expect(w.announce(1, 16, '10.0.1.1', 0)).toEqual({ ok: true, value: { port: 50_000 } });
    expect(w.asked).toMatchObject([{ args: { address: { port: 50_000 } } }]);
  });

  test('uses the application’s listener where there is one', () => {
    const w = world(['10.0.1.1:8000']);
    expect(w.announce(1, 16, '10.0.1.1', 8000)).toEqual({ ok: true, value: { port: 8000 } });
    expect(w.listeners.size).toBe(0);
    expect(w.remove(1, 16)).toEqual(done);
  });

  test('behind a translator listens where that leads, on the same port', () => {
    const w = world();
    expect(w.announce(1, 16, '198.51.100.7', 8000, '10.0.1.1')).toEqual({ ok: true, value: { port: 8000 } });
    w.announce(1, 17, '198.51.100.8', 8000, '10.0.1.1');
    expect([...w.open]).toEqual(['10.0.1.1:8000']);
    expect(w.asked).toMatchObject([{ args: { address: { ip: '198.51.100.7', port: 8000 } } }, {}]);
    w.remove(1, 16);
    expect(w.open.size).toBe(1);
    w.remove(1, 17);
    expect(w.open.size).toBe(0);
  });

  test('without a port listens on the one that is said, and announces none', () => {
    const w = world();
    const args = { token: asToken(1), address: { ip: '10.0.1.1', id: asAddrId(16) }, listen: true, listenPort: 443 };
    expect(w.perform({ name: 'announce', args })).toEqual({ ok: true, value: { port: 0 } });
    expect([...w.open]).toEqual(['10.0.1.1:443']);
    expect(w.asked).toEqual([{ name: 'announce', args }]);
  });

  test('on any port of another address announces the one that it got', () => {
    const w = world();
    expect(w.announce(1, 16, '2001:db8:9::1', 0, '2001:db8::1')).toEqual({ ok: true, value: { port: 50_000 } });
    expect([...w.open]).toEqual(['2001:db8::1:50000']);
    expect(w.asked).toMatchObject([{ args: { address: { ip: '2001:db8:9::1', port: 50_000 } } }]);
  });

  test('that the kernel refuses leaves nothing open', () => {
    const w = world();
    w.refuse(true);
    expect(w.announce(1, 16, '10.0.1.1', 8000).ok).toBe(false);
    expect(w.open.size).toBe(0);
  });

  test('is shared by the connections that announce the same', () => {
    const w = world();
    for (const token of [1, 2, 3]) w.announce(token, 16, '10.0.1.1', 8000);
    expect(w.open.size).toBe(1);
    w.remove(1, 16);
    w.listeners.release(asToken(2));
    expect(w.open.size).toBe(1);
    w.remove(3, 16);
    expect(w.open.size).toBe(0);
  });

  test('made again is sent again and counts once', () => {
    const w = world();
    for (let i = 0; i < 3; i++) w.announce(1, 16, '10.0.1.1', 8000);
    expect(w.asked).toHaveLength(3);
    w.remove(1, 16);
    expect(w.open.size).toBe(0);
  });

  test('stays where the kernel refuses to remove it', () => {
    const w = world();
    w.announce(1, 16, '10.0.1.1', 8000);
    w.refuse(true);
    w.remove(1, 16);
    expect(w.open.size).toBe(1);
  });
});

test('whatever is announced, removed and closed: what is open is what is announced, and at the end nothing is', () => {
  const step = fc.record({
    act: fc.constantFrom('announce', 'remove', 'release', 'refused'),
    token: fc.integer({ min: 1, max: 4 }),
    id: fc.integer({ min: 16, max: 19 }),
  });
  const run = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const w = world(['10.0.18.1:8000']);
    const announced = new Map<string, string>();
    for (const { act, token, id } of steps) {
      const [key, place] = [`${token} ${id}`, `10.0.${id}.1:8000`];
      w.refuse(act === 'refused');
      if (act === 'announce') {
        w.announce(token, id, `10.0.${id}.1`, 8000);
        announced.set(key, place);
      } else if (act === 'refused') {
        w.announce(token, id, `10.0.${id}.1`, 8000);
      } else if (act === 'remove') {
        w.remove(token, id);
        announced.delete(key);
      } else {
        w.listeners.release(asToken(token));
        for (const each of [...announced.keys()]) if (each.startsWith(`${token} `)) announced.delete(each);
      }
      const wanted = new Set([...announced.values()].filter((each) => each !== '10.0.18.1:8000'));
      expect([...w.open].sort()).toEqual([...wanted].sort());
    }
    w.listeners.close();
    expect(w.open.size).toBe(0);
  });
  fc.assert(run, { seed: 1, numRuns: 300 });
});
