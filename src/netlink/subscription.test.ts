import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
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

// A machine that is busy with other things has no part in this.
let now = 0;
beforeEach(() => void vi.spyOn(performance, 'now').mockImplementation(() => now));
afterEach(() => void vi.restoreAllMocks());

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
  test('where what follows from them takes long, a turn takes fewer: others have theirs within 20 ms', () => {
    const { listener, socket, turn } = subscribed();
    listener.message.mockImplementation(() => {
      now += 7;
    });
    turn(...Array.from({ length: 5 }, () => one));
    expect(socket.queue).toHaveLength(2);
    turn();
    expect(socket.queue).toHaveLength(0);
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
    // What they told of is not known: it is read again as after any other loss.
    expect(listener.lost.mock.calls).toEqual([[2]]);
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
  test('a burst is told of once, when what waited is read; before, that there is much', () => {
    const { listener, socket, turn } = subscribed();
    const order: string[] = [];
    const behind = vi.fn(() => void order.push('behind'));
    Object.assign(listener, { behind });
    listener.lost.mockImplementation((count) => void order.push(`lost ${count}`));
    socket.dropped = 5;
    turn(...Array.from({ length: 1100 }, () => one));
    expect(order).toEqual(['behind']);
    socket.dropped = 7;
    turn();
    expect(order).toEqual(['behind']);
    turn();
    expect(order).toEqual(['behind', 'lost 7']);
    turn(one);
    expect(order).toEqual(['behind', 'lost 7']);
  });
  test('a flood that does not end is told of all the same', () => {
    const { listener, socket, turn } = subscribed();
    socket.dropped = 1;
    for (let i = 0; i < 255; i++) turn(...Array.from({ length: 512 }, () => one));
    expect(listener.lost).not.toHaveBeenCalled();
    turn(...Array.from({ length: 512 }, () => one));
    expect(listener.lost.mock.calls).toEqual([[1]]);
  });
  test('what was lost before anybody watched counts where it is not known', () => {
    const socket = new ScriptedSocket();
    socket.dropped = 4;
    const lost = vi.fn();
    subscribe(socket, { message: () => undefined, lost, malformed: () => undefined }, 0);
    socket.ready?.();
    expect(lost.mock.calls).toEqual([[4]]);
  });
  test('truncated datagrams count too', () => {
    const { listener, socket, turn } = subscribed();
    socket.truncated = 2;
    socket.dropped = 1;
    turn(one);
    turn(one);
    expect(listener.lost.mock.calls).toEqual([[3]]);
  });
  test('where a turn is over before it has seen that nothing more waits, it is told of all the same', async () => {
    const { listener, socket, turn } = subscribed();
    let now = 0;
    const time = vi.spyOn(performance, 'now').mockImplementation(() => {
      now += 1000;
      return now;
    });
    socket.dropped = 3;
    turn(one);
    time.mockRestore();
    await vi.waitFor(() => expect(listener.lost.mock.calls).toEqual([[3]]));
  });
});
