import { describe, expect, onTestFinished } from 'vitest';
import { type AttrSet, attrSet, type Definitions, type Nest, nest } from '../../src/netlink/attr-set.ts';
import { Client } from '../../src/netlink/client.ts';
import { CodecError } from '../../src/netlink/errors.ts';
import { address, attr, FAMILY, ops } from '../../src/netlink/families/mptcp-pm.ts';
import * as nlctrl from '../../src/netlink/families/nlctrl.ts';
import * as t from '../../src/netlink/types.ts';
import { Writer } from '../../src/netlink/writer.ts';
import { NetlinkSocket } from '../../src/os/index.ts';
import { kernelTest } from './need.ts';

const test = kernelTest('MPTCP');

/** What the kernel says of one attribute (NL_POLICY_TYPE_ATTR_*). */
interface Rule {
  readonly type?: string | number;
  readonly minLength?: number;
  readonly maxLength?: number;
  /** A nest's own policy. */
  readonly policy?: number;
}
type Rules = ReadonlyMap<number, Rule>;
interface Policies {
  readonly rules: ReadonlyMap<number, Rules>;
  /** By command: the policies of a request and of a dump. */
  readonly commands: ReadonlyMap<number, { readonly do?: number; readonly dump?: number }>;
}

/** Reads the family's policies: the kernel spreads them over many messages, one rule each. */
function readPolicies(): Policies {
  const client = new Client(new NetlinkSocket(nlctrl.PROTOCOL));
  onTestFinished(() => client.close());
  const read = client.dump(nlctrl.ops.getPolicy, nlctrl.FAMILY_ID, { familyName: FAMILY });
  if (!read.ok) throw read.error;
  const rules = new Map<number, Map<number, Rule>>();
  const commands = new Map<number, { do?: number; dump?: number }>();
  for (const part of read.value) {
    for (const [command, policy] of part.opPolicy ?? []) commands.set(command, { ...commands.get(command), ...policy });
    for (const [number, attributes] of part.policy ?? []) {
      const known = rules.get(number) ?? new Map<number, Rule>();
      for (const [id, rule] of attributes) known.set(id, { ...known.get(id), ...rule });
      rules.set(number, known);
    }
  }
  return { rules, commands };
}

/** How the kernel's policies name the types of the tables, where not as the tables do. */
const kinds: Readonly<Record<string, readonly [type: string, length?: number]>> = {
  ipv4: ['be32'],
  ipv6: ['binary', 16],
};
/** What CTRL_CMD_GETPOLICY passes over (net/netlink/policy.c, __netlink_policy_dump_write_attr). */
const unreported = new Set(['be16', 'be32']);

/** Where a table and a policy of the kernel contradict each other, nests included; empty where they agree. */
function contradictions(set: AttrSet<Definitions>, policy: number, { rules }: Pick<Policies, 'rules'>): string[] {
  const kernel = rules.get(policy);
  if (!kernel) return [`${set.name}: the kernel has no policy ${policy}`];
  const found: string[] = [];
  const ours = new Map([...set.attributes()].map((attribute) => [attribute.id, attribute]));
  for (const [id, rule] of kernel) {
    const attribute = ours.get(id);
    if (!attribute) {
      found.push(`${set.name} ${id}: only in the kernel, ${rule.type}`);
      continue;
    }
    const name = `${set.name}.${attribute.key} ${id}`;
    const [kind, length] = kinds[attribute.type.kind] ?? [attribute.type.kind];
    if (rule.type !== kind) found.push(`${name}: ${kind} here, ${rule.type} in the kernel`);
    else if (length !== undefined && (rule.minLength !== length || rule.maxLength !== length)) {
      found.push(`${name}: ${length} bytes here, ${rule.minLength} to ${rule.maxLength} in the kernel`);
    } else if (kind === 'nested') {
      const inner = (attribute.type as Nest<Definitions>).set;
      found.push(...contradictions(inner, rule.policy ?? -1, { rules }).map((words) => `${name}: ${words}`));
    }
  }
  return found;
}

/** The attributes of a table that are in none of some policies of the kernel. */
function unknownToKernel(set: AttrSet<Definitions>, policies: readonly (Rules | undefined)[]): string[] {
  return [...set.attributes()]
    .filter(({ type }) => !unreported.has((kinds[type.kind] ?? [type.kind])[0]))
    .filter(({ id }) => !policies.some((rules) => rules?.has(id)))
    .map(({ id, key }) => `${set.name}.${key} ${id}: only here`);
}

type AnyOp = Pick<(typeof ops)['remove'], 'name' | 'command'> & { write(w: Writer, request: never): void };
const all = Object.entries(ops) as unknown as readonly (readonly [string, AnyOp])[];

