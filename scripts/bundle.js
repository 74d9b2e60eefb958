// mptcpctl as one file: each file and each module that must be found costs a program that runs for a moment.
import { readFileSync } from 'node:fs';
import { build } from 'rolldown';

const root = new URL('..', import.meta.url).pathname;
const read = (file) => readFileSync(`${root}${file}`, 'utf8');
const { version } = JSON.parse(read('package.json'));
const completions = { bash: read('completions/mptcpctl.bash'), zsh: read('completions/_mptcpctl') };

/**
 * koffi's JavaScript is in the file, and its binary where npm puts it as a rule. Where it lies elsewhere (pnpm gives a
 * package only what it asks for), the koffi that is installed finds it.
 */
const INLINED = '\0koffi.cjs';
const koffi = {
  name: 'koffi',
  resolveId(id, importer) {
    if (id !== 'koffi') return undefined;
    return importer === INLINED ? { id, external: true } : INLINED;
  },
  load: (id) =>
    id === INLINED
      ? `try { module.exports = require('${root}node_modules/koffi/index.cjs'); }
         catch { module.exports = require('koffi'); }`
      : undefined,
};

await build({
  cwd: root,
  input: { mptcpctl: 'src/cli/main.ts' },
  platform: 'node',
  external: [/^@koromix\//],
  plugins: [koffi],
  transform: {
    define: { MPTCPCTL_VERSION: JSON.stringify(version), MPTCPCTL_COMPLETIONS: JSON.stringify(completions) },
  },
  output: {
    ...{ dir: 'dist', format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
    banner: `/* With koffi:\n${read('node_modules/koffi/LICENSE.txt').trim()}\n*/`,
  },
});
