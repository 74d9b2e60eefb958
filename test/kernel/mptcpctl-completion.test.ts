import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../src/lab/process.ts';
import { inNetworkNamespace, MptcpListener, MptcpStream } from '../../src/os/index.ts';
import { kernelTest, type Namespace, openNamespace } from './need.ts';

const kernel = kernelTest('MPTCP', 'IPv6 on the loopback', 'namespaces to enter');
const ROOT = new URL('../..', import.meta.url).pathname;
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** As each shell would call the function at the end of a line: what it offers, one a line. */
const scripts = {
  bash: `source <(mptcpctl completion bash)
    COMP_LINE=$1 COMP_POINT=\${#1}
    read -ra COMP_WORDS <<<"$1"
    _mptcpctl
    printf '%s\\n' "\${COMPREPLY[@]}"`,
  zsh: `compdef() { }
    compadd() { shift; print -rl -- "\${(@M)@:#\${(b)PREFIX}*}" }
    _files() { print -r -- \${PREFIX}*(N) }
    source <(mptcpctl completion zsh)
    words=(\${(z)1})
    [[ $1 == *' ' ]] && words+=('')
    CURRENT=$#words PREFIX=$words[-1]
    _mptcpctl
    true`,
};
type Shell = keyof typeof scripts;
const shells = (['bash', 'zsh'] as const).filter((shell) => {
  if (spawnSync(shell, ['-c', 'exit 0']).status === 0) return true;
  process.stderr.write(`SKIPPED: completion in ${shell}: it is not installed\n`);
  return false;
});

let dir: string;
let ns: Namespace;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'mptcpctl-completion-'));
  symlinkSync(join(ROOT, 'bin/mptcpctl'), join(dir, 'mptcpctl'));
  ns = await openNamespace();
  ns.run(['sh', '-c', 'ip link add wlan0 type veth peer name wlan1; ip link set wlan0 up; ip link set wlan1 up']);
  ns.run(['sh', '-c', 'ip a add 10.1.0.1/24 dev wlan0; ip a add 2001:db8::7/64 dev wlan0 nodad']);
  ns.run(['sh', '-c', 'ip mptcp endpoint add 10.1.0.1 id 17; ip mptcp endpoint add 2001:db8::7 id 5 signal']);
});
afterAll(async () => {
  await ns?.close();
  rmSync(dir, { recursive: true });
});

type Run = (argv: readonly string[]) => string;
const outside: Run = ([file = '', ...args]) => execFileSync(file, args, { encoding: 'utf8' });

function complete(shell: Shell, line: string, run: Run = ns.run): string[] {
  const env = ['env', `PATH=${dir}:${process.env['PATH']}`];
  const norc = shell === 'bash' ? ['--norc', '--noprofile'] : ['-f'];
  const offered = run([...env, shell, ...norc, '-c', scripts[shell], shell, line]);
  return offered.split('\n').filter(Boolean).sort();
}

