import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What stands in front of a program's arguments. */
export type Program = readonly string[];

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const UNPACKED = process.env['C_MPTCPD_DIR'] ?? `${ROOT}node_modules/.cache/c-mptcpd`;

/** Where Debian keeps libraries on this machine: `lib/x86_64-linux-gnu`. */
const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;
const libraries = `${UNPACKED}/usr/lib/${machine}-linux-gnu`;

/** The plugins of the C mptcpd: the directory that is given to both, as a user's configuration does who changes over. */
export const PLUGIN_DIR = `${libraries}/mptcpd`;

export const cProgram: Program = ['env', `LD_LIBRARY_PATH=${libraries}`, `${UNPACKED}/usr/libexec/mptcpd`];
export const ourProgram: Program = [process.execPath, `${ROOT}bin/mptcpd`];

/** Why the C program cannot be run; undefined where it can. */
export function whyNoCProgram(): string | undefined {
  if (existsSync(`${UNPACKED}/complete`) && existsSync(`${PLUGIN_DIR}/addr_adv.so`)) return undefined;
  return `the C mptcpd is not in ${UNPACKED}: run test/parity/get-c-mptcpd.sh (Debian 12)`;
}
