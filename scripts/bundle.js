// mptcpctl as one file: each file and each module that must be found costs a program that runs for a moment.
import { readFileSync } from 'node:fs';
import { build } from 'rolldown';

const root = new URL('..', import.meta.url).pathname;
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

await build({
  cwd: root,
  input: { mptcpctl: 'src/cli/main.ts' },
  platform: 'node',
  external: ['koffi'],
  transform: { define: { MPTCPCTL_VERSION: JSON.stringify(version) } },
  output: { dir: 'dist', format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
});
