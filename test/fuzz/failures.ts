import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { deflateSync, inflateSync } from 'node:zlib';
import type { Failure } from './run.ts';

const folder = new URL('../fixtures/fuzz/', import.meta.url);

/** Keeps an input that some reader failed at, for a test to replay. @returns its file */
export function keep({ target, input, what }: Failure): string {
  mkdirSync(folder, { recursive: true });
  const name = `${target.replace(/\W+/g, '-')}-${createHash('sha1').update(input).digest('hex').slice(0, 8)}.json`;
  const [said = ''] = what.split('\n');
  writeFileSync(
    new URL(name, folder),
    `${JSON.stringify({ target, what: said, deflated: deflateSync(input).toString('base64') }, null, 2)}\n`,
  );
  return `test/fixtures/fuzz/${name}`;
}

/** The inputs that readers once failed at. */
export function kept(): readonly Failure[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => {
      const { target, what, deflated } = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Failure & {
        deflated: string;
      };
      return { target, what, input: inflateSync(Buffer.from(deflated, 'base64')) };
    });
}
