import fc from 'fast-check';
import { expect, test } from 'vitest';
import { REMOTE } from '../../../test/fixtures/core/inputs.ts';
import { type Fate, SYN_TIMEOUT, type Wire } from '../../../test/fixtures/core/model-kernel.ts';
import { mesh, PlanWorld, token } from '../../../test/fixtures/core/plan-world.ts';
import type { ConnectionRecord } from '../connection-table.ts';
import { familyOf, sameIp } from '../ip.ts';
import type { Command, CommandName } from '../model/commands.ts';
import { asIfIndex, type Ip, type Token } from '../model/ids.ts';
import type { Plan, PlanView, WantedSubflow } from '../model/plan.ts';
import { LONGEST_REST } from './settings.ts';
import { remotesOf } from './view.ts';

/** Few of everything, so that runs meet themselves. */
const LOCALS: readonly Ip[] = ['10.0.1.1', '10.0.2.1', '10.0.3.1', '2001:db8::1'];
const REMOTES: readonly Ip[] = [REMOTE, '10.0.8.8', '10.0.7.7', '2001:db8:9::9'];

const REFUSALS: readonly CommandName[] = ['createSubflow', 'destroySubflow', 'announce', 'setBackup', 'listAddresses'];
type Asked = Pick<PlanView, 'addresses' | 'remotes' | 'connection'>;
const onePerAddress = ({ addresses, remotes }: Asked): Plan => ({
  subflows: addresses
    .map(({ ip, ifIndex }) => ({
      local: { ip, ifIndex },
      remote: remotes.filter((r) => familyOf(r.ip) === familyOf(ip)),
    }))
    .filter(({ remote }) => remote.length > 0),
});
/** Wants the same whatever the network is like. */
const fixed = (): Plan => ({
  subflows: LOCALS.slice(1, 3).map((ip) => ({ local: { ip }, remote: { ip: REMOTE, port: 443 } })),
  announce: [{ ip: '192.0.2.1' }],
});
const policies: readonly ((view: Asked) => Plan)[] = [
  mesh,
  onePerAddress,
  fixed,
  ({ connection, remotes: [remote = connection.remote] }) => ({
    subflows: Array(3).fill({ local: connection.local, remote }),
  }),
  ({ addresses, remotes }) => ({ ...mesh({ addresses: addresses.slice(-1), remotes }), announce: addresses }),
  () => ({}),
];

const at = fc.integer({ min: 0, max: 3 });
const fate: fc.Arbitrary<Fate> = fc.constantFrom<Fate[]>(
  'up',
  'up',
  'silent',
  'lost',
  { error: 'ECONNREFUSED' },
  { error: 'ECONNRESET', reason: 'prohibited' },
  { error: 'ECONNRESET', reason: 'resource' },
  { errno: 'ENETUNREACH' },
  { errno: 'ENOMEM' },
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constantFrom('bring', 'take', 'up', 'down'), at }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constantFrom('announce', 'withdraw', 'join'), at, to: at }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constantFrom('cut', 'reset', 'time out'), at }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('fate'), at, to: at, fate }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('plan'), at: fc.nat(policies.length - 1) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constantFrom('routes', 'disconnect', 'connect'), at }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('refuse'), at: fc.constantFrom(0, 1, 2, 3, 4) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant('wait'),
      ms: fc.constantFrom(0, 1, 9, 10, 250, 1000, 5000, 70_000, SYN_TIMEOUT),
    }),
  },
) as fc.Arbitrary<{ does: string; at: number; to?: number; fate?: Fate; ms?: number }>;

/** What happens to a host with two connections. */
class Run {
  readonly world: PlanWorld;
  policy = policies[0] as (view: Asked) => Plan;
  #refused: CommandName | undefined;
  readonly #fates = new Map<string, Fate>();
  readonly tokens: Token[] = [];
  /** Connections that the peer has joined. */
  readonly joined = new Set<Token>();
  #made = 0;

