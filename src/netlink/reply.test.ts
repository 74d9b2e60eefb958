import { describe, expect, test } from 'vitest';
import { hex, message } from '../../test/fixtures/wire/wire.ts';
import { CodecError } from './errors.ts';
import { Reply } from './reply.ts';

const ERROR = 2;
const DONE = 3;
const MULTI = 0x2;
const DUMP_INTR = 0x10;
const CAPPED = 0x100;
const TLVS = 0x200;
const SEQ = 0x1234;

/** A request of 36 bytes as it stands in an error: its header, then its payload. */
const requestHeader = '24000000 1c00 0500 34120000 00000000';
const requestPayload = '09010000 08000400 efbeadde 05000500 63000000';
/** "bad", and the offset 20. */
const words = '0800 0100 62616400 0800 0200 14000000';
const EINVAL = 'eaffffff';

function feed(acked: boolean, ...datagrams: Buffer[]) {
  const seen: string[] = [];
  const reply = new Reply(SEQ, acked, (b, body, end, type) => seen.push(`${type}:${b.toString('hex', body, end)}`));
  for (const d of datagrams) reply.add(d, d.length);
  return { reply, seen, outcome: reply.outcome };
}

describe('one answer', () => {
  test('an ACK', () => {
    const ack = message(ERROR, CAPPED, SEQ, `00000000 ${requestHeader}`);
    expect(feed(true, ack).outcome).toEqual({ errno: 0, interrupted: false });
  });
  test('an error with the request’s header alone (NETLINK_CAP_ACK)', () => {
    const datagram = message(ERROR, CAPPED | TLVS, SEQ, `${EINVAL} ${requestHeader} ${words}`);
    expect(feed(true, datagram).outcome).toEqual({ errno: 22, interrupted: false, message: 'bad', offset: 20 });
  });
  test('an error with the whole request', () => {
    const datagram = message(ERROR, TLVS, SEQ, `${EINVAL} ${requestHeader} ${requestPayload} ${words}`);
    expect(feed(true, datagram).outcome).toEqual({ errno: 22, interrupted: false, message: 'bad', offset: 20 });
  });
  test('an error with a request whose length is not aligned', () => {
    const odd = `21000000 ${requestHeader.slice(9)} ${requestPayload}`;
    expect(feed(true, message(ERROR, TLVS, SEQ, `${EINVAL} ${odd} ${words}`)).outcome).toMatchObject({ offset: 20 });
  });
  test('an error without words; bytes that no flag announces are not read', () => {
    expect(feed(true, message(ERROR, CAPPED, SEQ, `${EINVAL} ${requestHeader} ${words}`)).outcome).toEqual({
      errno: 22,
      interrupted: false,
    });
    expect(feed(true, message(ERROR, 0, SEQ, EINVAL)).outcome).toEqual({ errno: 22, interrupted: false });
  });
  test('a missing attribute, and the nest that lacks it', () => {
    const missing = '0800 0500 02000000 0800 0600 14000000';
    const datagram = message(ERROR, CAPPED | TLVS, SEQ, `${EINVAL} ${requestHeader} ${missing}`);
    expect(feed(true, datagram).outcome).toEqual({
      errno: 22,
      interrupted: false,
      missingType: 2,
      missingNest: 20,
    });
  });
  test('extended ACK attributes of newer kernels do no harm', () => {
    const datagram = message(ERROR, CAPPED | TLVS, SEQ, `${EINVAL} ${requestHeader} 0800 6300 00000000 ${words}`);
    expect(feed(true, datagram).outcome).toMatchObject({ errno: 22, message: 'bad' });
  });
  test('without an ACK the first message ends it; with one, the ACK does', () => {
    const answer = message(0x1c, 0, SEQ, '06010000');
    expect(feed(false, answer)).toMatchObject({ seen: ['28:06010000'], outcome: { errno: 0, interrupted: false } });
    expect(feed(true, answer)).toMatchObject({ seen: ['28:06010000'], outcome: undefined });
    const ack = message(ERROR, CAPPED, SEQ, `00000000 ${requestHeader}`);
    expect(feed(true, answer, ack)).toMatchObject({ seen: ['28:06010000'], outcome: { errno: 0 } });
  });
});

test('a part of an answer that says there are more does not end it', () => {
  const part = message(0x1c, MULTI, SEQ, '06010000');
  expect(feed(false, part, part)).toMatchObject({ seen: ['28:06010000', '28:06010000'], outcome: undefined });
});

