import { describe, expect, test } from 'vitest';
import { hex, message, ScriptedSocket } from '../../test/fixtures/wire/wire.ts';
import { asAddrId, asToken } from '../core/model/ids.ts';
import { Client } from './client.ts';
import { CodecError, NetlinkError } from './errors.ts';
import { attr, FAMILY, ops } from './families/mptcp-pm.ts';
import { ctrl } from './families/nlctrl.ts';
import { Family } from './family.ts';
import { genlOp } from './generic.ts';
import { Writer } from './writer.ts';

const PM = 0x1c;
const ERROR = 2;
const DONE = 3;
const MULTI = 0x2;
const DUMP_INTR = 0x10;
const CAPPED_TLVS = 0x300;
const EINVAL = 'eaffffff';

type Answer = (request: Buffer, sequence: number) => readonly Uint8Array[];
function client(answer?: Answer) {
  const socket = new ScriptedSocket(answer);
  return { socket, client: new Client(socket) };
}

const header = (request: Buffer): string => request.toString('hex', 0, 16);
const ack: Answer = (request, seq) => [message(ERROR, 0x100, seq, `00000000 ${header(request)}`)];
const refuse =
  (errno: string, attributes: string): Answer =>
  (request, seq) => [message(ERROR, CAPPED_TLVS, seq, `${errno} ${header(request)} ${attributes}`)];
/** An extended ACK's text, with its NUL and padding. */
const says = (text: string): string => {
  const bytes = Buffer.from(`${text}\0`);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(bytes.length + 4);
  return `${length.toString('hex')}0100${bytes.toString('hex')}${'00'.repeat(-bytes.length & 3)}`;
};

const token = asToken(0xdeadbeef);
const removeThree = { token, locId: asAddrId(3) };
/** GET_LIMITS' answer: one attribute each. */
const limits = '06010000 08000200 02000000 08000300 03000000';
/** GET_ADDR's answer for 10.0.0.1 under an id. */
const endpoint = (id: string): string => `03010000 1c000180 06000100 02000000 05000200 ${id}000000 08000300 0a000001`;

describe('a request', () => {
  test('is written whole, and an ACK is all its answer', () => {
    const { client: c, socket } = client(ack);
    expect(c.request(ops.remove, PM, removeThree)).toEqual({ ok: true, value: undefined });
    expect(socket.sent.map((b) => b.toString('hex'))).toEqual([
      '24000000 1c00 0500 01000000 00000000 09010000 08000400 efbeadde 05000500 03000000'.replaceAll(' ', ''),
    ]);
  });
  test('with an answer asks for no ACK', () => {
    const { client: c, socket } = client((_, seq) => [message(PM, 0, seq, limits)]);
    expect(c.request(ops.getLimits, PM, {})).toEqual({ ok: true, value: { rcvAddAddrs: 2, subflows: 3 } });
    expect(socket.sent[0]?.readUInt16LE(6)).toBe(1);
  });
  test('each has a sequence number of its own, and late answers to others are passed over', () => {
    const { client: c, socket } = client((request, seq) => [
      ...refuse(EINVAL, says('late'))(request, seq - 1),
      ...ack(request, seq),
    ]);
    for (let i = 1; i <= 3; i++) {
      expect(c.request(ops.flushAddrs, PM, {}).ok).toBe(true);
      expect(socket.sent.at(-1)?.readUInt32LE(8)).toBe(i);
    }
  });
  test('that lacks something is not sent', () => {
    const { client: c, socket } = client(ack);
    const incomplete = { token } as typeof removeThree;
    expect(() => c.request(ops.remove, PM, incomplete)).toThrow(
      expect.objectContaining({ code: 'NL_MISSING_ATTR', path: ['locId'], message: 'locId: missing in remove' }),
    );
    const noId = { addr: {} } as { addr: { id: ReturnType<typeof asAddrId> } };
    expect(() => c.request(ops.getAddr, PM, noId)).toThrow(
      expect.objectContaining({ code: 'NL_MISSING_ATTR', path: ['addr', 'id'] }),
    );
    expect(socket.sent).toEqual([]);
  });
  test('longer than the writer was is sent whole', () => {
    const { client: c, socket } = client(ack);
    const long = genlOp('long', ctrl, { command: 1 });
    c.request(long, 16, { familyName: 'x'.repeat(2000), op: 7 });
    const [sent] = socket.sent;
    expect(sent?.length).toBe(16 + 4 + 4 + 2001 + 3 + 8);
    expect(sent?.toString('latin1', 24, 2024)).toBe('x'.repeat(2000));
    expect(sent?.toString('hex', 2028)).toBe('08000a0007000000');
  });
});

