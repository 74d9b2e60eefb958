import fc from 'fast-check';
import { expect, test } from 'vitest';
import { command, everything, facts, LOCAL, REMOTE, reply, subflow } from '../../test/fixtures/core/inputs.ts';
import { Core } from './core.ts';
import type { Effect, Input } from './core-types.ts';
import type { Connection, Subflow } from './model/connection.ts';
import { asAddrId, asToken, type Token } from './model/ids.ts';
import type { FoundConnection, FoundSubflow } from './recovery.ts';

const locals = ['10.0.2.1', '10.0.3.1', '2001:db8::1'];
const idOf = (ip: string) => asAddrId(ip === LOCAL ? 0 : 16 + locals.indexOf(ip));
const at = fc.integer({ min: 1, max: 3 });
/** Everything that may happen, by the number of a connection and of a place in its lists. */
const happening = fc.record({
  what: fc.constantFrom(
    'connect',
    'establish',
    'try',
    'try',
    'come up',
    'come up',
    'fail',
    'join',
    'cut',
    'prio',
    'end',
  ),
  connection: at,
  index: fc.nat(8),
  heard: fc.boolean(),
});

interface Made extends FoundConnection {
  established: boolean;
  subflows: FoundSubflow[];
}

/** Connections as a kernel has them, and what its events say. */
class Kernel {
  readonly connections = new Map<Token, Made>();
  #port = 40_000;
  #token = 0;

