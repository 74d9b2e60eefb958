import { describe, expect, test } from 'vitest';
import {
  type DiagExchange,
  hex,
  ScriptedSocket,
  vectors,
  withSequence,
  written,
} from '../../../test/fixtures/wire/wire.ts';
import { asToken } from '../../core/model/ids.ts';
import { Client } from '../client.ts';
import { newFrame, readFrame } from '../frame.ts';
import * as diag from './sock-diag.ts';

const NLMSG_HEADER = 16;
const MSG_SIZE = 72;

type AnyOp = diag.DiagOperation<Readonly<Record<string, unknown>>>;
const { mptcpSockets, mptcpSocket, tcpSockets } = diag;
const opOf = (name: DiagExchange['op']): AnyOp => ({ mptcpSockets, mptcpSocket, tcpSockets })[name] as unknown as AnyOp;
const all = vectors('sock-diag');

/** The vectors are JSON, which has no bigint. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v)));

/** Each message of an answer that is about a socket. */
function sockets({ op, replies }: DiagExchange): { op: AnyOp; body: Buffer; name: string }[] {
  const found: { op: AnyOp; body: Buffer; name: string }[] = [];
  for (const b of replies.map(hex)) {
    for (let at = 0; at < b.length; ) {
      const frame = readFrame(newFrame(), b, at, b.length);
      at = frame.next;
      if (frame.type !== diag.BY_FAMILY) continue;
      found.push({ op: opOf(op), body: b.subarray(frame.body, frame.end), name: `${op} ${found.length}` });
    }
  }
  return found;
}

/** An attribute of a message, by its number. */
function attribute(body: Buffer, id: number): string | undefined {
  for (let at = MSG_SIZE; at < body.length; at += (body.readUInt16LE(at) + 3) & ~3) {
    if (body.readUInt16LE(at + 2) === id) return body.toString('hex', at + 4, at + body.readUInt16LE(at));
  }
  return undefined;
}

describe('requests', () => {
  test.each(all)('$case: ours are the very bytes', ({ op, value, request }) => {
    expect(written((w) => opOf(op).write(w, value))).toBe(request.slice(2 * NLMSG_HEADER));
  });
  test('a listing of MPTCP sockets, byte for byte', () => {
    const bytes = written((w) => diag.mptcpSockets.write(w, { family: 'ipv6', states: ['established', 'listen'] }));
    expect(bytes).toBe(`0a06020002040000${'00'.repeat(48)}0800030006010000`);
  });
  test('a listing of TCP sockets has no attribute', () => {
    const bytes = written((w) => diag.tcpSockets.write(w, { family: 'ipv4', states: ['bound'] }));
    expect(bytes).toBe(`0206020000200000${'00'.repeat(48)}`);
  });
  test('a token stands in the cookie', () => {
    const bytes = written((w) => diag.mptcpSocket.write(w, { family: 'ipv4', token: asToken(0x1e7fcfbf) }));
    expect(bytes).toBe(`0206020000000000${'00'.repeat(40)}bfcf7f1e000000000800030006010000`);
  });
});

