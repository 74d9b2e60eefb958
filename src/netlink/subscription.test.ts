import { describe, expect, test, vi } from 'vitest';
import { message, ScriptedSocket } from '../../test/fixtures/wire/wire.ts';
import { CodecError } from './errors.ts';
import { subscribe } from './subscription.ts';

function subscribed(prepare: (socket: ScriptedSocket) => void = () => undefined) {
  const socket = new ScriptedSocket();
  prepare(socket);
  const messages: string[] = [];
  const listener = {
    message: vi.fn((b: Buffer, body: number, end: number, type: number) => {
      messages.push(`${type}:${b.toString('hex', body, end)}`);
    }),
    lost: vi.fn<(count: number) => void>(),
    malformed: vi.fn<(error: unknown) => void>(),
  };
  subscribe(socket, listener);
  const turn = (...datagrams: Uint8Array[]): void => {
    socket.queue.push(...datagrams);
    socket.ready?.();
  };
  return { socket, listener, messages, turn };
}

const one = message(28, 0, 0, '01');
const two = message(28, 0, 0, '0202');

describe('messages', () => {
  test('several a datagram and several datagrams a turn, in order', () => {
    const { messages, turn, listener } = subscribed();
    turn(Buffer.concat([one, two]), message(16, 0, 0));
    turn(two);
    expect(messages).toEqual(['28:01', '28:0202', '16:', '28:0202']);
    expect(listener.malformed).not.toHaveBeenCalled();
    expect(listener.lost).not.toHaveBeenCalled();
  });
  test('a turn without any is nothing', () => {
    const { listener, turn } = subscribed();
    turn();
    for (const call of Object.values(listener)) expect(call).not.toHaveBeenCalled();
  });
  test('a turn takes 512 datagrams, the next one the rest', () => {
    const { messages, socket, turn } = subscribed();
    turn(...Array.from({ length: 700 }, () => one));
    expect([messages.length, socket.queue.length]).toEqual([512, 188]);
    turn();
    expect([messages.length, socket.queue.length]).toEqual([700, 0]);
  });
});

describe('what cannot be read', () => {
  test('a datagram that ends too early is reported; what came before it and after it is not lost', () => {
    const { messages, listener, turn } = subscribed();
    turn(Buffer.concat([one, two.subarray(0, 17)]), Buffer.from([1]), two);
    expect(messages).toEqual(['28:01', '28:0202']);
    expect(listener.malformed.mock.calls.map(([error]) => error instanceof CodecError && error.code)).toEqual([
      'NL_TRUNCATED',
      'NL_TRUNCATED',
    ]);
  });
  test('what the listener throws is reported, and the next datagram still handled', () => {
    const { messages, listener, turn } = subscribed();
    const fault = new CodecError('NL_MISSING_ATTR', 'missing', ['token']);
    listener.message.mockImplementationOnce(() => {
      throw fault;
    });
    turn(one, two);
    expect(listener.malformed.mock.calls).toEqual([[fault]]);
    expect(messages).toEqual(['28:0202']);
  });
});

describe('what is lost', () => {
  test('drops are reported once, as what is new since the last turn', () => {
    const { listener, socket, turn } = subscribed();
    socket.dropped = 3;
    turn(one);
    turn(one);
    socket.dropped = 5;
    turn();
    expect(listener.lost.mock.calls).toEqual([[3], [2]]);
  });
  test('after the messages that were there before the loss was seen', () => {
    const order: string[] = [];
    const { listener, socket, turn } = subscribed();
    listener.message.mockImplementation(() => void order.push('message'));
    listener.lost.mockImplementation(() => void order.push('lost'));
    socket.dropped = 1;
    turn(one, two);
    expect(order).toEqual(['message', 'message', 'lost']);
  });
  test('the kernel’s counter has 32 bits and starts again', () => {
    const { listener, socket, turn } = subscribed((s) => {
      s.dropped = 0xfffffffe;
    });
    turn();
    socket.dropped = 1;
    turn();
    expect(listener.lost.mock.calls).toEqual([[3]]);
  });
  test('truncated datagrams count too', () => {
    const { listener, socket, turn } = subscribed();
    socket.truncated = 2;
    socket.dropped = 1;
    turn(one);
    turn(one);
    expect(listener.lost.mock.calls).toEqual([[3]]);
  });
});