describe('a refusal', () => {
  const refusal = (attributes: string, errno = EINVAL) => {
    const result = client(refuse(errno, attributes)).client.request(ops.remove, PM, removeThree);
    if (result.ok) throw new Error('not refused');
    return result.error;
  };
  test('names what the kernel complains of, with the kernel’s words', () => {
    const error = refusal(`${says('invalid token')} 08000200 14000000`);
    expect(error).toBeInstanceOf(NetlinkError);
    expect(error.message).toBe('remove: token: invalid token (EINVAL)');
    expect(error).toMatchObject({ op: 'remove', errno: 'EINVAL', extack: 'invalid token', path: ['token'] });
  });
  test('is an answer: no time is spent on where in the program it came', () => {
    expect(refusal('').stack).toBe('NetlinkError: remove: EINVAL');
    expect(new Error('other errors do have it').stack).toContain('client.test.ts');
  });
  test('without words is the errno; with an offset that is nothing, no path', () => {
    expect(refusal('').message).toBe('remove: EINVAL');
    expect(refusal('08000200 14000000').message).toBe('remove: token: EINVAL');
    expect(refusal(`${says('odd')} 08000200 ff000000`).message).toBe('remove: odd (EINVAL)');
    expect(refusal(says('gone'), 'fdffffff').message).toBe('remove: gone (ESRCH)');
    expect(refusal('', 'f4fdffff').message).toBe('remove: errno 524');
  });
  test('names a missing attribute by its number', () => {
    expect(refusal('08000500 05000000')).toMatchObject({
      message: 'remove: locId: attribute missing (EINVAL)',
      path: ['locId'],
    });
    expect(refusal('08000500 63000000').message).toBe('remove: attribute 99: attribute missing (EINVAL)');
  });
  test('names the nest that lacks it', () => {
    const { client: c } = client(refuse(EINVAL, '08000500 02000000 08000600 14000000'));
    const result = c.request(genlOp('delete endpoint', attr, { command: 2 }), PM, { addr: {} });
    expect(result.ok ? undefined : result.error.message).toBe('delete endpoint: addr.id: attribute missing (EINVAL)');
  });
  test('finds what stands inside a nest', () => {
    // nlmsghdr 16, genlmsghdr 4, the nest's header 4, family 8: the id stands at 32.
    const { client: c } = client(refuse(EINVAL, `${says('bad')} 08000200 20000000`));
    const request = { addr: { family: 'ipv4', id: asAddrId(7), ip: '10.0.0.1' } } as const;
    const result = c.request(ops.addAddr, PM, request);
    expect(result.ok ? undefined : result.error.message).toBe('add endpoint: addr.id: bad (EINVAL)');
  });
});

describe('a dump', () => {
  const done = (seq: number, flags = MULTI): Buffer => message(DONE, flags, seq, '00000000');

  test('is every message of every datagram', () => {
    const { client: c, socket } = client((_, seq) => [
      Buffer.concat([message(PM, MULTI, seq, endpoint('01')), message(PM, MULTI, seq, endpoint('02'))]),
      Buffer.concat([message(PM, MULTI, seq, endpoint('03')), done(seq)]),
    ]);
    const result = c.dump(ops.listAddrs, PM, {});
    expect(result.ok && result.value.map(({ addr }) => addr.id)).toEqual([1, 2, 3]);
    expect(socket.sent[0]?.readUInt16LE(6)).toBe(0x301);
  });
  test('that is torn is asked for again, and what it said is forgotten', () => {
    let tries = 0;
    const { client: c, socket } = client((_, seq) => {
      const torn = ++tries < 3 ? DUMP_INTR : 0;
      return [Buffer.concat([message(PM, MULTI | torn, seq, endpoint(`0${tries}`)), done(seq)])];
    });
    const result = c.dump(ops.listAddrs, PM, {});
    expect(result.ok && result.value.map(({ addr }) => addr.id)).toEqual([3]);
    expect(socket.sent.length).toBe(3);
  });
  test('that is torn again and again is refused', () => {
    const { client: c, socket } = client((_, seq) => [done(seq, MULTI | DUMP_INTR)]);
    const result = c.dump(ops.listAddrs, PM, {});
    expect(result).toMatchObject({ ok: false, error: { errno: 'EINTR', op: 'list endpoints' } });
    expect(socket.sent.length).toBe(10);
  });
  test('that is refused is not asked for again', () => {
    const { client: c, socket } = client((_, seq) => [
      message(DONE, MULTI | 0x200, seq, `${EINVAL} ${says('invalid token')} 08000200 14000000`),
    ]);
    const result = c.dump(ops.listAddrs, PM, { token });
    expect(result.ok ? undefined : result.error.message).toBe('list endpoints: token: invalid token (EINVAL)');
    expect(socket.sent.length).toBe(1);
  });
});

