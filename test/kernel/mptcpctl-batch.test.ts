import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'vitest';
import { until } from '../../src/lab/process.ts';
import { inNetworkNamespace, MptcpListener } from '../../src/os/index.ts';
import { kernelTest, openNamespace } from './need.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');
const PROGRAM = new URL('../../bin/mptcpctl', import.meta.url).pathname;

/** A batch that reads its commands from us. */
async function startBatch() {
  const ns = await openNamespace();
  const wrapped = ['-t', ns.path.split('/')[2] ?? '', '-U', '-n', '--preserve-credentials'];
  const child = spawn('nsenter', [...wrapped, process.execPath, PROGRAM, '-batch', '-']);
  const said = { out: '', err: '' };
  child.stdout.on('data', (data) => (said.out += data));
  child.stderr.on('data', (data) => (said.err += data));
  const ended = once(child, 'close');
  return {
    ns,
    said,
    write: (text: string) => child.stdin.write(text),
    endInput: () => child.stdin.end(),
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    /** Its exit status. */
    ended: async () => (await ended)[0] as number | null,
    sees: (text: string) => until(`it says ${text}`, () => said.out.includes(text), { state: () => said }),
  };
}

test('a command is done before the next one is there', async () => {
  const batch = await startBatch();
  try {
    batch.write('limits\nendpoint add 10.');
    await batch.sees('subflows 2');
    batch.write('0.0.1\nendpoint\n');
    await batch.sees('10.0.0.1 id 1');
    batch.endInput();
    expect(await batch.ended()).toBe(0);
  } finally {
    await batch.ns.close();
  }
});

test('monitor is the last command: what ends it ends the batch', async () => {
  const batch = await startBatch();
  try {
    batch.write('limits\nmonitor\nlimits set subflows 7\n');
    await batch.sees('subflows 2');
    // Until it has subscribed it hears of no listener.
    await until('it tells of a listener', () => {
      inNetworkNamespace(batch.ns.path, () => new MptcpListener({ ip: '127.0.0.1', port: 7000 }).close());
      return batch.said.out.includes('LISTENER_CREATED');
    });
    batch.signal('SIGTERM');
    expect(await batch.ended()).toBe(0);
    expect(batch.said.err).toBe('');
    expect(batch.ns.run(['ip', 'mptcp', 'limits'])).toContain('subflows 2');
  } finally {
    await batch.ns.close();
  }
});
