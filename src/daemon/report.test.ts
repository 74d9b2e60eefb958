import { expect, test } from 'vitest';
import { Core } from '../core/core.ts';
import { asAddrId, asIfIndex, asToken } from '../core/model/ids.ts';
import { createLog } from '../log/index.ts';
import { reportConnections } from './report.ts';

/** A core whose connections follow a plan that nobody answers, and what is said of them. */
function said(connections: number): string[] {
  const plugins = [{ name: 'p', priority: 0, hooks: new Set<never>(), plans: true }];
  const core = new Core({ plugins, notifyFlags: { existing: true, skipLinkLocal: true, skipLoopback: true } });
  const link = {
    index: asIfIndex(1),
    name: 'eth0',
    up: true,
    running: true,
    loopback: false,
    mtu: 1500,
    kind: undefined,
  };
  core.handle({ type: 'network', links: [link], addresses: [] }, 0);
  for (let i = 1; i <= connections; i++) {
    const ends = { localIp: '10.0.1.1', localPort: 40_000 + i, locId: asAddrId(0) };
    const far = { remoteIp: '2001:db8::1', remotePort: 443, remId: asAddrId(0) };
    const event = { token: asToken(i), serverSide: false, denyJoinId0: false, ...ends, ...far };
    core.handle({ type: 'connectionCreated', ...event }, 0);
    for (const effect of core.handle({ type: 'connectionEstablished', ...event }, 0)) {
      if (effect.type !== 'plan') continue;
      const remote = { ip: '10.0.9.9', port: 443 };
      const plan = { subflows: i === 2 ? [{ local: { ip: '10.0.7.7' }, remote }] : [] };
      core.handle({ type: 'planned', token: event.token, view: effect.view, plan }, 0);
    }
  }
  const lines: string[] = [];
  const note = (json: string): void => {
    const { msg, token, connections: left } = JSON.parse(json) as { msg: string; token?: string; connections?: number };
    lines.push(`${msg} ${token ?? left}`);
  };
  reportConnections(core, 5000, createLog({ write: note }, 'info'));
  return lines;
}

test('connections that lack something come first, each with what is wanted and what is there', () => {
  expect(said(2)).toEqual([
    "client's connection 10.0.1.1:40002 > [2001:db8::1]:443 0x00000002",
    '10.0.7.7 > 10.0.9.9:443: waiting: 10.0.7.7 cannot be used now 0x00000002',
    '10.0.1.1:40002 > [2001:db8::1]:443: the initial subflow 0x00000002',
    "client's connection 10.0.1.1:40001 > [2001:db8::1]:443 0x00000001",
    '10.0.1.1:40001 > [2001:db8::1]:443: the initial subflow 0x00000001',
  ]);
});

test('no more is said than somebody may read', () => {
  const lines = said(1000);
  expect(lines.length).toBeLessThanOrEqual(501);
  expect(lines.at(-1)).toMatch(/^further connections are left out \d+$/);
});