  readonly most: number;

  constructor(most: number) {
    this.most = most;
    this.world = new PlanWorld({
      plan: (view) => this.policy(view),
      addresses: LOCALS.slice(0, 3),
      settings: { maxSubflows: most },
    });
    this.world.kernel.fate = (local, remote) => this.#fates.get(`${local} ${remote}`) ?? 'up';
    this.world.refuse = (command) => this.#refuse(command);
    this.#connect(false);
    this.#connect(true);
  }

  do({
    does,
    at: i = 0,
    to = 0,
    fate: how = 'up',
    ms = 0,
  }: {
    does: string;
    at: number;
    to?: number;
    fate?: Fate;
    ms?: number;
  }): void {
    const { world: w } = this;
    const [local = '', remote = ''] = [LOCALS[i], REMOTES[to]];
    const { wires, addresses, down } = w.kernel;
    const wire = wires[i % Math.max(wires.length, 1)];
    const connection = this.tokens[i % Math.max(this.tokens.length, 1)];
    if (does === 'wait') w.advance(ms);
    else if (does === 'bring') w.bring(local, i + 1);
    else if (does === 'take' && addresses.has(local)) w.take(local);
    else if (does === 'up' || does === 'down') w.carrier(i + 1, does === 'up');
    else if (does === 'fate') this.#fates.set(`${local} ${remote}`, how);
    else if (does === 'plan') this.#plan(i);
    else if (does === 'refuse') this.#refused = REFUSALS[i];
    else if (does === 'routes') w.feed({ type: 'routes' });
    else if (does === 'connect' && this.tokens.length < 3) this.#connect(i % 2 === 1);
    else if (connection === undefined) return;
    else if (does === 'announce') w.announce(to + 1, remote, connection);
    else if (does === 'withdraw') w.withdraw(to === 0 ? 0 : to + 1, remote, connection);
    else if (does === 'join' && addresses.has(local) && !down.has(i + 1) && familyOf(local) === familyOf(remote)) {
      w.join(local, `${remote}1`, connection);
      this.joined.add(connection);
    } else if (does === 'disconnect') this.disconnect(connection);
    else if (wire && does === 'cut') w.cut(wire);
    else if (wire && does === 'reset') w.cut(wire, 'ECONNRESET');
    else if (wire && does === 'time out') w.cut(wire, 'ETIMEDOUT');
    w.settle();
  }

  /** The next command of one kind is refused. */
  #refuse({ name }: Command): string | undefined {
    if (name !== this.#refused) return undefined;
    this.#refused = undefined;
    return 'ENOMEM';
  }

  /** Nothing more happens, and nothing hinders any more: time passes. */
  quiet(): void {
    this.#fates.clear();
    this.#refused = undefined;
    this.world.advance(3 * LONGEST_REST);
  }

  disconnect(which: Token): void {
    this.tokens.splice(this.tokens.indexOf(which), 1);
    this.world.disconnect(which);
  }