describe('a dump', () => {
  const part = (body: string, flags = MULTI, sequence = SEQ): Buffer => message(0x1c, flags, sequence, body);

  test('comes in several datagrams of several messages, and ends with NLMSG_DONE', () => {
    const first = Buffer.concat([part('01'), part('0202')]);
    const last = Buffer.concat([part('03030303'), message(DONE, MULTI, SEQ, '00000000')]);
    expect(feed(true, first)).toMatchObject({ seen: ['28:01', '28:0202'], outcome: undefined });
    expect(feed(true, first, last)).toMatchObject({
      seen: ['28:01', '28:0202', '28:03030303'],
      outcome: { errno: 0, interrupted: false },
    });
    expect(feed(false, first, last).outcome).toEqual({ errno: 0, interrupted: false });
  });
  test('an NLMSG_DONE without an errno is a good end', () => {
    expect(feed(true, message(DONE, MULTI, SEQ)).outcome).toEqual({ errno: 0, interrupted: false });
  });
  test('a refusal stands in NLMSG_DONE, with words', () => {
    const datagram = message(DONE, MULTI | TLVS, SEQ, `${EINVAL} ${words}`);
    expect(feed(true, datagram).outcome).toEqual({ errno: 22, interrupted: false, message: 'bad', offset: 20 });
  });
  test('or in NLMSG_ERROR', () => {
    expect(feed(true, part('01'), message(ERROR, CAPPED, SEQ, `f0ffffff ${requestHeader}`)).outcome).toEqual({
      errno: 16,
      interrupted: false,
    });
  });
  test('is torn when any of its messages says so, the last one included', () => {
    const done = message(DONE, MULTI, SEQ, '00000000');
    expect(feed(true, part('01', MULTI | DUMP_INTR), done).outcome?.interrupted).toBe(true);
    expect(feed(true, part('01'), message(DONE, MULTI | DUMP_INTR, SEQ, '00000000')).outcome?.interrupted).toBe(true);
  });
  test('what follows the end is left alone', () => {
    const datagram = Buffer.concat([message(DONE, MULTI, SEQ, '00000000'), part('01')]);
    expect(feed(true, datagram)).toMatchObject({ seen: [], outcome: { errno: 0 } });
  });
});

describe('what belongs to something else', () => {
  test('messages of other sequence numbers are passed over and counted', () => {
    const late = message(ERROR, CAPPED, SEQ - 1, `${EINVAL} ${requestHeader}`);
    const torn = message(0x1c, DUMP_INTR, SEQ + 1, 'ff');
    const ack = message(ERROR, CAPPED, SEQ, `00000000 ${requestHeader}`);
    const { reply, seen } = feed(true, Buffer.concat([late, torn]), Buffer.concat([torn, ack]));
    expect(seen).toEqual([]);
    expect(reply.strays).toBe(3);
    expect(reply.outcome).toEqual({ errno: 0, interrupted: false });
  });
  test('NLMSG_NOOP and NLMSG_OVERRUN say nothing', () => {
    expect(feed(false, message(1, 0, SEQ), message(4, 0, SEQ))).toMatchObject({ seen: [], outcome: undefined });
  });
});

describe('bytes that are wrong', () => {
  const whole = message(ERROR, TLVS, SEQ, `${EINVAL} ${requestHeader} ${requestPayload} ${words}`);

  test('a datagram cut anywhere is never taken for a whole one', () => {
    for (let length = 1; length < whole.length; length++) {
      const reply = new Reply(SEQ, true, () => expect.unreachable());
      expect(() => reply.add(whole.subarray(0, length), length)).toThrow(CodecError);
      expect(reply.outcome).toBeUndefined();
    }
  });
  test('nor when its header claims no more than there is', () => {
    for (let length = 16; length < whole.length; length++) {
      const cut = Buffer.from(whole.subarray(0, length));
      cut.writeUInt32LE(length, 0);
      const reply = new Reply(SEQ, true, () => expect.unreachable());
      try {
        reply.add(cut, length);
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError);
      }
      // With its errno and its request whole, the words may be missing: nothing else may be.
      if (reply.outcome) expect([reply.outcome.errno, length >= 20]).toEqual([22, true]);
      if (length < 20) expect(reply.outcome).toBeUndefined();
    }
  });
  test('an error without an errno is no ACK', () => {
    expect(() => feed(true, message(ERROR, 0, SEQ))).toThrow(expect.objectContaining({ code: 'NL_TRUNCATED' }));
  });
  test.each(['00000000', '0f000000', '25000000', 'ffffffff', '00000080'])(
    'a request of impossible length %s',
    (size) => {
      const datagram = message(ERROR, TLVS, SEQ, `${EINVAL} ${size} ${requestHeader.slice(9)} ${requestPayload}`);
      expect(() => feed(true, datagram)).toThrow(expect.objectContaining({ code: 'NL_TRUNCATED' }));
    },
  );
  test('the buffer may hold more than the datagram', () => {
    const ack = message(ERROR, CAPPED, SEQ, `00000000 ${requestHeader}`);
    const buffer = Buffer.concat([ack, hex('ffffffff')]);
    const reply = new Reply(SEQ, true, () => expect.unreachable());
    reply.add(buffer, ack.length);
    expect(reply.outcome?.errno).toBe(0);
  });
});
