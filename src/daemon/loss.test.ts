import { afterEach, describe, expect, test } from 'vitest';
import { parseConfig, settle } from '../config/index.ts';
import { asAddrId, asToken } from '../core/model/ids.ts';
import { createLog } from '../log/index.ts';
import * as nlctrl from '../netlink/families/nlctrl.ts';
import * as route from '../netlink/families/route.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { Daemon } from './daemon.ts';

const EVENTS = 9;
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

let daemon: Daemon | undefined;
afterEach(() => daemon?.stop());

/** A daemon over a kernel of tables, with one interface; `addresses` are those that it knows. */
async function world() {
  const kernel = new FakeKernel();
  const clock = new FakeClock();
  const lines: { level: number; msg: string; [field: string]: unknown }[] = [];
  kernel.links.add('eth0');
  const { core, plugins } = parseConfig('[core]\nload-plugins = fullmesh\n', 'm.conf');
  daemon = await Daemon.start(settle(plugins, core), {
    openSocket: kernel.openSocket,
    sysctl: (name) => (name === 'path_manager' ? 'userspace' : kernel.sysctls.get(name)),
    listen: () => undefined,
    claim: () => () => undefined,
    subscribed: () => false,
    counter: () => undefined,
    clock,
    log: createLog({ write: (json) => void lines.push(JSON.parse(json)) }, 'info'),
  });
  const { host } = daemon;
  const said = (words: string) => lines.filter(({ msg }) => msg.includes(words));
  const addresses = (): string[] => host.core.addresses.map(({ ip }) => ip);
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < 5; i++) await turn();
    await clock.advance(ms, turn);
    for (let i = 0; i < 5; i++) await turn();
  };
  return { kernel, said, addresses, pass, host };
}

const ofTen = Array.from({ length: 10 }, (_, i) => `10.0.1.${i + 1}`);

describe('messages about addresses are lost', () => {
  test('because the socket is full: counted, said once, and all addresses are known in the end', async () => {
    const { kernel, said, addresses, pass } = await world();
    kernel.netlink.capacity = 3;
    for (const ip of ofTen) kernel.links.addAddress('eth0', ip, 24);
    await pass(1000);
    expect(addresses()).toEqual(ofTen);
    expect(said('lost')).toMatchObject([{ source: 'network', count: 7 }]);
  });

  test('because they are too long for any buffer', async () => {
    const { kernel, said, addresses, pass } = await world();
    kernel.netlink.overlong = true;
    for (const ip of ofTen) kernel.links.addAddress('eth0', ip, 24);
    await pass(1000);
    expect(addresses()).toEqual(ofTen);
    expect(said('lost')).toMatchObject([{ source: 'network', count: 10 }]);
  });

  test('because nobody can read them: what is wrong with them is said once, too', async () => {
    const { kernel, said, addresses, pass } = await world();
    kernel.netlink.capacity = 0;
    for (const ip of ofTen) kernel.links.addAddress('eth0', ip, 24);
    kernel.netlink.capacity = 100;
    for (let i = 0; i < 5; i++) kernel.netlink.deliver(route.PROTOCOL, route.groups.ipv4Address, Buffer.alloc(40));
    await pass(1000);
    expect(addresses()).toEqual(ofTen);
    expect(said('unreadable message from rtnetlink')).toMatchObject([{ error: expect.stringContaining('CodecError') }]);
    expect(said('lost')).toHaveLength(1);
  });

  test('again and again: all is read twice a second at the most', async () => {
    const { kernel, pass } = await world();
    let dumps = 0;
    kernel.netlink.add(route.PROTOCOL, ({ dump, type }) => {
      if (dump && type === route.link.types.get) dumps++;
      return undefined;
    });
    kernel.netlink.overlong = true;
    for (let i = 0; i < 50; i++) {
      kernel.links.addAddress('eth0', `10.0.2.${i + 1}`, 24);
      await pass(20);
    }
    expect(dumps).toBeGreaterThan(0);
    expect(dumps).toBeLessThanOrEqual(3);
  });
});

