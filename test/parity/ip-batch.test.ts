import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import { kernelTest, type Namespace, openNamespace } from '../kernel/need.ts';

// Each case starts sixteen programs: a slow machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

const CTL = [process.execPath, fileURLToPath(new URL('../../bin/mptcpctl', import.meta.url))];
const parity = kernelTest('MPTCP', 'IPv6 on the loopback');

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'mptcpctl-batch-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function run({ path }: Namespace, argv: readonly string[], input: string) {
  const nsenter = ['-t', path.split('/')[2] ?? '', '-U', '-n', '--preserve-credentials', ...argv];
  const { status, stdout, stderr } = spawnSync('nsenter', nsenter, {
    encoding: 'utf8',
    input,
    timeout: 60_000,
    cwd: dir,
  });
  return { status, stdout, stderr };
}

/** Gives the same text to both, each in a namespace of its own, and holds what they say and do against each other. */
async function compare(text: string, ...options: string[]): Promise<void> {
  writeFileSync(join(dir, 'commands'), text);
  for (const more of [[], ['-force']]) {
    for (const file of ['commands', '-']) {
      const [theirs, ours] = await Promise.all([openNamespace(), openNamespace()]);
      try {
        const args = [...options, ...more, '-b', file];
        const expected = run(theirs, ['ip', ...args], text);
        expect({ args, ...run(ours, [...CTL, ...args], text) }).toEqual({ args, ...expected });
        const state = (ns: Namespace) => run(ns, ['sh', '-c', 'ip mptcp endpoint; ip mptcp limits'], '');
        expect(state(ours)).toEqual(state(theirs));
      } finally {
        await Promise.all([theirs.close(), ours.close()]);
      }
    }
  }
}

const cases: Readonly<Record<string, readonly [text: string, ...options: string[]]>> = {
  'all goes well, IPv4 and IPv6': [
    'mptcp limits set subflows 4\nmptcp endpoint add 10.0.0.1 subflow\nmptcp endpoint add fd00::1 signal\nmptcp endpoint\nmptcp limits\n',
  ],
  'the kernel refuses one, then another': [
    'mptcp endpoint add 10.0.0.1\nmptcp endpoint add 10.0.0.1\nmptcp endpoint add fd00::1\nmptcp endpoint delete id 9\nmptcp endpoint\n',
  ],
  '-j with several': ['mptcp endpoint add fd00::1\nmptcp endpoint\nmptcp endpoint show id 9\nmptcp endpoint\n', '-j'],
  '-j -p with several': ['mptcp endpoint add 10.0.0.1\nmptcp endpoint\nmptcp endpoint\n', '-j', '-p'],
  'comments, blank lines and blanks': [
    '# one\n\n   \n\tmptcp  endpoint add 10.0.0.1# two\r\n   mptcp\tendpoint # three\nmptcp endpoint show id 9\n',
  ],
  'lines that go on': [
    'mptcp endpoint \\\n add \\\n10.0.0.\\\n1 id 7\nmptcp limits \\\n\nmptcp endpoint show \\\n id 9\nmptcp endpoint\n',
  ],
  'comments in lines that go on': [
    'mptcp endpoint show \\\n # end\nmptcp endpoint show # no \\\nmptcp endpoint show id 9 \\\n #\\\nmptcp limits\n',
  ],
  quotes: ['"mptcp" \'endpoint\' "add" \'10.0.0.1\'id "5"\nmptcp endpoint\nmptcp endpoint "show" id \'9\'\n'],
  'an empty word': ['mptcp limits\nmptcp limits ""\nmptcp limits\n'],
  'a quote within a word': ['mptcp limits sh"ow"\nmptcp limits\n'],
  'a quote that does not end': ['mptcp limits\nmptcp limits "show\nmptcp limits\n'],
  'a quote that would end a line later': ['mptcp limits "show\\\n"\nmptcp limits\n'],
  'a backslash within a line': ['mptcp limits\nmptcp limits\\ show\nmptcp limits\n'],
  'a backslash and a carriage return': ['mptcp limits \\\r\n show\n'],
  'no newline at the end': ['mptcp limits\nmptcp endpoint show id 9'],
  'a backslash at the very end': ['mptcp limits\nmptcp limits \\'],
  'a continuation that is missing': ['mptcp limits\nmptcp endpoint show id 9\nmptcp limits \\\n'],
  'too many words': [`mptcp limits\nmptcp limits show ${'x '.repeat(600)}\nmptcp limits\n`],
  'as many words as there may be': [`mptcp limits show ${'subflows 1 '.repeat(254)}\n`],
  'nothing at all': [''],
  'an unknown object': ['mptcp limits\nmptcp frob\nmptcp limits\n'],
  'an unknown command': ['mptcp limits\nmptcp endpoint frob\nmptcp limits\n'],
  'an argument that is missing': ['mptcp endpoint add\nmptcp limits\n'],
  'an argument that is wrong': ['mptcp endpoint add 10.0.0.1 dev frob\nmptcp limits\n'],
  'no address': ['mptcp limits\nmptcp endpoint add frob\nmptcp limits\n'],
};

for (const [name, [text, ...options]] of Object.entries(cases)) parity(name, () => compare(text, ...options));

parity('a file that cannot be opened', async () => {
  const ns = await openNamespace();
  try {
    for (const args of [
      ['-b', '/no/such'],
      ['-batch', '/proc/self/stat/x'],
      ['-force', '-b', '/no/such', 'limits'],
    ]) {
      expect({ args, ...run(ns, [...CTL, ...args], '') }).toEqual({ args, ...run(ns, ['ip', ...args], '') });
    }
    // `ip` says nothing, and that it has done all.
    const why = `Cannot read file "${dir}": Illegal operation on a directory\n`;
    expect(run(ns, [...CTL, '-b', dir], '')).toEqual({ status: 1, stdout: '', stderr: why });
  } finally {
    await ns.close();
  }
});

parity('mptcp need not stand on each line', async () => {
  const ns = await openNamespace();
  try {
    const text = 'endpoint add 10.0.0.1\nl s subflows 3\nmptcp endpoint\nlimits\nremove 7 id 1\n';
    expect(run(ns, [...CTL, '-batch', '-'], text)).toEqual({
      status: 1,
      stdout: '10.0.0.1 id 1 \nadd_addr_accepted 0 subflows 3 \n',
      stderr: 'Error: invalid token.\nCommand failed -:5\n',
    });
  } finally {
    await ns.close();
  }
});
