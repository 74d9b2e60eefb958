/** What must compile and what must not: checked by tsc, never run. */
import { expectTypeOf } from 'vitest';
import type { PmEvent, ResetReason, SubflowEvent } from '../core/model/events.ts';
import type { AddrId, IfIndex, Ip, Token } from '../core/model/ids.ts';
import type { Unknown } from './attr-set.ts';
import type { Client } from './client.ts';
import type { NetlinkError } from './errors.ts';
import type { UnknownEvent } from './events.ts';
import { attr, ops, pmEvents } from './families/mptcp-pm.ts';
import type { address, link, route } from './families/route.ts';
import type { Family } from './family.ts';
import { type GenlOperation, genlOp } from './generic.ts';
import type { Writer } from './writer.ts';

type RequestOf<O> = O extends GenlOperation<infer R, unknown> ? R : never;
type AnswerOf<O> = O extends GenlOperation<never, infer A> ? A : never;
/** Intersections as one object, for comparing. */
type Flat<T> = { [K in keyof T]: T[K] };

declare const family: Family;
declare const client: Client;
declare const token: Token;
declare const id: AddrId;
declare const index: IfIndex;
declare const writer: Writer;

type EndpointFlag = 'signal' | 'subflow' | 'backup' | 'fullmesh' | 'implicit' | 'laminar';
interface Address {
  readonly family?: 'ipv4' | 'ipv6' | number;
  readonly id?: AddrId;
  readonly ip?: Ip;
  readonly port?: number;
  readonly flags?: readonly EndpointFlag[];
  readonly ifIndex?: IfIndex;
}

// Requests.
expectTypeOf<RequestOf<typeof ops.remove>>().toEqualTypeOf<{
  readonly addr?: Flat<Address>;
  readonly rcvAddAddrs?: number;
  readonly subflows?: number;
  readonly addrRemote?: Flat<Address>;
  readonly token: Token;
  readonly locId: AddrId;
}>();
expectTypeOf<RequestOf<typeof ops.addAddr>['addr']>().toEqualTypeOf<
  Flat<Omit<Address, 'family' | 'ip'> & { readonly family: 'ipv4' | 'ipv6' | number; readonly ip: Ip }>
>();
expectTypeOf<AnswerOf<typeof ops.getLimits>['subflows']>().toEqualTypeOf<number>();
expectTypeOf<AnswerOf<typeof ops.listAddrs>['addr']['id']>().toEqualTypeOf<AddrId>();
expectTypeOf<AnswerOf<typeof ops.listAddrs>['addr']['port']>().toEqualTypeOf<number | undefined>();

family.request(ops.remove, { token, locId: id });
// @ts-expect-error a missing attribute
family.request(ops.remove, { token });
// @ts-expect-error a missing attribute in a nest
family.request(ops.delAddr, { addr: {} });
// @ts-expect-error a missing nest
family.request(ops.delAddr, {});
// @ts-expect-error a token where an address id belongs
family.request(ops.remove, { token, locId: token });
// @ts-expect-error an address id where a token belongs
family.request(ops.remove, { token: id, locId: id });
// @ts-expect-error a plain number where a token belongs
family.request(ops.remove, { token: 5, locId: id });
// @ts-expect-error an interface's index where an address id belongs
family.request(ops.getAddr, { addr: { id: index } });
// @ts-expect-error a needed attribute that is undefined
family.request(ops.remove, { token, locId: undefined });
// @ts-expect-error no such attribute
family.request(ops.remove, { token, locId: id, reason: 1 });
// @ts-expect-error no such attribute in a nest
family.request(ops.getAddr, { addr: { id, address: '10.0.0.1' } });
// @ts-expect-error no such flag
family.request(ops.addAddr, { addr: { family: 'ipv4', ip: '10.0.0.1', flags: ['signalling'] } });
// @ts-expect-error no such family
family.request(ops.addAddr, { addr: { family: 'ipx', ip: '10.0.0.1' } });
// @ts-expect-error a subflow needs the peer's port
family.request(ops.createSubflow, { token, addr: { family: 'ipv4', ip: '' }, addrRemote: { family: 'ipv4', ip: '' } });