/** What an operation's table needs, as it says itself when it is given nothing, then that, and so on. */
function needsOf(op: AnyOp): string[][] {
  const samples: Readonly<Record<string, unknown>> = { family: 'ipv4', ip: '10.0.0.1', flags: [], token: 1 };
  const request: Record<string, unknown> = {};
  const needs: string[][] = [];
  for (;;) {
    try {
      op.write(new Writer(), request as never);
      return needs;
    } catch (error) {
      if (!(error instanceof CodecError) || error.code !== 'NL_MISSING_ATTR') throw error;
      needs.push([...error.path]);
      const [key = '', inner] = error.path;
      const sample = samples[inner ?? key] ?? (inner === undefined && key.startsWith('addr') ? {} : 1);
      request[key] = inner === undefined ? sample : { ...(request[key] as object), [inner]: sample };
    }
  }
}

const set = attr as unknown as AttrSet<Definitions>;
const addressSet = address as unknown as AttrSet<Definitions>;

describe('the tables and the policy of the running kernel', () => {
  test('every command is there, for a request, and for a dump where ours is one', () => {
    const { commands } = readPolicies();
    expect([...commands.keys()].sort((a, b) => a - b)).toEqual(
      [...new Set(all.map(([, op]) => op.command))].sort((a, b) => a - b),
    );
    for (const [, { do: request }] of commands) expect(request).toBeTypeOf('number');
    expect(commands.get(ops.listAddrs.command)?.dump).toBeTypeOf('number');
  });

  test.each(all)('%s: what the kernel takes is in the table, as the same type', (_, op) => {
    const policies = readPolicies();
    const { do: request, dump } = policies.commands.get(op.command) ?? {};
    for (const policy of [request, dump]) {
      if (policy !== undefined) expect(contradictions(set, policy, policies)).toEqual([]);
    }
  });

  test.each(all)('%s: what the table needs is what the kernel takes', (_, op) => {
    const { commands, rules } = readPolicies();
    const policy = rules.get(commands.get(op.command)?.do ?? -1);
    for (const [key, inner] of needsOf(op)) {
      const outer = [...set.attributes()].find((attribute) => attribute.key === key);
      const rule = policy?.get(outer?.id ?? -1);
      expect(rule, key).toBeDefined();
      if (inner === undefined) continue;
      const nested = [...addressSet.attributes()].filter((attribute) => attribute.key === inner);
      const known = nested.filter(({ id }) => rules.get(rule?.policy ?? -1)?.has(id));
      expect(known.length, `${key}.${inner}`).toBeGreaterThan(0);
    }
  });

  test('nothing is in a table that no command of the kernel takes', () => {
    const { commands, rules } = readPolicies();
    const policies = [...commands.values()].map((policy) => rules.get(policy.do ?? -1));
    expect(unknownToKernel(set, policies)).toEqual([]);
    const nests = policies.flatMap((policy) => [...(policy?.values() ?? [])]).filter((rule) => rule.type === 'nested');
    expect(nests.length).toBeGreaterThan(0);
    for (const nested of nests) expect(unknownToKernel(addressSet, [rules.get(nested.policy ?? -1)])).toEqual([]);
  });

  test('a wrong table is found out', () => {
    const policies = readPolicies();
    const wrongAddress = attrSet('wrongAddress', {
      family: [1, t.u32],
      ip: [4, t.ipv4],
      port: [5, t.be16],
      flags: [6, t.u32],
      ifIndex: [7, t.u32],
      colour: [9, t.u8],
    }) as unknown as AttrSet<Definitions>;
    const wrong = attrSet('wrong', { addr: [1, nest(wrongAddress)], token: [5, t.u32], addrRemote: [6, t.u32] });
    const { do: destroy } = policies.commands.get(ops.destroySubflow.command) ?? {};
    expect(contradictions(wrong as unknown as AttrSet<Definitions>, destroy ?? -1, policies)).toEqual([
      'wrong.addr 1: wrongAddress.family 1: u32 here, u16 in the kernel',
      'wrong.addr 1: wrongAddress 2: only in the kernel, u8',
      'wrong.addr 1: wrongAddress.ip 4: be32 here, binary in the kernel',
      'wrong.addr 1: wrongAddress.port 5: be16 here, u16 in the kernel',
      'wrong.addr 1: wrongAddress.ifIndex 7: u32 here, s32 in the kernel',
      'wrong 4: only in the kernel, u32',
      'wrong.addrRemote 6: u32 here, nested in the kernel',
    ]);
    expect(unknownToKernel(wrongAddress, [policies.rules.get(1)])).toEqual(['wrongAddress.colour 9: only here']);
    expect(contradictions(set, 999, policies)).toEqual(['attr: the kernel has no policy 999']);
  });

  test('a length that differs is found out', () => {
    const shorter = new Map([[0, new Map([[4, { type: 'binary', minLength: 0, maxLength: 16 }]])]]);
    expect(contradictions(addressSet, 0, { rules: shorter })).toEqual([
      'address.ip 4: 16 bytes here, 0 to 16 in the kernel',
    ]);
  });
});
