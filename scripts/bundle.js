// mptcpctl as one file: each file and each module that must be found costs a program that runs for a moment.
import { readFileSync } from 'node:fs';
import { build } from 'rolldown';

const root = new URL('..', import.meta.url).pathname;
const read = (file) => readFileSync(`${root}${file}`, 'utf8');
const { version } = JSON.parse(read('package.json'));
const completions = { bash: read('completions/mptcpctl.bash'), zsh: read('completions/_mptcpctl') };

await build({
  cwd: root,
  input: { mptcpctl: 'src/cli/main.ts' },
  platform: 'node',
  external: ['koffi'],
  transform: {
    define: { MPTCPCTL_VERSION: JSON.stringify(version), MPTCPCTL_COMPLETIONS: JSON.stringify(completions) },
  },
  output: { dir: 'dist', format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
});