describe('an answer that does not end', () => {
  /** A kernel that never stops to send. */
  function endless(each: (seq: number) => Buffer) {
    const { client: c, socket } = client();
    let sequence = 0;
    socket.send = (datagram) => {
      sequence = Buffer.from(datagram).readUInt32LE(8);
    };
    const before = socket.receive.bind(socket);
    socket.receive = () => {
      socket.queue.push(each(sequence));
      return before();
    };
    return c;
  }
  test('but is of others alone ends in an error that names the operation, within a second or two', () => {
    const start = performance.now();
    const c = endless((seq) => message(PM, 0, seq + 1, limits));
    expect(() => c.request(ops.getLimits, PM, {})).toThrow(
      expect.objectContaining({ name: 'NoAnswerError', message: 'get limits: the answer does not end' }),
    );
    // One for the answer, one for what is left on the socket.
    expect(performance.now() - start).toBeLessThan(2500);
  });
  test('late answers to a request that was given up are not taken for another’s', () => {
    const { client: c, socket } = client((_, seq) => (seq === 1 ? [] : [message(PM, 0, seq, limits)]));
    expect(() => c.request(ops.getLimits, PM, {})).toThrow('get limits: the kernel did not answer');
    socket.queue.push(message(PM, 0, 1, '06010000 08000200 07000000 08000300 07000000'));
    expect(c.request(ops.getLimits, PM, {})).toMatchObject({ ok: true, value: { rcvAddAddrs: 2, subflows: 3 } });
  });
});

describe('an answer of which a datagram was too long', () => {
  test('is none, and that is said', () => {
    const { client: c, socket } = client();
    socket.receive = () => {
      socket.truncated++;
      return -1;
    };
    expect(() => c.request(ops.getLimits, PM, {})).toThrow('get limits: the answer is longer than any should be');
  });
  test('is asked for again where it is a dump: a part of it is missing', () => {
    let tries = 0;
    const { client: c, socket } = client((_, seq) => [
      Buffer.concat([message(PM, MULTI, seq, endpoint('01')), message(DONE, MULTI, seq, '00000000')]),
    ]);
    const receive = socket.receive.bind(socket);
    socket.receive = () => {
      if (++tries === 1) socket.truncated++;
      return receive();
    };
    expect(c.dump(ops.listAddrs, PM, {})).toMatchObject({ ok: true, value: [{ addr: { id: 1 } }] });
    expect(socket.sent.length).toBe(2);
  });
});

describe('a fault is thrown', () => {
  test('no answer', () => {
    expect(() => client().client.request(ops.flushAddrs, PM, {})).toThrow('flush endpoints: the kernel did not answer');
    const half: Answer = (_, seq) => [message(PM, MULTI, seq, endpoint('01'))];
    expect(() => client(half).client.dump(ops.listAddrs, PM, {})).toThrow('list endpoints: the kernel did not answer');
  });
  test('an answer that lacks what it always has', () => {
    const { client: c } = client((_, seq) => [message(PM, 0, seq, '06010000 08000200 02000000')]);
    expect(() => c.request(ops.getLimits, PM, {})).toThrow(
      expect.objectContaining({ code: 'NL_MISSING_ATTR', message: 'subflows: missing in the answer to get limits' }),
    );
  });
  test('an answer that cannot be read; the rest of the dump is taken off the socket first', () => {
    const { client: c, socket } = client((_, seq) => [
      message(PM, MULTI, seq, '03010000 ffff0180'),
      message(PM, MULTI, seq, endpoint('02')),
      message(DONE, MULTI, seq, '00000000'),
    ]);
    expect(() => c.dump(ops.listAddrs, PM, {})).toThrow(CodecError);
    expect(socket.queue).toEqual([]);
  });
  test('an answer where an ACK is all there is', () => {
    const { client: c } = client((_, seq) => [message(PM, 0, seq, limits)]);
    expect(() => c.request(ops.flushAddrs, PM, {})).toThrow('flush endpoints is answered by an ACK alone');
  });
});

test('close closes the socket', () => {
  const { client: c, socket } = client();
  c.close();
  expect(socket.closed).toBe(true);
});

describe('a family', () => {
  const found = (): string => {
    const w = new Writer();
    const groups = new Map([
      [1, { name: 'mptcp_pm_cmds', id: 8 }],
      [2, { name: 'mptcp_pm_events', id: 9 }],
      [3, { name: 'nameless' }],
    ]);
    ctrl.encode(w, { familyName: FAMILY, familyId: PM, groups });
    return `01020000${w.bytes.toString('hex')}`;
  };
  test('is found by name, with its groups', () => {
    const { client: c, socket } = client((request, seq) =>
      request.readUInt16LE(4) === 16 ? [message(16, 0, seq, found())] : [message(PM, 0, seq, limits)],
    );
    const family = Family.find(c, FAMILY);
    if (!family.ok) throw family.error;
    expect([family.value.id, ...family.value.groups]).toEqual([PM, ['mptcp_pm_cmds', 8], ['mptcp_pm_events', 9]]);
    expect(family.value.request(ops.getLimits, {})).toEqual({ ok: true, value: { rcvAddAddrs: 2, subflows: 3 } });
    expect(socket.sent.map((b) => b.readUInt16LE(4))).toEqual([16, PM]);
    expect(socket.sent[0]?.subarray(16)).toEqual(hex('03020000 0d000200 6d707463705f706d00 000000'));
  });
  test('that the kernel does not have is a refusal', () => {
    const { client: c } = client(refuse('feffffff', ''));
    expect(Family.find(c, FAMILY)).toMatchObject({ ok: false, error: { message: 'find family: ENOENT' } });
  });
});
