import { expect, test } from '@jest/globals';
import { timeLeft } from '../../scripts/progress.js';

test('the time left follows the pace since the first progress, not since the start', () => {
  let now = 1000;
  const eta = timeLeft(() => now);
  now += 60_000; // the model is loaded
  expect(eta(0)).toBe('…');
  now += 2000;
  expect(eta(0.04)).toBe('…');
  expect(eta(0.25)).toBe('6 s');
  now += 6000;
  expect(eta(1)).toBe('0 s');
});

test('what was done before says nothing of the pace', () => {
  let now = 0;
  const eta = timeLeft(() => now);
  expect(eta(0.5)).toBe('…');
  now += 3000;
  expect(eta(0.625)).toBe('9 s');
});
