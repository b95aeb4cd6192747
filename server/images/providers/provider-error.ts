import { ServiceError } from '../../errors.js';

/** HTTP status of each code, for an error that ends a request; a task keeps the code. */
const STATUS = {
  provider_rejected_prompt: 400,
  provider_quota: 503,
  provider_auth: 502,
  provider_timeout: 504,
  provider_unavailable: 503,
  provider_failed: 502,
  provider_bad_answer: 502,
} as const;

export type ProviderErrorCode = keyof typeof STATUS;

/**
 * Whether the same call may be made again: `always` where the provider did nothing, `if_repeatable` where it may have (or
 * may not have understood itself), so that only a call without consequences is repeated.
 */
export type RetryRule = 'always' | 'if_repeatable' | 'never';

/**
 * Why an image provider gave no picture. The message is ours alone: neither the provider's words nor the failed request
 * (which holds the key) go into it or hang on it as a cause.
 */
export class ProviderError extends ServiceError {
  readonly retry: RetryRule;
  /** How long the provider asked to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ProviderErrorCode,
    message: string,
    { retry = 'never', retryAfterMs }: { retry?: RetryRule; retryAfterMs?: number | undefined } = {},
  ) {
    super(STATUS[code], code, message, code === 'provider_rejected_prompt' ? { field: 'prompt' } : {});
    this.name = 'ProviderError';
    this.retry = retry;
    this.retryAfterMs = retryAfterMs;
  }
}

/** An answer that cannot be understood. What was asked may have been done, so only a repeatable call is made again. */
export const badAnswer = (what: string, retry: RetryRule = 'if_repeatable'): ProviderError =>
  new ProviderError('provider_bad_answer', `The image provider gave ${what}`, { retry });

/** The end of a job without a picture. */
export const jobFailed = (detail = ''): ProviderError =>
  new ProviderError('provider_failed', `The image provider could not make the picture${detail}`);

/** `word` is shown only where it stands in the user's own prompt: nothing else of the provider's words is passed on. */
export const rejectedPrompt = (prompt?: string, word?: string | null): ProviderError => {
  const own = word && word.length <= 60 && prompt?.toLowerCase().includes(word.toLowerCase());
  return new ProviderError(
    'provider_rejected_prompt',
    `The image provider refused the prompt by its rules on content${own ? `, because of "${word}"` : ''}`,
  );
};

/** The account has nothing left: asking again does not help. */
export const quotaUsedUp = (): ProviderError =>
  new ProviderError('provider_quota', 'The account with the image provider has no quota left');
