import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hex, vectors, written } from '../../test/fixtures/wire/wire.ts';
import { asIfIndex } from '../core/model/ids.ts';
import { errnoName, ipv4At, ipv6At } from '../os/index.ts';
import type { AttrSet, Definitions } from './attr-set.ts';
import { CodecError } from './errors.ts';
import { attr, eventAttr, pmEvents } from './families/mptcp-pm.ts';
import { ctrl } from './families/nlctrl.ts';
import * as routes from './families/route.ts';
import { type MptcpSocket, mptcpSockets, type TcpSocket, tcpSockets } from './families/sock-diag.ts';
import { extack, Reply } from './reply.ts';

// The seed is fixed: a failure is one for everybody. Another one for a longer search: PROPERTY_RUNS=100000.
const settings = { seed: 20260101, numRuns: Number(process.env['PROPERTY_RUNS'] ?? 300) };
const holds = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, property), settings);

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const s32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => ipv4At(Buffer.from(bytes), 0));
/** Zeros among the bytes, for runs to shorten; and IPv4-mapped ones. */
const ipv6 = fc
  .oneof(
    fc.array(fc.oneof(fc.constant(0), u8), { minLength: 16, maxLength: 16 }),
    fc.array(u8, { minLength: 4, maxLength: 4 }).map((v4) => [...Array<number>(10).fill(0), 255, 255, ...v4]),
  )
  .map((bytes) => ipv6At(Buffer.from(bytes), 0));
const ip = fc.oneof(ipv4, ipv6);
const text = fc.string({ maxLength: 20 }).filter((s) => !s.includes('\0') && !/\p{Surrogate}/u.test(s));
const bytes = fc.uint8Array({ maxLength: 12 }).map((b) => Buffer.from(b));
const yes = fc.constant(true);
/** Any of the entries. */
const some = <T extends Readonly<Record<string, fc.Arbitrary<unknown>>>>(entries: T) =>
  fc.record(entries, { requiredKeys: [] });
const words = <W extends string>(...all: W[]) => fc.subarray(all);
const family = fc.constantFrom('ipv4', 'ipv6', 7);
const numbered = <T>(value: fc.Arbitrary<T>) =>
  fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 0x3fff }), value), { selector: ([n]) => n, maxLength: 4 })
    .map((entries) => new Map(entries));

const address = some({
  ...{ family, id: u8, ip, port: u16, ifIndex: s32 },
  flags: words('signal', 'subflow', 'backup', 'fullmesh', 'implicit', 'laminar'),
});
const eventValues = {
  ...{ token: u32, family, locId: u8, remId: u8, localIp: ip, remoteIp: ip, localPort: u16, remotePort: u16 },
  ...{ backup: fc.boolean(), error: u8.map(errnoName), ifIndex: s32, timeout: u32 },
  ...{ denyJoinId0: yes, serverSide: yes, resetTransient: yes },
  resetReason: fc.oneof(
    fc.constantFrom('unspecified', 'mptcp', 'resource', 'prohibited', 'too-much-data', 'bad-performance', 'middlebox'),
    fc.integer({ min: 7, max: 0xffffffff }),
  ),
};
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const rule = some({
  type: fc.constantFrom('flag', 'u8', 'nested', 99),
  ...{ minSigned: u64, maxUnsigned: u64, minLength: u32, policy: u32, pad: bytes, mask: u64 },
});

const sets: readonly (readonly [string, AttrSet<Definitions>, fc.Arbitrary<Readonly<Record<string, unknown>>>])[] = [
  [
    'attr',
    attr as unknown as AttrSet<Definitions>,
    some({ addr: address, rcvAddAddrs: u32, subflows: u32, token: u32, locId: u8, addrRemote: address }),
  ],
  ['event', eventAttr as unknown as AttrSet<Definitions>, some(eventValues)],
  [
    'ctrl',
    ctrl as unknown as AttrSet<Definitions>,
    some({
      ...{ familyId: u16, familyName: text, version: u32, headerSize: u32, maxAttr: u32, op: u32 },
      ops: numbered(some({ id: u32, flags: u32 })),
      groups: numbered(some({ name: text, id: u32 })),
      policy: numbered(numbered(rule)),
      opPolicy: numbered(some({ do: u32, dump: u32 })),
    }),
  ],
  [
    'extack',
    extack as unknown as AttrSet<Definitions>,
    some({ message: text, offset: u32, cookie: bytes, policy: bytes, missingType: u32, missingNest: u32 }),
  ],
];

