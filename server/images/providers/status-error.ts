import { badAnswer, ProviderError, quotaUsedUp } from './provider-error.js';

/** Reads `Retry-After` (RFC 9110, 10.2.3): seconds or a date, as milliseconds from now. */
export const readRetryAfter = (header: unknown, now: number = Date.now()): number | undefined => {
  if (typeof header !== 'string') return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  // Dates begin with their weekday; much that is no date would be read as one.
  const date = /^\s*[A-Za-z]{3,9},?\s/.test(header) ? Date.parse(header) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
};

/** What an HTTP status that is no success means, whichever provider it comes from. */
export const statusError = (status: number, retryAfterMs?: number): ProviderError => {
  const said = `(HTTP ${status})`;
  if (status < 400) {
    return badAnswer(
      `a redirect ${said}, which is not followed: IMAGE_PROVIDER_URL must be where it leads`,
      'never',
    );
  }
  switch (status) {
    case 401:
    case 403:
      return new ProviderError(
        'provider_auth',
        `The image provider does not accept the configured key ${said}`,
      );
    case 402:
      return quotaUsedUp();
    case 404:
    case 405:
      return badAnswer(`no answer at this address ${said}: IMAGE_PROVIDER_URL may be wrong`);
    case 429:
      return new ProviderError(
        'provider_quota',
        `The image provider takes no more requests for now ${said}`,
        {
          retry: 'always',
          retryAfterMs,
        },
      );
    case 408:
    case 425:
      return unavailable(said, retryAfterMs);
    default:
      return status >= 500
        ? unavailable(said, retryAfterMs)
        : new ProviderError('provider_failed', `The image provider refused the request ${said}`);
  }
};

const unavailable = (said: string, retryAfterMs?: number): ProviderError =>
  new ProviderError('provider_unavailable', `The image provider is not available ${said}`, {
    retry: 'always',
    retryAfterMs,
  });
