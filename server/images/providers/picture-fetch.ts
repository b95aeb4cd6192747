import { ServiceError } from '../../errors.js';
import type { GuardedClient } from '../guarded-client.js';
import type { GuardedAnswer } from '../guarded-request.js';
import type { Deadline } from './deadline.js';
import { transferFailure, type ApiCall, type ProviderApi } from './provider-api.js';
import { badAnswer, ProviderError } from './provider-error.js';
import { withRetries, type RetryParts } from './retry.js';
import { readRetryAfter } from './status-error.js';

export interface PictureFetchParts {
  /** Goes to the public internet and to the configured origins only: the address is the provider's word, not ours. */
  readonly client: GuardedClient;
  readonly api: ProviderApi;
  readonly retry: RetryParts;
  /** Asks the provider itself for a picture that its host refuses with 403. */
  readonly rescue?: ((url: string) => ApiCall<Buffer>) | undefined;
}

/** Fetches the bytes behind an address that a provider gave. No key goes along. */
export type PictureFetch = (url: string, deadline: Deadline) => Promise<Buffer>;

const HOST = 'The host of the provider’s picture';

const linkError = ({ status, headers }: GuardedAnswer): ProviderError => {
  if (status === 429 || status >= 500) {
    return new ProviderError('provider_unavailable', `${HOST} is not available (HTTP ${status})`, {
      retry: 'always',
      retryAfterMs: readRetryAfter(headers['retry-after']),
    });
  }
  return badAnswer(`the address of a picture that is not there (HTTP ${status})`, 'never');
};

const asProviderError = (error: unknown): unknown => {
  if (error instanceof ProviderError) return error;
  // The guard's refusals: their words are fit to be shown and tell no address.
  if (error instanceof ServiceError) {
    return badAnswer(`the address of a picture that is not fetched: ${error.message}`, 'never');
  }
  return transferFailure(error, HOST);
};

export const createPictureFetch = ({ client, api, retry, rescue }: PictureFetchParts): PictureFetch => {
  const once = async (url: string, deadline: Deadline): Promise<Buffer | ApiCall<Buffer>> => {
    let answer: GuardedAnswer;
    try {
      answer = await client.request(url, { headers: { Accept: 'image/*' }, signal: deadline.signal });
    } catch (error) {
      throw asProviderError(error);
    }
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    if (answer.status === 403 && rescue) return rescue(url);
    throw linkError(answer);
  };
  return async (url, deadline) => {
    const fetched = await withRetries(retry, { call: 'picture', repeatable: true, deadline }, () =>
      once(url, deadline),
    );
    return Buffer.isBuffer(fetched) ? fetched : api.call(fetched, deadline);
  };
};
