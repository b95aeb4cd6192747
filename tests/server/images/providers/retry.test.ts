import { describe, expect, test } from '@jest/globals';
import { ProviderError } from '../../../../server/images/providers/provider-error.js';
import { RETRY_POLICY, withRetries } from '../../../../server/images/providers/retry.js';
import { readRetryAfter } from '../../../../server/images/providers/status-error.js';

const waitsOf = async (random: number, repeatable: boolean): Promise<number[]> => {
  const waits: number[] = [];
  const clock = { random: () => random, wait: (ms: number) => Promise.resolve(void waits.push(ms)) };
  const deadline = { signal: new AbortController().signal, left: () => 3_600_000 };
  const failing = withRetries(
    { provider: 'x', policy: RETRY_POLICY, clock },
    { call: 'poll', repeatable, deadline },
    () => Promise.reject(new ProviderError('provider_unavailable', 'away', { retry: 'always' })),
  );
  await expect(failing).rejects.toThrow('away');
  return waits;
};

describe('backoff', () => {
  test('doubles up to half a minute, the jitter taking up to half away', async () => {
    expect(await waitsOf(1, true)).toEqual([
      1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000,
    ]);
    expect(await waitsOf(0, false)).toEqual([500, 1000, 2000, 4000, 8000]);
    expect(await waitsOf(0.5, false)).toEqual([750, 1500, 3000, 6000, 12_000]);
  });

  test('what is no provider’s error is not tried again', async () => {
    let attempts = 0;
    const clock = { random: () => 1, wait: () => Promise.resolve() };
    const deadline = { signal: new AbortController().signal, left: () => 1000 };
    const failing = withRetries(
      { provider: 'x', policy: RETRY_POLICY, clock },
      { call: 'poll', repeatable: true, deadline },
      () => Promise.reject(new TypeError(`fault ${++attempts}`)),
    );
    await expect(failing).rejects.toThrow('fault 1');
  });
});

test.each([
  ['7', 7000],
  [' 0 ', 0],
  ['Fri, 05 Jan 2024 10:00:30 GMT', 30_000],
  ['Fri, 05 Jan 2024 09:00:00 GMT', 0],
  ['soon', undefined],
  ['-5', undefined],
  [undefined, undefined],
  [['7'], undefined],
])('Retry-After %j is %p ms', (header, ms) => {
  expect(readRetryAfter(header, Date.UTC(2024, 0, 5, 10, 0, 0))).toBe(ms);
});
