import { readFileSync } from 'node:fs';

/** The build sets it, so that the one file it makes needs no other; where the sources run as they are, nothing does. */
declare const MPTCPCTL_VERSION: string | undefined;

/** The version of this package. */
export function readVersion(): string {
  if (typeof MPTCPCTL_VERSION === 'string') return MPTCPCTL_VERSION;
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