const endpointWords = ['add', 'change', 'delete', 'flush', 'show'];
const ends = ['dev', 'id', 'local', 'port', 'remote'];
const flags = ['backup', 'fullmesh', 'laminar', 'signal', 'subflow'];
const cases: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['mptcpctl e', ['endpoint']],
  ['mptcpctl -j sub', ['subflow', 'subflows']],
  ['mptcpctl endpoint ', endpointWords],
  ['mptcpctl -n x -ts e ', endpointWords],
  ['mptcpctl --netns x endpoint sh', ['show']],
  ['mptcpctl endpoint add 10.9.9.9 ', [...flags, 'dev', 'id', 'port']],
  ['mptcpctl e a 10.9.9.9 dev wlan0 si', ['signal']],
  ['mptcpctl endpoint add 10.9.9.9 dev ', ['lo', 'wlan0', 'wlan1']],
  ['mptcpctl endpoint add 10.9.9.9 d wl', ['wlan0', 'wlan1']],
  ['mptcpctl endpoint add 10', ['10.1.0.1']],
  ['mptcpctl endpoint add 10.9.9.9 port ', []],
  ['mptcpctl endpoint delete id ', ['17', '5']],
  ['mptcpctl endpoint show id 1', ['17']],
  ['mptcpctl endpoint change id 5 no', ['nobackup', 'nofullmesh']],
  ['mptcpctl endpoint change 10', ['10.1.0.1']],
  ['mptcpctl endpoint flush ', []],
  ['mptcpctl limits s', ['set', 'show']],
  ['mptcpctl limits set subflows 3 ', ['add_addr_accepted']],
  ['mptcpctl monitor ', ['event', 'token']],
  ['mptcpctl monitor event ANN', ['ANNOUNCED']],
  ['mptcpctl monitor event CREATED,SF_C', ['CREATED,SF_CLOSED']],
  ['mptcpctl connections ', ['local', 'port', 'remote', 'show', 'token']],
  ['mptcpctl subflow ', ['change', 'create', 'destroy']],
  ['mptcpctl subflow create 7 ', ['--wait', 'backup', ...ends]],
  ['mptcpctl subflow create 7 local 10.1.0.1 id 1 ', ['--wait', 'backup', 'dev', 'port', 'remote']],
  ['mptcpctl subflow create 7 local 10.1.0.1 id 1 remote 10.1.0.2 ', ['--wait', 'backup', 'dev', 'id', 'port']],
  ['mptcpctl subflow create 7 local 10', ['10.1.0.1']],
  ['mptcpctl announce 7 10.1.0.1 b', ['backup']],
  ['mptcpctl remove 7 ', ['id']],
  ['mptcpctl listen 10', ['10.1.0.1']],
  ['mptcpctl listen 10.1.0.1 ', ['dev', 'port']],
  ['mptcpctl completion ', ['bash', 'zsh']],
  ['mptcpctl frob ', []],
  ['mptcpctl -n', ['-netns']],
  ['mptcpctl --b', ['--batch']],
  ['mptcpctl -batch /proc/self/cgr', ['/proc/self/cgroup']],
  ['mptcpctl -netns /proc/self/cgr', ['/proc/self/cgroup']],
  ['mptcpctl -batch x ', []],
];

describe.each(shells)('%s offers', (shell) => {
  for (const [line, offered] of cases) {
    kernel(`after «${line}»`, () => expect(complete(shell, line)).toEqual([...offered].sort()));
  }
  kernel('the objects', () => {
    const objects = complete(shell, 'mptcpctl ');
    for (const word of ['endpoint', 'limits', 'monitor', 'connections', 'announce', 'help']) {
      expect(objects).toContain(word);
    }
  });
  kernel('tokens of connections, in the namespace that -n names', async () => {
    const held = inNetworkNamespace(ns.path, () => {
      const listener = new MptcpListener({ ip: '::1', port: 0 });
      return [listener, MptcpStream.connect(listener.local)];
    });
    try {
      // From outside: from within one user namespace there is no way into the network of another.
      const offered = await until('the tokens of both ends', () => {
        const tokens = complete(shell, `mptcpctl -n ${ns.path} remove `, outside);
        return tokens.length === 2 ? tokens : undefined;
      });
      for (const token of offered) expect(token).toMatch(/^0x[0-9a-f]+$/);
      expect(complete(shell, `mptcpctl -n ${ns.path} endpoint show id `, outside)).toEqual(['17', '5']);
      expect(complete(shell, `mptcpctl -n ${ns.path} endpoint add x dev `, outside)).toContain('wlan1');
    } finally {
      for (const each of held) each.close();
    }
  });
});

kernel('bash replaces what stands after the last colon', () => {
  expect(complete('bash', 'mptcpctl endpoint add 2001:db8:')).toEqual([':7']);
  expect(complete('bash', 'mptcpctl endpoint delete id 5 2001:')).toEqual(['db8::7']);
  expect(complete('bash', 'mptcpctl -color=a')).toEqual(['always', 'auto']);
});

test.each([
  ['bash', 'completions/mptcpctl.bash'],
  ['zsh', 'completions/_mptcpctl'],
])('completion %s prints %s', (shell, file) => {
  const printed = execFileSync(process.execPath, [join(ROOT, 'bin/mptcpctl'), 'completion', shell], {
    encoding: 'utf8',
  });
  expect(printed).toBe(read(file));
});