describe('all is to be read again, but', () => {
  test('changes while it is read: it is asked for again', async () => {
    const { kernel, said, addresses, pass } = await world();
    kernel.netlink.overlong = true;
    kernel.netlink.torn = 5;
    for (const ip of ofTen) kernel.links.addAddress('eth0', ip, 24);
    await pass(1000);
    expect(addresses()).toEqual(ofTen);
    expect(said('cannot read')).toEqual([]);
  });

  test('changes for long: that is said once, and it is read as soon as it can be', async () => {
    const { kernel, said, addresses, pass } = await world();
    kernel.netlink.overlong = true;
    kernel.netlink.torn = 55;
    for (const ip of ofTen) kernel.links.addAddress('eth0', ip, 24);
    await pass(3000);
    expect(addresses()).toEqual([]);
    expect(said('cannot read the network')).toMatchObject([{ error: expect.stringContaining('10 times in a row') }]);
    await pass(4000);
    expect(addresses()).toEqual(ofTen);
    expect(said('can be read again')).toHaveLength(1);
  });

  test('the kernel does not answer: that ends at once, is said once, and is tried again until it does', async () => {
    const { kernel, said, addresses, pass } = await world();
    kernel.netlink.overlong = true;
    kernel.netlink.mute = true;
    for (const ip of ofTen) kernel.links.addAddress('eth0', ip, 24);
    await pass(3000);
    expect(said('cannot read the network')).toMatchObject([
      { error: 'NoAnswerError: read link: the kernel did not answer' },
    ]);
    kernel.netlink.mute = false;
    await pass(1000);
    expect(addresses()).toEqual(ofTen);
  });
});

test('a command that the kernel does not answer settles with a refusal that names it', async () => {
  const { kernel, host } = await world();
  kernel.netlink.mute = true;
  await expect(host.command('fullmesh', { name: 'getLimits', args: undefined })).resolves.toEqual({
    ok: false,
    error: { code: 'FAILED', message: 'getLimits: get limits: the kernel did not answer' },
  });
});

describe('an event of a connection', () => {
  test('that nobody can read counts as lost, and what it told of is found', async () => {
    const { kernel, said, pass, host } = await world();
    for (let i = 0; i < 5; i++) kernel.netlink.deliver(nlctrl.PROTOCOL, EVENTS, Buffer.alloc(20, 1));
    await pass(1000);
    expect(said('unreadable path manager event')).toHaveLength(1);
    expect(said('lost')).toMatchObject([{ source: 'connections', count: 5 }]);
    kernel.emit({ type: 'connectionClosed', token: asToken(7) });
    await pass(20);
    expect(host.core.connectionCount).toBe(0);
  });
});

describe('the path manager is taken out of the kernel and put in again, under other numbers', () => {
  const ends = { localIp: '10.0.1.1', localPort: 1, locId: asAddrId(0), remId: asAddrId(0) };
  const event = {
    token: asToken(7),
    serverSide: false,
    denyJoinId0: false,
    ...ends,
    remoteIp: '10.9.9.9',
    remotePort: 2,
  };

  test('its events are heard again, and commands carried out', async () => {
    const { kernel, said, pass, host } = await world();
    kernel.unload();
    await pass(20);
    expect(said('is gone: nothing is heard')).toHaveLength(1);
    await expect(host.command('fullmesh', { name: 'getLimits', args: undefined })).resolves.toMatchObject({
      error: { code: 'REFUSED', errno: 'ENOENT' },
    });
    kernel.load();
    await pass(20);
    expect(said('is there anew')).toHaveLength(1);
    kernel.emit({ type: 'connectionCreated', ...event });
    await pass(20);
    expect(host.core.connectionCount).toBe(1);
    await expect(host.command('fullmesh', { name: 'getLimits', args: undefined })).resolves.toMatchObject({ ok: true });
  });

  test('commands are carried out also where nobody told of it', async () => {
    const { kernel, host } = await world();
    kernel.unload();
    kernel.load(false);
    await expect(host.command('fullmesh', { name: 'getLimits', args: undefined })).resolves.toMatchObject({ ok: true });
  });
});
