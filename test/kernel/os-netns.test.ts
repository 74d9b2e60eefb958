import { readdirSync, readlinkSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import { inNetworkNamespace, NetlinkSocket, NOTHING } from '../../src/os/index.ts';
import { kernelTest, type Namespace, openNamespace } from './need.ts';

const test = kernelTest('namespaces to enter');

const here = (): string => readlinkSync('/proc/thread-self/ns/net');

async function namespace(): Promise<Namespace> {
  const opened = await openNamespace();
  onTestFinished(() => opened.close());
  return opened;
}

function open(): NetlinkSocket {
  const socket = new NetlinkSocket(0);
  onTestFinished(() => socket.close());
  return socket;
}

/** The names of all links, by RTM_GETLINK: struct nlmsghdr (16), struct ifinfomsg (16), attributes (IFLA_IFNAME is 3). */
function links(socket: NetlinkSocket): string[] {
  const request = Buffer.alloc(32);
  request.writeUInt32LE(32, 0);
  request.writeUInt16LE(18, 4);
  request.writeUInt16LE(0x301, 6); // NLM_F_REQUEST | NLM_F_DUMP
  socket.send(request);
  const names: string[] = [];
  for (;;) {
    const end = socket.receive();
    if (end === NOTHING) throw new Error('a dump without an end');
    const b = socket.buffer;
    for (let at = 0; at < end; at += (b.readUInt32LE(at) + 3) & ~3) {
      if (b.readUInt16LE(at + 4) === 3) return names; // NLMSG_DONE
      const stop = at + b.readUInt32LE(at);
      for (let attribute = at + 32; attribute < stop; attribute += (b.readUInt16LE(attribute) + 3) & ~3) {
        const length = b.readUInt16LE(attribute);
        if (b.readUInt16LE(attribute + 2) === 3) names.push(b.toString('utf8', attribute + 4, attribute + length - 1));
      }
    }
  }
}

test('a socket opened in another namespace sees that one’s links, now and later', async () => {
  const { path, run } = await namespace();
  run(['ip', 'link', 'add', 'probe0', 'type', 'veth', 'peer', 'name', 'probe1']);
  const home = here();
  const [there, inside] = inNetworkNamespace(path, () => [open(), here()] as const);
  expect(inside).not.toBe(home);
  expect(inside).toBe(readlinkSync(path));
  expect(here()).toBe(home);

  expect(links(there).sort()).toEqual(['lo', 'probe0', 'probe1']);
  const ours = links(open());
  expect(ours).toContain('lo');
  expect(ours).not.toContain('probe0');

  run(['ip', 'link', 'del', 'probe0']);
  expect(links(there)).toEqual(['lo']);
});

test('a namespace in a namespace: each returns to where it came from', async () => {
  const outer = await namespace();
  const inner = await namespace();
  const home = here();
  const seen = inNetworkNamespace(outer.path, () => {
    const before = here();
    const within = inNetworkNamespace(inner.path, here);
    return [before, within, here()];
  });
  const [o, i] = [readlinkSync(outer.path), readlinkSync(inner.path)];
  expect(new Set([home, o, i]).size).toBe(3);
  expect(seen).toEqual([o, i, o]);
  expect(here()).toBe(home);
});

test('the thread is back home after a task that throws, and the error comes through', async () => {
  const { path } = await namespace();
  const home = here();
  const mistake = new Error('the task failed');
  let inside: string | undefined;
  const enter = (): void =>
    inNetworkNamespace(path, () => {
      inside = here();
      throw mistake;
    });
  expect(enter).toThrow(mistake);
  expect(inside).toBe(readlinkSync(path));
  expect(here()).toBe(home);
});

test('10,000 visits leave no descriptor open', async () => {
  const { path } = await namespace();
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 5000; i++) {
    inNetworkNamespace(path, () => undefined);
    expect(() =>
      inNetworkNamespace(path, () => {
        throw new Error('the task failed');
      }),
    ).toThrow('the task failed');
  }
  expect(readdirSync('/proc/self/fd')).toHaveLength(before);
});

test('the file of a namespace whose last process has gone is missing: ENOENT', async () => {
  const { path, close } = await openNamespace();
  await close();
  expect(() => inNetworkNamespace(path, () => undefined)).toThrow(
    expect.objectContaining({ syscall: 'open', code: 'ENOENT', subject: path }),
  );
});
