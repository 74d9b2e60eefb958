import { expect, test } from 'vitest';
import { createLog } from '../log/index.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { Attempts } from './attempt.ts';

test('what cannot be read is said once a minute, and something else stands for it', async () => {
  const lines: string[] = [];
  const clock = new FakeClock();
  const attempts = new Attempts(createLog({ write: (json) => void lines.push(json) }, 'info'), clock);
  const fail = (): never => {
    throw new Error('EMFILE');
  };
  expect(attempts.read('routes', () => false, true)).toBe(false);
  for (let i = 0; i < 3; i++) expect(attempts.read('routes', fail, true)).toBe(true);
  expect(attempts.read('counters', fail, undefined)).toBeUndefined();
  expect(lines).toHaveLength(2);
  expect(lines[0]).toContain('cannot read routes; going on without');
  await clock.advance(60_001);
  attempts.read('routes', fail, true);
  expect(lines).toHaveLength(3);
});
