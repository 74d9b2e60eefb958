import { mkdtempSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { UnixDatagram } from '../os/index.ts';
import {
  type Destination,
  journalDestination,
  journalEntry,
  nullDestination,
  stderrDestination,
  syslogDestination,
  syslogLine,
} from './destinations.ts';
import type { Line } from './format.ts';
import { createLog } from './index.ts';

// Lines go to the descriptor itself, which a test cannot listen to.
vi.mock('node:fs', async (original) => ({ ...(await original<typeof import('node:fs')>()), writeSync: vi.fn() }));
const writes = vi.mocked(writeSync);

const time = new Date(2026, 0, 5, 13, 4, 5).getTime();
const line = (more: Partial<Line> = {}): Line => ({ level: 30, time, msg: 'ready', ...more });
const json = (more: Partial<Line> = {}): string => `${JSON.stringify(line(more))}\n`;
const onStderr = (): string => writes.mock.calls.map(([fd, bytes]) => (fd === 2 ? String(bytes) : '')).join('');

let dir: string;
const { isTTY } = process.stderr;
const terminal = (yes: boolean): void =>
  void Object.defineProperty(process.stderr, 'isTTY', { value: yes, configurable: true });

/** What writeSync was given: bytes, whatever its types say. */
const given = (bytes: unknown): Buffer => Buffer.from(bytes as Uint8Array);
const fails = (code: string) => (): never => {
  throw Object.assign(new Error(code), { code });
};

beforeEach(() => {
  writes.mockImplementation((_, bytes) => given(bytes).length);
  dir = mkdtempSync(join(tmpdir(), 'mptcpd-log-'));
  terminal(false);
  vi.stubEnv('NO_COLOR', undefined);
});
afterEach(() => {
  rmSync(dir, { recursive: true });
  terminal(isTTY);
  vi.unstubAllEnvs();
  writes.mockReset();
});

describe('stderr', () => {
  test('is JSON where nobody looks', () => {
    stderrDestination().write(json());
    expect(onStderr()).toBe(json());
  });

  test('is for people on a terminal', () => {
    terminal(true);
    stderrDestination().write(json({ level: 40, plugin: 'p' }));
    expect(onStderr().startsWith('\u001b[33m')).toBe(true);
    expect(onStderr()).toMatch(/\d\d:04:05\.000 warn {2}ready \(plugin p\)/);
  });

  test('has no colours where the user wants none', () => {
    terminal(true);
    vi.stubEnv('NO_COLOR', '1');
    stderrDestination().write(json({ level: 40 }));
    expect(onStderr()).toMatch(/^\d\d:04:05\.000 warn {2}ready\n$/);
  });

  test.each(['EPIPE', 'EAGAIN', 'ENOSPC', 'EIO'])('%s is no reason to fail', (code) => {
    writes.mockImplementation(fails(code));
    expect(() => stderrDestination().write(json())).not.toThrow();
    expect(writes).toHaveBeenCalledOnce();
  });

  test('any other fault is', () => {
    writes.mockImplementation(fails('EFAULT'));
    expect(() => stderrDestination().write(json())).toThrow('EFAULT');
  });

  test('tells how many lines were lost, once one can be written again', () => {
    const stderr = stderrDestination();
    writes.mockImplementation(fails('EAGAIN'));
    for (const msg of ['a', 'b', 'c']) stderr.write(json({ msg }));
    writes.mockReset();
    writes.mockImplementation((_, bytes) => given(bytes).length);
    for (const msg of ['d', 'e']) stderr.write(json({ msg }));
    const lines = onStderr()
      .trim()
      .split('\n')
      .map((each) => JSON.parse(each) as Line);
    expect(lines).toMatchObject([
      { level: 40, lines: 3, msg: 'lines of this log were lost' },
      { msg: 'd' },
      { msg: 'e' },
    ]);
  });

  test('completes a line of which only half was taken', () => {
    const stderr = stderrDestination();
    let taken = '';
    writes.mockImplementation((_, bytes) => {
      const part = given(bytes).subarray(0, 20);
      taken += part.toString();
      return part.length;
    });
    stderr.write(json({ msg: 'a' }));
    writes.mockImplementation((_, bytes) => {
      taken += given(bytes).toString();
      return given(bytes).length;
    });
    stderr.write(json({ msg: 'b' }));
    expect(taken).toBe(json({ msg: 'a' }) + json({ msg: 'b' }));
  });
});

describe('a line of syslog', () => {
  test('is as syslog(3) sends it', () => {
    expect(syslogLine(line({ plugin: 'p' }), 42)).toBe('<30>Jan  5 13:04:05 mptcpd[42]: ready (plugin p)');
  });
  test.each([
    [60, 26],
    [50, 27],
    [40, 28],
    [30, 30],
    [20, 31],
  ])('of level %i has the priority <%i>: facility daemon', (level, priority) => {
    expect(syslogLine(line({ level }), 1)).toMatch(new RegExp(`^<${priority}>`));
  });
  test('of the second half of a month', () => {
    expect(syslogLine(line({ time: new Date(2026, 11, 25, 1, 2, 3).getTime() }), 1)).toContain('>Dec 25 01:02:03 ');
  });
  test('is one line, whatever an error’s stack has', () => {
    expect(syslogLine(line({ stack: 'Error\n    at x' }), 1)).toMatch(/ready \(stack Error {5}at x\)$/);
  });
});

describe('an entry of the journal', () => {
  test('has a field a line', () => {
    expect(journalEntry(line({ level: 40, plugin: 'p' }))).toBe(
      'MESSAGE=ready (plugin p)\nPRIORITY=4\nSYSLOG_IDENTIFIER=mptcpd\nLEVEL=warn\n',
    );
  });
  test('a line break cannot add a field', () => {
    const entry = journalEntry(line({ msg: 'x\nPRIORITY=0' }));
    expect(entry.split('\n')).toEqual([
      'MESSAGE=x PRIORITY=0',
      'PRIORITY=6',
      'SYSLOG_IDENTIFIER=mptcpd',
      'LEVEL=info',
      '',
    ]);
  });
});

describe.each<[name: string, open: (path: string) => Destination, expected: RegExp]>([
  ['syslog', syslogDestination, /^<30>Jan {2}5 13:04:05 mptcpd\[\d+\]: ready$/],
  ['journal', journalDestination, /^MESSAGE=ready\nPRIORITY=6\n/],
])('%s', (_, open, expected) => {
  const received = (receiver: UnixDatagram): string => receiver.receive()?.toString() ?? '';

  test('gets each line as a datagram', () => {
    const path = join(dir, 's');
    const receiver = new UnixDatagram(path);
    open(path).write(json());
    expect(received(receiver)).toMatch(expected);
    expect(writes).not.toHaveBeenCalled();
    receiver.close();
  });

  test('what cannot be sent goes to stderr, which says why once', () => {
    const destination = open(join(dir, 's'));
    destination.write(json());
    destination.write(json({ msg: 'second' }));
    const [why, first, second, ...more] = onStderr().trimEnd().split('\n');
    expect(JSON.parse(why ?? '')).toMatchObject({
      path: join(dir, 's'),
      reason: expect.stringContaining('ENOENT'),
      msg: 'cannot log there: logging to stderr',
    });
    expect([first, second].map((each) => JSON.parse(each ?? '').msg)).toEqual(['ready', 'second']);
    expect(more).toEqual([]);
  });

  test('once somebody listens it is used again, and a second failure is told again', () => {
    const path = join(dir, 's');
    const destination = open(path);
    destination.write(json());
    const receiver = new UnixDatagram(path);
    destination.write(json());
    expect(received(receiver)).toMatch(expected);
    receiver.close();
    destination.write(json());
    expect(onStderr().match(/cannot log there/g)).toHaveLength(2);
  });

  test('a receiver that does not read holds nobody up', () => {
    const path = join(dir, 's');
    const receiver = new UnixDatagram(path);
    const destination = open(path);
    const MANY = 5000;
    for (let i = 0; i < MANY && writes.mock.calls.length === 0; i++) destination.write(json({ msg: 'x'.repeat(500) }));
    expect(onStderr()).toContain('its queue is full');
    receiver.close();
  });
});

describe('the log', () => {
  const lines: Line[] = [];
  const keep: Destination = { write: (each) => void lines.push(JSON.parse(each) as Line) };
  beforeEach(() => void lines.splice(0));

  test('writes the level that was asked for and above', () => {
    const log = createLog(keep, 'warn');
    log.info('no');
    log.warn({ a: 1 }, 'yes');
    expect(lines).toMatchObject([{ level: 40, a: 1, msg: 'yes' }]);
    expect(lines[0]).not.toHaveProperty('pid');
  });

  test('to null is nothing', () => {
    nullDestination.write(json());
    createLog('null', 'debug').error('x');
    expect(writes).not.toHaveBeenCalled();
  });

  test('to stderr is written before the call returns', () => {
    createLog('stderr', 'info').info('x');
    expect(JSON.parse(onStderr())).toMatchObject({ level: 30, msg: 'x' });
  });
});
