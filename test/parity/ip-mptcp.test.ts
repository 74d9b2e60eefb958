import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { kernelTest, type Namespace, openNamespace } from '../kernel/need.ts';
import { edges } from './ip-mptcp-edges.ts';
import { lists, newer } from './ip-mptcp-lists.ts';

// Each line starts four programs: a slow machine takes its time.
vi.setConfig({ testTimeout: 480_000 });

const CTL = [process.execPath, fileURLToPath(new URL('../../bin/mptcpctl', import.meta.url))];
const parity = kernelTest('MPTCP', 'IPv6 on the loopback');

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program inside a namespace to its end. */
async function run({ path }: Namespace, argv: readonly string[]): Promise<Result> {
  const pid = path.split('/')[2] ?? '';
  const child = spawn('nsenter', ['-t', pid, '-U', '-n', '--preserve-credentials', ...argv]);
  const read = { stdout: '', stderr: '' };
  child.stdout.on('data', (data) => (read.stdout += data));
  child.stderr.on('data', (data) => (read.stderr += data));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, ...read };
}

/** The words of a line; one in quotes may be empty or hold blanks. */
const wordsOf = (line: string): string[] => (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''));

/** A line for `ip`: the options stand before `mptcp`. */
function ipArguments(line: string): string[] {
  const words = wordsOf(line);
  const valued = /^--?(n|f$|fa|l|rc)/;
  const object = words.findIndex((word, at) => !word.startsWith('-') && !valued.test(words[at - 1] ?? ''));
  return ['ip', ...words.slice(0, object), 'mptcp', ...words.slice(object)];
}

/** What the kernel has, as one program shows it of either namespace. */
const state = async (ns: Namespace): Promise<string> =>
  (await run(ns, ['sh', '-c', 'ip mptcp endpoint; ip mptcp limits'])).stdout;

/** Gives the lines to both, each in a namespace of its own, and holds what they say and do against each other. */
async function compare(lines: readonly string[]): Promise<void> {
  const [theirs, ours] = await Promise.all([openNamespace(), openNamespace()]);
  try {
    for (const line of lines) {
      if (line.startsWith('$')) {
        for (const ns of [theirs, ours]) ns.run(['sh', '-c', line.slice(1)]);
        continue;
      }
      const [expected, seen] = await Promise.all([
        run(theirs, ipArguments(line)),
        run(ours, [...CTL, ...wordsOf(line)]),
      ]);
      expect({ line, ...seen }).toEqual({ line, ...expected });
      // What a refused line has done all the same is seen after the next one.
      if (expected.status !== 0 && line !== lines.at(-1)) continue;
      const [there, here] = await Promise.all([state(theirs), state(ours)]);
      expect(here, `the kernel's state after: ${line}`).toBe(there);
    }
  } finally {
    await Promise.all([theirs.close(), ours.close()]);
  }
}

// 0 is no id to the newest `ip`, and one to that of Debian 12.
const ids = fc.constantFrom(1, 2, 3, 7, 254, 255, 256, '0x8', '010', 'x');
const ips = fc.constantFrom(
  ...['10.0.0.1', '10.0.0.2', '10.0.0.3', '127.0.0.1', '127.0.0.2', '0.0.0.0', '10.0.0.256'],
  ...['fd00::1', 'FD00::0:2', '::1', 'fe80::1', '::ffff:10.0.0.1', '::ffff:127.0.0.1', '::', 'fd00::1::'],
);
/** A keyword with its value, or none. */
const perhaps = (keyword: string, values: fc.Arbitrary<string | number>): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant(''),
    values.map((value) => ` ${keyword} ${value}`),
  );
const shuffled = (words: readonly string[]): fc.Arbitrary<string> =>
  fc.shuffledSubarray([...words], { minLength: words.length }).map((all) => all.join(''));
const flags = fc
  .subarray(['signal', 'subflow', 'backup', 'fullmesh', 'nobackup'])
  .map((words) => words.map((w) => ` ${w}`).join(''));
// Of both flags: one that is not spoken of stays with mptcpctl, and not with ip.
const changes = fc
  .tuple(fc.constantFrom('backup', 'nobackup'), fc.constantFrom('fullmesh', 'nofullmesh'))
  .map((words) => words.map((word) => ` ${word}`).join(''));
