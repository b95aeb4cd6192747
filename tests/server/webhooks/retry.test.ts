import { expect, test } from '@jest/globals';
import { retryDelay, RETRY_DELAYS_MS } from '../../../server/webhooks/retry.js';

const HOUR = 3_600_000;

test('attempts spread over days, each pause longer than the one before', () => {
  expect(RETRY_DELAYS_MS).toHaveLength(9);
  expect([...RETRY_DELAYS_MS].sort((a, b) => a - b)).toEqual(RETRY_DELAYS_MS);
  expect([RETRY_DELAYS_MS[0], RETRY_DELAYS_MS[8]]).toEqual([5000, 24 * HOUR]);
});

test('chance makes a pause longer by up to a fifth, never shorter', () => {
  expect(retryDelay([1000, 2000], 0, 0)).toBe(1000);
  expect(retryDelay([1000, 2000], 1, 0.5)).toBe(2200);
  expect(retryDelay([1000, 2000], 1, 1)).toBe(2400);
});

test('after the last pause there is no attempt', () => {
  expect(retryDelay([1000, 2000], 2, 0)).toBeUndefined();
  expect(retryDelay([], 0, 0, 5000)).toBeUndefined();
});

test('a receiver may ask for a longer pause, not for a shorter or an endless one', () => {
  expect(retryDelay([1000], 0, 0, 60_000)).toBe(60_000);
  expect(retryDelay([1000], 0, 0, 10)).toBe(1000);
  expect(retryDelay([1000], 0, 0, 1e12)).toBe(24 * HOUR);
});
