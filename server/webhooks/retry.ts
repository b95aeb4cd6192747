const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The pauses that Standard Webhooks recommends: ten attempts over three days. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** Longer than this a receiver cannot put us off. */
const LONGEST = 24 * HOUR;
/** Share of a pause that chance adds, so that receivers that come back are not asked for everything at once. */
const JITTER = 0.2;

/**
 * Milliseconds until the next attempt after one that failed, `attempts` of them having failed before it; undefined when
 * there is none. @param chance 0 to 1 @param retryAfterMs what the receiver asked for
 */
export function retryDelay(
  delaysMs: readonly number[],
  attempts: number,
  chance: number,
  retryAfterMs = 0,
): number | undefined {
  if (attempts >= delaysMs.length) return undefined;
  const delay = delaysMs[attempts] * (1 + JITTER * chance);
  return Math.round(Math.max(delay, Math.min(retryAfterMs, LONGEST)));
}
