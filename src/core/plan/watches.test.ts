import { expect, test } from 'vitest';
import { Watches } from './watches.ts';

test('the shortest time of those who ask counts, until nobody asks for it any more', () => {
  const watches = new Watches();
  expect(watches.shortest).toBeUndefined();
  watches.change(undefined, 1000);
  watches.change(undefined, 300);
  watches.change(undefined, 300);
  expect(watches.shortest).toBe(300);
  watches.change(300, undefined);
  expect(watches.shortest).toBe(300);
  watches.change(300, 2000);
  expect(watches.shortest).toBe(1000);
  watches.change(1000, undefined);
  watches.change(2000, undefined);
  expect(watches.shortest).toBeUndefined();
});