/** Values of each rtnetlink message; every field of its struct is there, as reading gives them all. */
const routeMessages = {
  link: fc
    .tuple(
      fc.record({
        ...{ family: u8, type: u16, index: s32, change: u32 },
        flags: words('up', 'loopback', 'pointToPoint', 'running', 'noArp', 'multicast', 'lowerUp', 'dormant'),
      }),
      some({
        ...{ name: text, mtu: u32, link: s32, master: u32, operState: u8, carrier: fc.boolean() },
        info: some({ kind: text }),
      }),
    )
    .map(([fields, attributes]) => ({ ...fields, ...attributes })),
  address: fc
    .tuple(
      fc.record({
        ...{ prefixLength: u8, shortFlags: u8, ifIndex: s32 },
        family: fc.constantFrom('any', 'ipv4', 'ipv6', 28),
        scope: fc.constantFrom('global', 'site', 'link', 'host', 'nowhere', 5),
      }),
      some({
        ...{ address: ip, local: ip, label: text },
        flags: words('secondary', 'noDad', 'optimistic', 'dadFailed', 'deprecated', 'tentative', 'permanent'),
      }),
    )
    .map(([fields, attributes]) => ({ ...fields, ...attributes })),
  route: fc
    .tuple(
      fc.record({
        ...{ dstLength: u8, srcLength: u8, tos: u8, shortTable: u8, protocol: u8, scope: u8 },
        family: fc.constantFrom('any', 'ipv4', 'ipv6', 28),
        type: fc.constantFrom('unicast', 'local', 'broadcast', 'multicast', 'blackhole', 'unreachable', 'prohibit', 99),
        flags: words('lookupTable', 'fibMatch'),
      }),
      some({
        ...{
          dst: ip,
          src: ip,
          outIndex: s32,
          gateway: ip,
          priority: u32,
          prefSrc: ip,
          table: u32,
          mark: u32,
          uid: u32,
        },
      }),
    )
    .map(([fields, attributes]) => ({ ...fields, ...attributes })),
};
type AnyMessage = {
  decode(b: Buffer, body: number, end: number): unknown;
  encode(w: never, values: unknown): void;
};
const messageNames = ['link', 'address', 'route'] as const;
const { link, address: ifAddress, route } = routes;
const messages = { link, address: ifAddress, route } as unknown as Readonly<
  Record<'link' | 'address' | 'route', AnyMessage>
>;

/** The fields of inet_diag_msg, all of them there. */
const diagHeader = {
  state: fc.oneof(fc.constantFrom('established' as const, 'listen' as const, 'bound' as const), fc.constant(99)),
  ...{ timer: u8, retrans: u8, localPort: u16, remotePort: u16, ifIndex: s32.map(asIfIndex), cookie: u64 },
  ...{ expires: u32, receiveQueue: u32, sendQueue: u32, uid: u32, inode: u32 },
};
const ends = fc.oneof(
  fc.record({ family: fc.constant('ipv4' as const), local: ipv4, remote: ipv4 }),
  fc.record({ family: fc.constant('ipv6' as const), local: ipv6, remote: ipv6 }),
);
const diagShared = some({ shutdown: words('receive', 'send'), mark: u32, cgroupId: u64 });
const subflow = some({
  ...{ remoteToken: u32, token: u32, mapSeq: u64, mapSubflowSeq: u32, ssnOffset: u32, mapLength: u16 },
  ...{ mpCapableRemote: yes, joinLocal: yes, backupRemote: yes, fullyEstablished: yes, mapValid: yes },
  ...{ remId: u8, locId: u8 },
});
const diagSocket = <T>(attributes: fc.Arbitrary<unknown>): fc.Arbitrary<T> =>
  fc.tuple(fc.record(diagHeader), ends, diagShared, attributes).map((parts) => Object.assign({}, ...parts) as T);

describe('what is written is read again', () => {
  test('sockets of subflows', () => {
    holds(diagSocket<TcpSocket>(some({ ulp: some({ name: text, mptcp: subflow }) })), (value) => {
      const b = hex(written((w) => tcpSockets.encode(w, value)));
      expect(tcpSockets.read(b, 0, b.length)).toEqual(value);
    });
  });
  test('sockets of connections: what is not given of a struct is 0', () => {
    const info = fc.record({
      ...{ flags: words('fallback', 'remoteKeyReceived'), token: u32, checksums: fc.boolean(), subflowsTotal: u8 },
      ...{ bytesSent: u64, bytesReceived: u64, retransmits: u32, lastAckReceived: u32 },
    });
    holds(diagSocket<MptcpSocket>(some({ info })), (value) => {
      const b = hex(written((w) => mptcpSockets.encode(w, value)));
      const read = mptcpSockets.read(b, 0, b.length);
      expect(read).toMatchObject(value);
      if (value.info) expect(read.info).toMatchObject({ writeSeq: 0n, extraSubflows: 0 });
    });
  });

  test.each(sets)('%s', (_, set, values) => {
    holds(values, (value) => {
      const b = hex(written((w) => set.encode(w, value)));
      expect(set.decode(b, 0, b.length)).toEqual(value);
    });
  });

  const types = [...new Set(vectors('pm-events').map((v) => v.value.type))] as Parameters<typeof pmEvents.encode>[1][];
  test.each(types)('%s', (type) => {
    holds(fc.record(eventValues), (values) => {
      const b = hex(
        written((w) => pmEvents.encode(w, type, values as unknown as Parameters<typeof pmEvents.encode>[2])),
      );
      expect(pmEvents.decode(b, 0, b.length)).toEqual({ ...values, type });
    });
  });

  test.each(messageNames)('%s', (name) => {
    holds<unknown>(routeMessages[name], (value) => {
      const b = hex(written((w) => messages[name].encode(w as never, value)));
      expect(messages[name].decode(b, 0, b.length)).toEqual(value);
    });
  });
});