  #connect(denyJoinId0: boolean): void {
    const made = token(++this.#made);
    this.tokens.push(made);
    this.world.connect({ token: made, localIp: LOCALS[0] as Ip, localPort: 40_000 + this.#made, denyJoinId0 });
  }

  #plan(i: number): void {
    this.policy = policies[i] as (view: Asked) => Plan;
    this.world.feed({ type: 'introduce', plugin: 'p' });
  }
}

const serves = ({ local, remote, ifIndex }: Wire, wanted: WantedSubflow): boolean =>
  sameIp(local.ip, wanted.local.ip) &&
  (ifIndex === undefined || wanted.local.ifIndex === undefined || ifIndex === wanted.local.ifIndex) &&
  [wanted.remote].flat().some(({ ip, port }) => port === remote.port && sameIp(ip, remote.ip));

/** Holds the kernel's subflows of a connection against its plan. */
function check({ world, policy, most, joined }: Run, which: Token): void {
  const { core, kernel, explain } = {
    core: world.core,
    kernel: world.kernel,
    explain: () => world.explain(which).join('\n'),
  };
  const record = core.connection(which) as ConnectionRecord;
  const { addresses } = core;
  const remotes = remotesOf(record);
  const plan = policy({ addresses, remotes, connection: record });
  const all = kernel.of(which);
  const isThere = (ip: Ip): boolean => {
    const index = kernel.addresses.get(ip);
    return index !== undefined && !kernel.down.has(index);
  };
  const alive = all.filter(({ local }) => isThere(local.ip));

  // What is known is what is there: nothing is being tried, nothing was forgotten.
  const ends = ({ local, remote }: Pick<Wire, 'local' | 'remote'>): string =>
    `${local.ip} ${local.port} ${remote.ip} ${remote.port}`;
  const known = record.subflows.map((each) => `${ends(each)} ${each.state}`).sort();
  expect(known, explain()).toEqual(all.map((each) => `${ends(each)} established`).sort());

  // Subflows of gone addresses are gone, unless there is no other.
  if (alive.length > 0) expect(all, explain()).toHaveLength(alive.length);

  const left = [...alive];
  const missing: WantedSubflow[] = [];
  for (const wanted of plan.subflows ?? []) {
    const found = left.findIndex((wire) => serves(wire, wanted));
    if (found >= 0) left.splice(found, 1);
    else missing.push(wanted);
  }
  // Nothing that this host made is there beyond what is wanted, but for the last one.
  if (alive.length > 1) expect(left.filter(({ own, initial }) => own && !initial).map(ends), explain()).toEqual([]);

  // What is wanted and possible is there, as far as the limit allows.
  const isPossible = ({ local, remote }: WantedSubflow): boolean =>
    isThere(local.ip) &&
    core.addresses.some(({ ip }) => ip === local.ip) &&
    [remote].flat().some(({ ip, port }) => {
      const initial = port === record.remote.port && ip === record.remote.ip;
      const allowed = !initial || (!record.denyJoinId0 && remotes.some((each) => each.ip === ip && each.port === port));
      return allowed && familyOf(ip) === 'ipv4' && familyOf(local.ip) === 'ipv4';
    });
  if (alive.length < most) expect(missing.filter(isPossible), explain()).toEqual([]);
  if (alive.length > most) expect(alive.filter(({ own, initial }) => own && !initial).map(ends), explain()).toEqual([]);

  // The peer knows of what is to be announced, and of nothing else. An address that the kernel has forgotten may get another
  // id by a join of the peer: then there is no command any more that would take back the first.
  if (joined.has(which)) return;
  const announced = [...(kernel.announced.get(which)?.values() ?? [])];
  const due = (plan.announce ?? []).map(({ ip }) => ip);
  expect(announced.filter((ip) => !due.includes(ip))).toEqual([]);
  expect(due.filter((ip) => ip !== record.local.ip && !announced.includes(ip))).toEqual([]);
}

test('whatever happens, once things are quiet the kernel’s subflows are those of the plan', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(100, 3), (steps, most) => {
      const run = new Run(most);
      for (const each of steps) run.do(each);
      run.quiet();
      for (const which of run.tokens) check(run, which);
      const { world } = run;
      world.commands();
      for (const which of [...run.tokens]) run.disconnect(which);
      world.advance(3 * LONGEST_REST);
      // Nothing is left of them.
      expect([world.commands(), world.core.waiting, world.core.connectionCount]).toEqual([[], 0, 0]);
    }),
    { seed: 0x6d707463, numRuns: 300 },
  );
}, 60_000);

test('the interface of a bound subflow is none of those that are gone', () => {
  const w = new PlanWorld({ plan: onePerAddress });
  w.connect();
  w.advance(100);
  expect(w.kernel.wires.map(({ ifIndex }) => ifIndex)).toEqual([undefined, asIfIndex(2), asIfIndex(3)]);
});
