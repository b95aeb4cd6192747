import type { Clock } from './clock.js';
import type { Deadline } from './deadline.js';
import { ProviderError } from './provider-error.js';

/** One failed attempt that will be followed by another: for the log. */
export interface RetryEvent {
  readonly provider: string;
  readonly call: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly waitMs: number;
  readonly reason: string;
}

export interface RetryPolicy {
  /** Attempts after the first, for a call that can have consequences and for one that cannot. */
  readonly retries: number;
  readonly repeatableRetries: number;
  /** Milliseconds before the second attempt; doubled for each further one, up to `longestMs`. */
  readonly firstMs: number;
  readonly longestMs: number;
}

/** With these a provider that is away for three minutes loses no job that it had taken. */
export const RETRY_POLICY: RetryPolicy = {
  retries: 5,
  repeatableRetries: 10,
  firstMs: 1000,
  longestMs: 30_000,
};

export interface RetryParts {
  readonly provider: string;
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
}

/** Exponential backoff; the jitter takes up to half away, so that tasks that failed together come back apart. */
const backoff = (attempt: number, { firstMs, longestMs }: RetryPolicy, random: number): number =>
  Math.min(firstMs * 2 ** (attempt - 1), longestMs) * (0.5 + random / 2);

/**
 * Makes a call until it succeeds, fails for good, or has been tried often enough. Never comes back before a provider's
 * `Retry-After`, and gives up at once where that lies beyond the deadline.
 */
export const withRetries = async <T>(
  { provider, policy, clock, onRetry }: RetryParts,
  {
    call,
    repeatable,
    deadline,
  }: { readonly call: string; readonly repeatable: boolean; readonly deadline: Deadline },
  attemptOnce: () => Promise<T>,
): Promise<T> => {
  const most = repeatable ? policy.repeatableRetries : policy.retries;
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptOnce();
    } catch (error) {
      if (!(error instanceof ProviderError) || error.retry === 'never' || attempt > most) throw error;
      if (error.retry === 'if_repeatable' && !repeatable) throw error;
      const waitMs = Math.max(backoff(attempt, policy, clock.random()), error.retryAfterMs ?? 0);
      if (waitMs >= deadline.left()) throw error;
      onRetry?.({ provider, call, attempt, waitMs: Math.round(waitMs), reason: error.message });
      await clock.wait(waitMs, deadline.signal);
    }
  }
};
