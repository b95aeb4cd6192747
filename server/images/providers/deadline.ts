import { ProviderError } from './provider-error.js';

/** The time that the making of one picture has. */
export interface Deadline {
  /** Aborted when the time is over, or when the task is to stop. */
  readonly signal: AbortSignal;
  /** Milliseconds left. */
  left(): number;
}

/**
 * Runs `work` for at most `timeoutMs`.
 *
 * @throws ProviderError `provider_timeout` when the time is over, the reason of `outer` when that was aborted, or what
 *   the work throws
 */
export const withDeadline = async <T>(
  timeoutMs: number,
  outer: AbortSignal | undefined,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> => {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), timeoutMs);
  const end = performance.now() + timeoutMs;
  const signal = outer ? AbortSignal.any([outer, limit.signal]) : limit.signal;
  try {
    signal.throwIfAborted();
    return await work({ signal, left: () => end - performance.now() });
  } catch (error) {
    if (!limit.signal.aborted) throw error;
    throw new ProviderError(
      'provider_timeout',
      `The image provider gave no picture within ${timeoutMs / 1000} s`,
    );
  } finally {
    clearTimeout(timer);
  }
};