const ports = perhaps('port', fc.constantFrom(0, 7000, 7001, 65535, 65536));
const devs = perhaps('dev', fc.constantFrom('lo', 'if1', 'if7', 'nope'));
const limit = fc.oneof(fc.nat(9), fc.constantFrom('0x8', '4294967295', '4294967296', '-1'));
const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(ips, perhaps('id', ids), devs, ports, flags)
      .chain(([ip, ...words]) => shuffled([` ${ip}`, ...words]))
      .map((words) => `endpoint add${words}`),
  },
  fc.tuple(ids, flags).map(([id, words]) => `endpoint delete id ${id}${words}`),
  ips.map((ip) => `endpoint delete id 0 ${ip}`),
  fc.tuple(ids, changes).map(([id, words]) => `endpoint change id ${id}${words}`),
  {
    weight: 2,
    arbitrary: fc
      .tuple(ips, perhaps('id', ids), devs, ports, changes)
      .chain(([ip, ...words]) => shuffled([` ${ip}`, ...words]))
      .map((words) => `endpoint change${words}`),
  },
  ids.map((id) => `-j endpoint show id ${id}`),
  fc.constantFrom('endpoint', '-j -p endpoint', 'limits', 'endpoint flush'),
  fc
    .tuple(perhaps('subflows', limit), perhaps('add_addr_accepted', limit))
    .chain(shuffled)
    .map((words) => `limits set${words}`),
);

describe.concurrent('the same words do the same as with `ip mptcp`, and say the same', () => {
  for (const [name, lines] of Object.entries({ ...lists, ...edges })) parity(name, () => compare(lines));

  const seed = Number(process.env['MPTCPD_SEED'] ?? 8684);
  parity(`any sequence of lines (seed ${seed}: MPTCPD_SEED)`, () => {
    const sequence = fc.array(line, { minLength: 25, maxLength: 40 });
    // A shorter example would take minutes to find.
    return fc.assert(fc.asyncProperty(sequence, compare), { seed, numRuns: 3, endOnFailure: true });
  });

  parity('what the newest iproute2 has', async () => {
    const ns = await openNamespace();
    try {
      for (const [line, status, stdout, stderr] of newer) {
        expect({ line, ...(await run(ns, [...CTL, ...line.split(' ')])) }).toEqual({ line, status, stdout, stderr });
      }
    } finally {
      await ns.close();
    }
  });

  parity('and without rights', async () => {
    const ns = await openNamespace();
    const unprivileged = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-all'];
    try {
      for (const line of ['endpoint flush', 'limits set subflows 1', 'monitor', 'endpoint', 'limits']) {
        const expected = await run(ns, [...unprivileged, ...ipArguments(line)]);
        const seen = await run(ns, [...unprivileged, ...CTL, ...line.split(' ')]);
        expect({ line, ...seen }).toEqual({ line, ...expected });
      }
    } finally {
      await ns.close();
    }
  });

  parity('what is ours alone: a flag that is not spoken of stays, limits have JSON', async () => {
    const ns = await openNamespace();
    const ctl = async (line: string): Promise<string> => (await run(ns, [...CTL, ...line.split(' ')])).stdout;
    try {
      await ctl('endpoint add 10.0.1.2 id 5 subflow backup');
      await ctl('endpoint change id 5 fullmesh');
      expect(await ctl('endpoint')).toBe('10.0.1.2 id 5 subflow backup fullmesh \n');
      await ctl('endpoint change 10.0.1.2 nobackup');
      expect(await ctl('endpoint')).toBe('10.0.1.2 id 5 subflow fullmesh \n');
      await ctl('endpoint change id 5');
      expect(await ctl('endpoint list')).toBe('10.0.1.2 id 5 subflow fullmesh \n');
      expect(await ctl('-j limits')).toBe('[{"add_addr_accepted":0,"subflows":2}]\n');
    } finally {
      await ns.close();
    }
  });

  kernelTest('MPTCP', 'namespaces to enter')('-n acts inside another namespace', async () => {
    const ns = await openNamespace();
    try {
      const [program = '', ...rest] = [...CTL, '-n', ns.path, 'endpoint', 'add', '10.7.7.7', 'dev', 'lo'];
      execFileSync(program, rest);
      expect((await run(ns, ['ip', 'mptcp', 'endpoint'])).stdout).toBe('10.7.7.7 id 1 dev lo \n');
    } finally {
      await ns.close();
    }
  });
});

test('there are enough lines to say so', () => {
  expect(Object.values({ ...lists, ...edges }).flat().length).toBeGreaterThan(300);
});
