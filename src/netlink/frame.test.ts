import { describe, expect, test } from 'vitest';
import { hex, message, written } from '../../test/fixtures/wire/wire.ts';
import { CodecError } from './errors.ts';
import { beginFrame, endFrame, newFrame, readFrame } from './frame.ts';
import { align4, Writer } from './writer.ts';

describe('frames', () => {
  test('a message has its length in front and is padded at the end', () => {
    const bytes = written((w) => {
      const at = beginFrame(w, 0x1c, 0x305, 0xfffffffe, 7);
      w.raw(hex('010203'));
      endFrame(w, at);
    });
    expect(bytes).toBe('13000000 1c00 0503 feffffff 07000000 010203 00'.replaceAll(' ', ''));
  });
  test('is read as offsets; the next one starts after the padding', () => {
    const datagram = Buffer.concat([message(0x1c, 0x2, 5, '010203'), message(0x3, 0x2, 6, '00000000')]);
    const frame = newFrame();
    expect(readFrame(frame, datagram, 0, datagram.length)).toEqual({
      ...{ type: 0x1c, flags: 2, sequence: 5 },
      ...{ body: 16, end: 19, next: 20 },
    });
    expect(readFrame(frame, datagram, frame.next, datagram.length)).toBe(frame);
    expect(frame).toEqual({ type: 3, flags: 2, sequence: 6, body: 36, end: 40, next: 40 });
  });
  test('sequence numbers have 32 bits', () => {
    expect(readFrame(newFrame(), message(3, 0, 0xffffffff), 0, 16).sequence).toBe(0xffffffff);
  });
  test.each([
    ['no room for a header', 15, 16, '15 bytes where a message header has 16'],
    ['a length below the header’s', 20, 15, 'a message of 15 bytes in 20'],
    ['a length of 0, which would never end', 20, 0, 'a message of 0 bytes in 20'],
    ['a length beyond the datagram', 20, 21, 'a message of 21 bytes in 20'],
    ['a length that would be negative with a sign', 20, 0xffffffff, 'a message of 4294967295 bytes in 20'],
  ])('refuses %s', (_, length, claimed, words) => {
    const datagram = message(3, 0, 1, '00000000');
    datagram.writeUInt32LE(claimed, 0);
    const read = () => readFrame(newFrame(), datagram, 0, length);
    expect(read).toThrow(CodecError);
    expect(read).toThrow(expect.objectContaining({ code: 'NL_TRUNCATED', message: words }));
  });
});

describe('writer', () => {
  test('aligns to four', () => {
    expect([0, 1, 3, 4, 5, 65533].map(align4)).toEqual([0, 4, 4, 4, 8, 65536]);
  });
  test('grows, and keeps what it holds', () => {
    const w = new Writer(1);
    for (let i = 0; i < 1000; i++) w.u8(i & 0xff);
    expect([...w.bytes]).toEqual(Array.from({ length: 1000 }, (_, i) => i & 0xff));
  });
  test('starts again after a reset, with clean padding', () => {
    const w = new Writer();
    w.raw(Buffer.alloc(32, 0xff));
    w.reset();
    const at = w.open(3);
    w.u8(1);
    w.close(at);
    expect(w.bytes.toString('hex')).toBe('0500030001000000');
  });
  test('an attribute holds what its 16-bit length can say', () => {
    const w = new Writer();
    const at = w.open(1);
    w.zeros(0xffff - 4);
    w.close(at);
    expect(w.bytes.readUInt16LE(0)).toBe(0xffff);
    w.reset();
    const longer = w.open(1);
    w.zeros(0xffff - 3);
    expect(() => w.close(longer)).toThrow(expect.objectContaining({ code: 'NL_OUT_OF_RANGE' }));
  });
});