describe('answers', () => {
  test.each(all)('$case: mean', ({ op, value, replies, result }) => {
    const client = new Client(
      new ScriptedSocket((_, sequence) => replies.map((reply) => withSequence(hex(reply), sequence))),
    );
    const dump = op !== 'mptcpSocket';
    const answer = dump
      ? client.dump(opOf(op), diag.BY_FAMILY, value)
      : client.request(opOf(op), diag.BY_FAMILY, value);
    expect(plain(answer.ok ? answer : { ok: false, message: answer.error.message })).toEqual(result);
  });

  const each = all.flatMap(sockets);
  test.each(each)('$name: what ours writes means the same', ({ op, body }) => {
    const value = op.read(body, 0, body.length);
    const ours = hex(written((w) => op.encode(w, value)));
    expect(op.read(ours, 0, ours.length)).toEqual(value);
    expect(ours.toString('hex', 0, MSG_SIZE)).toBe(body.toString('hex', 0, MSG_SIZE));
  });
  test.each(each.filter(({ op }) => op.name !== diag.tcpSockets.name))('$name: mptcp_info to the byte', (socket) => {
    const ours = hex(written((w) => socket.op.encode(w, socket.op.read(socket.body, 0, socket.body.length))));
    expect(attribute(ours, 2)).toHaveLength(2 * 96);
    expect(attribute(ours, 2)).toBe(attribute(socket.body, 2));
  });

  test('a subflow that joined, as a socket of the TCP dump', () => {
    const flows = each.filter(({ op }) => op.name === diag.tcpSockets.name).map(({ body }) => body);
    const joined = flows
      .map((body) => diag.tcpSockets.read(body, 0, body.length))
      .filter(({ ulp }) => ulp?.mptcp?.joinRemote);
    expect(joined.map(({ ulp, ifIndex }) => [ifIndex, ulp?.name, ulp?.mptcp?.locId, ulp?.mptcp?.remId])).toEqual([
      [3, 'mptcp', 5, 0],
      [3, 'mptcp', 5, 0],
      [0, 'mptcp', 0, 5],
    ]);
    expect(joined.map(({ ulp }) => ulp?.mptcp?.backupLocal)).toEqual([true, true, undefined]);
    expect(joined.map(({ ulp }) => ulp?.mptcp?.backupRemote)).toEqual([undefined, undefined, true]);
  });

  test('tcp_info: each field is read where the header has it', () => {
    // Every four bytes hold their own number: what is read tells where it was read.
    const info = Buffer.alloc(232);
    for (let at = 8; at < info.length; at += 4) info.writeUInt32LE(at, at);
    const body = Buffer.concat([Buffer.alloc(MSG_SIZE), hex('ec000200'), info]);
    body[0] = 2;
    const read = diag.tcpSockets.read(body, 0, body.length).info;
    const low = (value: bigint | undefined) => Number((value ?? 0n) & 0xffffffffn);
    expect([read?.rto, read?.rtt, read?.rttVariance, read?.cwnd, read?.totalRetransmits]).toEqual([8, 68, 72, 80, 100]);
    expect([read?.bytesAcked, read?.bytesReceived, read?.bytesSent, read?.bytesRetransmitted].map(low)).toEqual([
      120, 128, 200, 208,
    ]);
    expect([read?.lastDataSent, read?.lastDataReceived, read?.lastAckReceived]).toEqual([44, 52, 56]);
    expect([read?.pathMtu, read?.notSentBytes, read?.minRtt, low(read?.deliveryRate)]).toEqual([60, 144, 148, 160]);
  });

  const mptcp = each.find(({ op }) => op.name === diag.mptcpSockets.name)?.body ?? Buffer.alloc(0);
  test.each([64, 43, 16, 12, 0])('mptcp_info of %i bytes, of an older kernel: the fields that it has', (size) => {
    const info = hex(attribute(mptcp, 2) ?? '').subarray(0, size);
    const header = Buffer.from([(4 + size) & 0xff, 0, 2, 0]);
    const body = Buffer.concat([mptcp.subarray(0, MSG_SIZE), header, info, Buffer.alloc(-size & 3)]);
    const whole = diag.mptcpSockets.read(mptcp, 0, mptcp.length).info;
    const read = diag.mptcpSockets.read(body, 0, body.length).info ?? {};
    expect(whole).toMatchObject(read);
    expect([read.token, read.checksums, read.bytesSent].map((value) => value !== undefined)).toEqual([
      size >= 16,
      size >= 43,
      size >= 64,
    ]);
  });
  test('mptcp_info of a newer kernel: what follows is passed over', () => {
    const info = hex(attribute(mptcp, 2) ?? '');
    const body = Buffer.concat([mptcp.subarray(0, MSG_SIZE), hex('74000200'), info, Buffer.alloc(16, 0xee)]);
    expect(diag.mptcpSockets.read(body, 0, body.length).info).toEqual(
      diag.mptcpSockets.read(mptcp, 0, mptcp.length).info,
    );
  });

  test('a family that is none, and bytes that end too soon, are refused', () => {
    const unix = Buffer.from(mptcp);
    unix[0] = 1;
    expect(() => diag.mptcpSockets.read(unix, 0, unix.length)).toThrow(
      expect.objectContaining({ code: 'NL_OUT_OF_RANGE', path: ['inet_diag_msg', 'family'] }),
    );
    for (const end of [0, 1, 71]) {
      expect(() => diag.mptcpSockets.read(mptcp, 0, end)).toThrow(
        expect.objectContaining({ code: 'NL_TRUNCATED', path: ['inet_diag_msg'] }),
      );
    }
  });
});
