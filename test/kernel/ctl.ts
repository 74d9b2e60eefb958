import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { formatToken } from '../../src/core/model/ids.ts';
import type { LabHost } from '../../src/lab/host.ts';
import { ended, inside, until } from '../../src/lab/process.ts';

export const MPTCPCTL: readonly string[] = [
  process.execPath,
  fileURLToPath(new URL('../../bin/mptcpctl', import.meta.url)),
];

/** What a program that has ended has printed. */
export interface Done {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** What one prints that has done what it was told. */
export const done: Done = { status: 0, out: '', err: '' };

/** The words that start mptcpctl inside a host, with what stands before them. */
export const ctlWords = ({ pid }: LabHost, line: string, before: readonly string[] = []) =>
  inside(pid, [...before, ...MPTCPCTL, ...line.split(' ')]);

/** Runs mptcpctl inside a host to its end. */
export function ctl(host: LabHost, line: string, before: readonly string[] = []): Done {
  const [file, ...args] = ctlWords(host, line, before);
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', timeout: 10_000 });
  return { status, out: stdout, err: stderr };
}

/** A running mptcpctl and what it has printed so far. */
export class RunningCtl {
  readonly child: ChildProcess;
  out = '';
  err = '';

  constructor([file, ...args]: readonly [string, ...string[]]) {
    this.child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout?.on('data', (data) => (this.out += data));
    this.child.stderr?.on('data', (data) => (this.err += data));
  }

  /** Waits until it has printed something on stdout. */
  async said(words = '\n'): Promise<string> {
    await until(`it says ${words}`, () => this.out.includes(words), { state: () => [this.out, this.err] });
    return this.out;
  }

  /** Waits until it has ended. */
  async done(): Promise<Done> {
    const closed = new Promise((resolve) => this.child.once('close', resolve));
    const status = await ended(this.child);
    if (!this.child.stdout?.closed || !this.child.stderr?.closed) await closed;
    return { status, out: this.out, err: this.err };
  }
}

/** Starts mptcpctl inside a host. */
export const startCtl = (host: LabHost, line: string, before: readonly string[] = []): RunningCtl =>
  new RunningCtl(ctlWords(host, line, before));

/** A connection of the client to the server's port 8000, fully established. */
export async function connect(
  { client, server }: { readonly client: LabHost; readonly server: LabHost },
  ip: string,
  { established = true } = {},
): Promise<{ token: string; serverToken: string; port: number; connection: number }> {
  const [{ length: from }, { length: serverFrom }] = [client.events, server.events];
  await server.ask({ op: 'listen', at: { ip: '::', port: 8000 } });
  const { connection } = await client.ask<{ connection: number }>({ op: 'connect', to: { ip, port: 8000 } });
  if (established) await client.ask({ op: 'send', connection, bytes: 1000 });
  const type = established ? 'connectionEstablished' : 'connectionCreated';
  const here = await until(type, () => client.events.slice(from).find(({ event }) => event.type === type)?.event);
  const there = await until('the server has it', () =>
    server.events.slice(serverFrom).find(({ event }) => event.type === 'connectionCreated'),
  );
  if (!('localPort' in here) || !('token' in here) || !('token' in there.event)) throw new Error('no connection');
  const [token, serverToken] = [formatToken(here.token), formatToken(there.event.token)];
  return { token, serverToken, port: here.localPort, connection };
}