type Endpoint = Flat<Address>;
expectTypeOf<RequestOf<typeof ops.flushAddrs>>().toEqualTypeOf<{
  readonly addr?: Endpoint;
  readonly rcvAddAddrs?: number;
  readonly subflows?: number;
  readonly token?: Token;
  readonly locId?: AddrId;
  readonly addrRemote?: Endpoint;
}>();

// Answers: a refusal is looked at first.
const listed = family.dump(ops.listAddrs, { token });
// @ts-expect-error it may be a refusal
listed.value;
if (listed.ok) expectTypeOf(listed.value[0]?.addr.ip).toEqualTypeOf<Ip | undefined>();
else expectTypeOf(listed.error).toEqualTypeOf<NetlinkError>();
const limits = client.request(ops.getLimits, 28, {});
if (limits.ok) expectTypeOf(limits.value?.rcvAddAddrs).toEqualTypeOf<number | undefined>();

// Tables.
// @ts-expect-error a table's needs are its keys
genlOp('odd', attr, { command: 1, needs: ['tokne'] });
// @ts-expect-error a nest's needs are the nest's keys
genlOp('odd', attr, { command: 1, needs: ['addr.tokne'] });
// @ts-expect-error only nests have inner keys
genlOp('odd', attr, { command: 1, needs: ['token.id'] });

// Events.
type Decoded = ReturnType<typeof pmEvents.decode>;
type Of<T extends Decoded['type']> = Extract<Decoded, { readonly type: T }>;

expectTypeOf<Exclude<Decoded, UnknownEvent>>().toExtend<PmEvent>();
expectTypeOf<Of<'subflowClosed'>>().toExtend<SubflowEvent>();
expectTypeOf<Exclude<Decoded, UnknownEvent>['type']>().toEqualTypeOf<PmEvent['type']>();
expectTypeOf<Flat<Of<'subflowClosed'>>>().toEqualTypeOf<{
  readonly type: 'subflowClosed';
  readonly token: Token;
  readonly localIp: Ip;
  readonly remoteIp: Ip;
  readonly localPort: number;
  readonly remotePort: number;
  readonly locId: AddrId;
  readonly remId: AddrId;
  readonly backup: boolean;
  readonly family: 'ipv4' | 'ipv6' | number | undefined;
  readonly ifIndex: IfIndex | undefined;
  readonly error: string | undefined;
  readonly resetReason: ResetReason | undefined;
  readonly resetTransient: boolean;
  readonly unknown?: readonly Unknown[];
}>();
expectTypeOf<Flat<Of<'connectionClosed'>>>().toEqualTypeOf<{
  readonly type: 'connectionClosed';
  readonly token: Token;
  readonly unknown?: readonly Unknown[];
}>();
// @ts-expect-error an event without a token has none
expectTypeOf<Of<'listenerCreated'>>().toHaveProperty('token');
// @ts-expect-error no such event
pmEvents.encode(writer, 'unheard', {});
// @ts-expect-error an address id where a token belongs
pmEvents.encode(writer, 'connectionClosed', { token: id });

// rtnetlink.
type LinkMessage = ReturnType<(typeof link)['decode']>;
expectTypeOf<LinkMessage['index']>().toEqualTypeOf<IfIndex>();
expectTypeOf<LinkMessage['name']>().toEqualTypeOf<string | undefined>();
expectTypeOf<ReturnType<(typeof address)['decode']>['address']>().toEqualTypeOf<Ip | undefined>();
expectTypeOf<ReturnType<(typeof route)['decode']>['dstLength']>().toEqualTypeOf<number>();
// @ts-expect-error padding has no value
expectTypeOf<LinkMessage['reserved']>();