  /** @returns the events, and whether the daemon asked for it */
  happen({ what, connection, index }: { what: string; connection: number; index: number }): readonly Input[] {
    const made = [...this.connections.values()][connection - 1];
    if (what === 'connect') return this.#connect(index % 2 === 1);
    if (!made) return [];
    const { token } = made;
    const pick = (state: Subflow['state']): FoundSubflow | undefined => {
      const all = made.subflows.filter((each) => each.state === state);
      return all[index % Math.max(all.length, 1)];
    };
    switch (what) {
      case 'establish':
        if (made.established) return [];
        made.established = true;
        return [this.#connection('connectionEstablished', made)];
      case 'come up': {
        const tried = pick('trying');
        if (!tried) return [];
        const up: FoundSubflow = { ...tried, state: 'established' };
        made.subflows[made.subflows.indexOf(tried)] = up;
        return [this.#subflow('subflowEstablished', token, up)];
      }
      case 'fail':
      case 'cut': {
        const gone = pick(what === 'fail' ? 'trying' : 'established');
        if (!gone) return [];
        made.subflows.splice(made.subflows.indexOf(gone), 1);
        return [this.#subflow('subflowClosed', token, gone)];
      }
      case 'join':
        if (!made.established) return [];
        made.subflows.push(this.#flow(LOCAL, ++this.#port, { own: false }));
        return [this.#subflow('subflowEstablished', token, made.subflows.at(-1) as FoundSubflow)];
      case 'prio': {
        const one = pick('established');
        if (!one) return [];
        const turned = { ...one, backup: !one.backup };
        made.subflows[made.subflows.indexOf(one)] = turned;
        return [this.#subflow('subflowPriority', token, turned)];
      }
      case 'end':
        this.connections.delete(token);
        return [{ type: 'connectionClosed', token }];
      default:
        return [];
    }
  }

  /** The daemon has a subflow tried. */
  try(token: Token, ip: string): void {
    this.connections.get(token)?.subflows.push(this.#flow(ip, 443, { state: 'trying' }));
  }

  #connect(serverSide: boolean): readonly Input[] {
    const local = { ip: LOCAL, port: ++this.#port };
    const remote = { ip: REMOTE, port: 443 };
    const initial = { ...this.#flow(LOCAL, 443, { own: false }), local: { ...local, id: asAddrId(0) }, initial: true };
    const token = asToken(++this.#token);
    const made: Made = { token, serverSide, established: false, local, remote, subflows: [initial] };
    this.connections.set(token, made);
    return [this.#connection('connectionCreated', made)];
  }

  #flow(ip: string, remotePort: number, more: Partial<FoundSubflow>): FoundSubflow {
    const local = { ip, port: ++this.#port, id: idOf(ip) };
    const remote = { ip: REMOTE, port: remotePort, id: asAddrId(0) };
    const flags = { initial: false, own: true, backup: false, askedBackup: false, ifIndex: undefined };
    return { local, remote, state: 'established', ...flags, ...more };
  }

  #connection(type: 'connectionCreated' | 'connectionEstablished', { token, serverSide, local, remote }: Made): Input {
    const ends = { localIp: local.ip, localPort: local.port, remoteIp: remote.ip, remotePort: remote.port };
    return { type, token, serverSide, denyJoinId0: false, ...ends, locId: asAddrId(0), remId: asAddrId(0) };
  }

  #subflow(type: Parameters<typeof subflow>[0], token: Token, { local, remote, backup }: FoundSubflow): Input {
    const ends = { localIp: local.ip, localPort: local.port, locId: local.id };
    return subflow(type, { token, ...ends, remoteIp: remote.ip, remotePort: remote.port, remId: remote.id, backup });
  }
}

/** What a core knows, without the order in which it came to know it. */
function known(core: Core): unknown {
  const ofSubflow = ({ local, remote, state, initial, backup, ifIndex, ...more }: Subflow): string => {
    // The port of a try is known by its outcome.
    const from = state === 'trying' ? { ...local, port: 0 } : local;
    const { own } = more as unknown as FoundSubflow;
    return JSON.stringify({ from, remote, state, initial, backup, ifIndex, own });
  };
  const ofConnection = ({ subflows, local, remote, token, serverSide, state }: Connection): unknown => ({
    ...{ token, serverSide, state, local, remote },
    subflows: subflows.map(ofSubflow).sort(),
  });
  return [...core.connections].sort((a, b) => a.token - b.token).map(ofConnection);
}

const newCore = (): Core => new Core({ plugins: [facts('p')], notifyFlags: everything });

/** Hooks of one connection come in an order that makes sense, and none comes twice. */
class Witness {
  readonly #states = new Map<unknown, string>();
  hear(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type !== 'call') continue;
      const { hook, payload } = effect;
      const was = this.#states.get(payload);
      if (hook === 'connectionCreated' || hook === 'subflowEstablished') expect(was).toBeUndefined();
      if (hook === 'connectionEstablished') expect(was).toBe('connectionCreated');
      if (hook === 'subflowPriority') continue;
      if (hook.endsWith('Closed')) expect(was).not.toBe(hook);
      this.#states.set(payload, hook);
    }
  }
}

test('after events that were lost, and a reading, it knows what one knows that heard all, and one that starts now', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60, size: 'max' }), fc.nat(20), (happenings, late) => {
      const kernel = new Kernel();
      const [deaf, keen] = [newCore(), newCore()];
      const witness = new Witness();
      const tell = (...inputs: readonly Input[]): void => {
        for (const input of inputs) witness.hear(deaf.handle(input, 0));
      };
      const unread: Input[] = [];
      for (const [i, each] of happenings.entries()) {
        const { what, connection, index } = each;
        if (what === 'try') {
          const { token } = [...kernel.connections.values()][connection - 1] ?? {};
          const ip = locals[index % locals.length] as string;
          // It is the daemon that asks, of what it knows.
          if (!token || deaf.connection(token)?.state !== 'established') continue;
          kernel.try(token, ip);
          const asked = [
            command('createSubflow', { token, local: { ip, id: idOf(ip) }, remote: { ip: REMOTE, port: 443 } }),
            reply(),
          ];
          tell(...asked);
          for (const input of asked) keen.handle(input, 0);
          continue;
        }
        const events = kernel.happen(each);
        for (const event of events) keen.handle(event, 0);
        // The last ones wait in the socket while everything is read.
        if (i >= happenings.length - late) unread.push(...events);
        else if (each.heard) tell(...events);
      }
      const found: Input = { type: 'connections', found: [...kernel.connections.values()] };
      tell(found, ...unread);
      expect(known(deaf)).toEqual(known(keen));
      const fresh = newCore();
      fresh.handle(found, 0);
      expect(known(fresh)).toEqual(known(keen));
      witness.hear(deaf.handle(found, 0));
    }),
    { seed: 0x6d707463, numRuns: 1000 },
  );
});
