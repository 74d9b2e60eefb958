// Runs test/fuzz/main.ts: put together as one file, since Node itself need not read TypeScript.
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { build } from 'rolldown';

const root = new URL('..', import.meta.url).pathname;
const file = `${root}node_modules/.cache/mptcpd/fuzz.mjs`;

await build({
  cwd: root,
  input: { fuzz: 'test/fuzz/main.ts' },
  platform: 'node',
  external: ['koffi', 'pino'],
  plugins: [
    {
      name: 'files stay where they are',
      transform: (code, id) => code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href)),
    },
  ],
  output: { file, format: 'esm' },
  logLevel: 'warn',
});
const { status } = spawnSync(process.execPath, ['--expose-gc', file, ...process.argv.slice(2)], { stdio: 'inherit' });
process.exitCode = status ?? 1;