const none = new Uint8Array();
const rarely = <T, U>(arbitrary: fc.Arbitrary<T>, otherwise: U): fc.Arbitrary<T | U> =>
  fc.oneof({ weight: 1, arbitrary }, { weight: 4, arbitrary: fc.constant(otherwise) });

/** Real bytes with some of them changed, cut out or put in; or bytes that nobody ever sent. */
const mutated = (seeds: readonly Buffer[]): fc.Arbitrary<Buffer> => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.oneof(u8, fc.constantFrom(0, 1, 3, 4, 5, 0x7f, 0x80, 0xff))), {
    maxLength: 6,
  });
  const fromSeed = fc
    .tuple(fc.constantFrom(...seeds), changes, rarely(fc.nat(), null), rarely(fc.uint8Array({ maxLength: 8 }), none))
    .map(([seed, edits, cut, tail]) => {
      const b = Buffer.concat([seed.subarray(0, cut === null ? seed.length : cut % (seed.length + 1)), tail]);
      for (const [at, byte] of edits) if (b.length > 0) b[at % b.length] = byte;
      return b;
    });
  return fc.oneof(
    { weight: 3, arbitrary: fromSeed },
    fc.uint8Array({ maxLength: 80 }).map((b) => Buffer.from(b)),
  );
};

/**
 * Reading ends, with a value or a CodecError. The bytes stand in a larger buffer, so that one that reads past their end
 * is not saved by the buffer's.
 */
function onlyCodecErrors(seeds: readonly Buffer[], read: (b: Buffer, at: number, end: number) => void): void {
  let [values, refusals] = [0, 0];
  holds(mutated(seeds), (b) => {
    const inside = Buffer.concat([Buffer.alloc(8, 0xff), b, Buffer.alloc(8, 0xff)]);
    try {
      read(inside, 8, 8 + b.length);
      values++;
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      refusals++;
    }
    const atTheEnd = Buffer.from(b);
    try {
      read(atTheEnd, 0, atTheEnd.length);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
    }
  });
  // The mutations are neither all harmless nor all fatal, or they would show nothing.
  expect(Math.min(values, refusals)).toBeGreaterThan(settings.numRuns / 20);
}

describe('bytes that nobody should send throw nothing but CodecError', () => {
  const events = vectors('pm-events').map((v) => hex(v.hex));
  const exchanges = [...vectors('ip-mptcp'), ...vectors('commands')];
  const controller = vectors('nlctrl').flatMap((v) => v.replies.map(hex));

  test('attributes of requests', () => {
    const seeds = exchanges.map((v) => hex(v.request).subarray(20));
    onlyCodecErrors(seeds, (b, at, end) => attr.decode(b, at, end));
  });
  test('events', () => {
    const seeds = events.map((b) => b.subarray(16));
    onlyCodecErrors(seeds, (b, at, end) => pmEvents.decode(b, at, end));
  });
  test('the controller’s attributes', () => {
    const seeds = controller.filter((b) => b.length > 100).map((b) => b.subarray(20, b.readUInt32LE(0)));
    onlyCodecErrors(seeds, (b, at, end) => ctrl.decode(b, at, end));
  });
  test.each(messageNames)('%s messages', (name) => {
    const seeds = vectors('rtnetlink').filter((v) => v.table === name);
    const bodies = seeds.map((v) => hex(v.message).subarray(16));
    onlyCodecErrors(bodies, (b, at, end) => messages[name].decode(b, at, end));
  });
  test('sockets of sock_diag', () => {
    const seedsOf = (op: string) =>
      vectors('sock-diag')
        .filter((v) => v.op === op)
        .flatMap((v) => v.replies.map(hex))
        .filter((b) => b.length > 88)
        .map((b) => b.subarray(16, b.readUInt32LE(0)));
    onlyCodecErrors(seedsOf('mptcpSockets'), (b, at, end) => mptcpSockets.read(b, at, end));
    onlyCodecErrors(seedsOf('tcpSockets'), (b, at, end) => tcpSockets.read(b, at, end));
  });
  test('replies', () => {
    const seeds = [...exchanges.flatMap((v) => v.replies.map(hex)), ...controller];
    onlyCodecErrors(seeds, (b, at, end) => {
      const datagram = b.subarray(at);
      const sequence = datagram.length >= 12 ? datagram.readUInt32LE(8) : 0;
      const reply = new Reply(sequence, true, (_, body, stop) =>
        expect([body >= 16, stop <= end - at]).toEqual([true, true]),
      );
      reply.add(datagram, end - at);
    });
  });
});
