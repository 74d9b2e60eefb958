import { describe, expect, test } from 'vitest';
import type { Command, CommandName, Commands } from '../core/model/commands.ts';
import { asAddrId, asIfIndex, asToken } from '../core/model/ids.ts';
import { Client } from '../netlink/client.ts';
import * as pm from '../netlink/families/mptcp-pm.ts';
import * as nlctrl from '../netlink/families/nlctrl.ts';
import { Family } from '../netlink/family.ts';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { kernelPathManager } from './path-manager.ts';

const T = asToken(5);
const id = asAddrId(16);
const local = { ip: '10.0.1.1', port: 40_000 };
const remote = { ip: '10.0.9.9', port: 443 };

function manager() {
  const kernel = new FakeKernel();
  const asked: [method: string, ...unknown[]][] = [];
  const note =
    (method: string) =>
    (...args: unknown[]) =>
      void asked.push([method, ...args]);
  kernel.userspace = {
    announce: note('announce'),
    remove: note('remove'),
    createSubflow: note('createSubflow'),
    destroySubflow: note('destroySubflow'),
    setFlags: note('setFlags'),
    list: () => [{ ip: '10.0.1.1', id, port: 0, flags: ['signal'], ifIndex: undefined }],
  };
  const family = Family.find(new Client(kernel.openSocket(nlctrl.PROTOCOL)), pm.FAMILY);
  if (!family.ok) throw family.error;
  const perform = kernelPathManager(family.value);
  const ask = <K extends CommandName>(name: K, args: Commands[K]['args']) => perform({ name, args } as Command);
  return { kernel, asked, ask, perform };
}

describe('on one connection', () => {
  test('announce asks for a signal, as backup where that is wanted', () => {
    const { ask, asked } = manager();
    expect(ask('announce', { token: T, address: { ip: '10.0.1.1', id } }).ok).toBe(true);
    ask('announce', { token: T, address: { ip: '2001:db8::1', id, port: 8443 }, backup: true, ifIndex: asIfIndex(3) });
    expect(asked).toEqual([
      ['announce', 5, { family: 'ipv4', ip: '10.0.1.1', id: 16, flags: ['signal'] }],
      [
        'announce',
        5,
        { family: 'ipv6', ip: '2001:db8::1', id: 16, port: 8443, flags: ['signal', 'backup'], ifIndex: 3 },
      ],
    ]);
  });

  test('remove', () => {
    const { ask, asked } = manager();
    ask('remove', { token: T, id });
    expect(asked).toEqual([['remove', 5, 16]]);
  });

  test('createSubflow and destroySubflow name both ends', () => {
    const { ask, asked } = manager();
    ask('createSubflow', { token: T, local: { ip: '10.0.1.1', id }, remote, backup: true });
    ask('destroySubflow', { token: T, local, remote });
    expect(asked).toMatchObject([
      ['createSubflow', 5, { ip: '10.0.1.1', id: 16, flags: ['backup'] }, { family: 'ipv4', ...remote }],
      ['destroySubflow', 5, { family: 'ipv4', ...local }, { family: 'ipv4', ...remote }],
    ]);
  });

  test('IPv4-mapped ends are IPv6 to the kernel', () => {
    const { ask, asked } = manager();
    const mapped = { ip: '::ffff:10.0.9.9', port: 443 };
    ask('destroySubflow', { token: T, local: { ip: '::ffff:10.0.1.1', port: 40_000 }, remote: mapped });
    expect(asked).toMatchObject([['destroySubflow', 5, { family: 'ipv6' }, { family: 'ipv6', ...mapped }]]);
  });

  test('setBackup says what is wanted, not what is to change', () => {
    const { ask, asked } = manager();
    ask('setBackup', { token: T, local, remote, backup: true });
    ask('setBackup', { token: T, local, remote, backup: false });
    expect(asked.map(([, , address]) => (address as { flags?: unknown }).flags)).toEqual([['backup'], []]);
  });

  test('listAddresses', () => {
    const { ask } = manager();
    expect(ask('listAddresses', { token: T })).toEqual({
      ok: true,
      value: [{ ip: '10.0.1.1', id: 16, port: 0, flags: ['signal'], ifIndex: undefined }],
    });
  });
});

describe('on endpoints and limits', () => {
  test('an endpoint is added, read, listed and removed', () => {
    const { ask, kernel } = manager();
    kernel.links.add('eth0');
    const added = { ip: '10.0.1.1', id: asAddrId(7), flags: ['subflow', 'backup'] } as const;
    expect(ask('addEndpoint', added).ok).toBe(true);
    const held = { ip: '10.0.1.1', id: 7, port: 0, flags: ['subflow', 'backup'], ifIndex: undefined };
    expect(ask('getEndpoint', { id: asAddrId(7) })).toEqual({ ok: true, value: held });
    expect(ask('listEndpoints', undefined)).toEqual({ ok: true, value: [held] });
    expect(ask('removeEndpoint', { id: asAddrId(7) }).ok).toBe(true);
    expect(ask('listEndpoints', undefined)).toEqual({ ok: true, value: [] });
  });

  test('the limits that are given are set', () => {
    const { ask } = manager();
    expect(ask('setLimits', { subflows: 5, addAddrAccepted: 3 }).ok).toBe(true);
    expect(ask('getLimits', undefined)).toEqual({ ok: true, value: { subflows: 5, addAddrAccepted: 3 } });
  });
});

describe('what cannot be done', () => {
  test('a refusal of the kernel has its errno', () => {
    const { ask } = manager();
    const twice = { ip: '10.0.1.1', flags: ['subflow'] } as const;
    ask('addEndpoint', twice);
    expect(ask('addEndpoint', twice)).toMatchObject({
      ok: false,
      error: { code: 'REFUSED', errno: expect.stringMatching(/^E[A-Z]+$/) },
    });
  });

  test.each([
    ['no address', 'addEndpoint', { ip: 'nonsense' }],
    ['an id that is none', 'removeEndpoint', { id: asAddrId(256) }],
    ['a port that is none', 'destroySubflow', { token: T, local: { ...local, port: 70_000 }, remote }],
  ] as const)('%s is a bad argument', (_, name, args) => {
    const { perform, asked } = manager();
    const outcome = perform({ name, args } as Command);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'BAD_ARGUMENT' } });
    expect(asked).toEqual([]);
  });

  test('a fault of the socket is told, not thrown', () => {
    const { perform, kernel } = manager();
    kernel.behave(() => {
      throw new Error('the socket is gone');
    });
    const outcome = perform({ name: 'flushEndpoints', args: undefined });
    expect(outcome).toEqual({ ok: false, error: { code: 'FAILED', message: 'flushEndpoints: the socket is gone' } });
  });
});
