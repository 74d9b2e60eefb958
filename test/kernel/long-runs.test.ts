import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { ended, until } from '../../src/lab/process.ts';
import { kernelTest } from './need.ts';

const test = kernelTest('MPTCP', 'namespaces to enter');
const script = (name: string): string => new URL(`../../dist/lab/${name}.js`, import.meta.url).pathname;

interface LongRun {
  readonly child: ChildProcess;
  readonly said: () => string;
  /** How many processes there are of this run. */
  readonly processes: () => number;
}

function start(name: string, ...args: string[]): LongRun {
  const mark = `MPTCPD_LONG_RUN=${randomUUID()}`;
  const [key = '', value] = mark.split('=');
  const child = spawn(process.execPath, [script(name), ...args], {
    env: { ...process.env, [key]: value },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let said = '';
  child.stdout.on('data', (data) => (said += data));
  const isOfIt = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark);
    } catch {
      return false; // it has just ended
    }
  };
  const processes = (): number => readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isOfIt(pid)).length;
  return { child, said: () => said, processes };
}

/** Seconds of what takes minutes: that it works, not what it would find out. */
describe('for a few seconds', () => {
  test.each([
    ['soak', '--minutes=0.1', '--at-once=8', '--seed=1'],
    ['chaos', '--minutes=0.15', '--connections=4', '--seed=1'],
    ['chaos', '--minutes=0.15', '--connections=4', '--seed=2', '--plugin=sspi'],
  ])('%s %s %s %s: all holds, and nothing is left', { timeout: 180_000 }, async (name, ...args) => {
    const run = start(name, ...args);
    const status = await ended(run.child);
    expect([status, run.said()]).toEqual([0, expect.not.stringContaining('✗')]);
    expect(run.said()).toContain('✓');
    await until('no process is left', () => run.processes() === 0);
  });
});

describe('interrupted', () => {
  for (const [signal, status] of [
    ['SIGINT', 1],
    ['SIGKILL', 137],
  ] as const) {
    test(`by ${signal}: no process is left`, { timeout: 60_000 }, async () => {
      const run = start('chaos', '--minutes=1', '--connections=2');
      await until('it has begun', () => run.said().includes('2 connections send'), { deadline: 30_000 });
      // The lab, two hosts and two daemons beside itself.
      expect(run.processes()).toBeGreaterThanOrEqual(6);
      run.child.kill(signal);
      expect(await ended(run.child)).toBe(status);
      await until('no process is left', () => run.processes() === 0, { deadline: 10_000, state: run.processes });
    });
  }
});
