import type { z } from 'zod';
import type { GuardedClient } from '../guarded-client.js';
import type { GuardedAnswer } from '../guarded-request.js';
import { TransferError } from '../transfer-error.js';
import type { Deadline } from './deadline.js';
import type { Pacer } from './pacer.js';
import { badAnswer, ProviderError } from './provider-error.js';
import { withRetries, type RetryParts } from './retry.js';
import { readRetryAfter, statusError } from './status-error.js';

/** A provider's answer with a status of success, not yet trusted. */
export interface ApiAnswer {
  readonly body: Buffer;
  /** @throws ProviderError `provider_bad_answer` where the answer does not fit the schema */
  json<T>(schema: z.ZodType<T>): T;
}

/** A description of one request to a provider's API, and of how to read what comes back. */
export interface ApiCall<T> {
  /** What it is for, in the log. */
  readonly name: string;
  readonly method: 'GET' | 'POST';
  /** Resolved against the base URL: `imagine` lies below it, `/getImage` at the root of its origin. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  /** True where making it twice does no more than making it once. */
  readonly repeatable: boolean;
  /** True where the answer holds a picture, not only words. */
  readonly large?: boolean;
  /** @throws ProviderError */
  readonly read: (answer: ApiAnswer) => T;
  /** The error that a status other than success means with this provider; undefined leaves it to the status alone. */
  readonly refusal?: (status: number, answer: ApiAnswer) => ProviderError | undefined;
}

export interface ProviderApi {
  /** @throws ProviderError, or the reason of the deadline's signal */
  call<T>(call: ApiCall<T>, deadline: Deadline): Promise<T>;
}

export interface ProviderApiParts {
  /** Allowed to reach the base URL's origin wherever it lies. */
  readonly client: GuardedClient;
  /** The same with room for a picture. */
  readonly largeClient: GuardedClient;
  readonly baseUrl: string;
  /** Those that carry the key. */
  readonly headers: () => Readonly<Record<string, string>>;
  readonly pacer: Pacer;
  readonly retry: RetryParts;
  /** Called with what each request came to: `ok`, or the code of its error. */
  readonly onRequest?: ((event: RequestEvent) => void) | undefined;
}

export interface RequestEvent {
  readonly call: string;
  readonly outcome: string;
}

/** The error of a request that brought no answer. Its cause is left behind: it holds the request, and so the key. */
export const transferFailure = (error: unknown, who = 'The image provider'): unknown => {
  if (!(error instanceof TransferError)) return error;
  const code =
    error.kind === 'too_large' || error.kind === 'redirects' ? 'provider_bad_answer' : 'provider_unavailable';
  // After silence nobody knows whether the request was understood; a connection that was cut is taken for one that was not.
  const retry = {
    network: 'always',
    timeout: 'if_repeatable',
    too_large: 'never',
    redirects: 'never',
  } as const;
  return new ProviderError(code, `${who} cannot be used: ${error.message}`, { retry: retry[error.kind] });
};

const parse = (body: Buffer): unknown => {
  const text = body.toString('utf8').trim();
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    throw badAnswer(text.startsWith('<') ? 'a page where JSON was expected' : 'an answer that is not JSON');
  }
};

const readable = ({ body }: GuardedAnswer): ApiAnswer => ({
  body,
  json: (schema) => {
    const parsed = schema.safeParse(parse(body));
    if (parsed.success) return parsed.data;
    throw badAnswer('an answer that is not of the documented form');
  },
});

/** What a refusal says, as far as it can be read at all: an error page has no words for us. */
const refusalOf = <T>(call: ApiCall<T>, answer: GuardedAnswer): ProviderError | undefined => {
  try {
    return call.refusal?.(answer.status, readable(answer));
  } catch (error) {
    if (error instanceof ProviderError && error.code === 'provider_bad_answer') return undefined;
    throw error;
  }
};

/** The one way to a provider's API: paced, repeated where that is right, its answers checked, its redirects not followed. */
export const createProviderApi = (parts: ProviderApiParts): ProviderApi => {
  const base = `${parts.baseUrl.replace(/\/+$/, '')}/`;

  const once = async <T>(call: ApiCall<T>, { signal }: Deadline): Promise<T> => {
    const client = call.large ? parts.largeClient : parts.client;
    let answer: GuardedAnswer;
    try {
      answer = await client.request(new URL(call.path, base).href, {
        method: call.method,
        headers: {
          Accept: call.large ? '*/*' : 'application/json',
          ...(call.body ? { 'Content-Type': 'application/json' } : {}),
          ...parts.headers(),
        },
        ...(call.body ? { body: JSON.stringify(call.body) } : {}),
        maxRedirects: 0,
        signal,
      });
    } catch (error) {
      throw transferFailure(error);
    }
    if (answer.status >= 200 && answer.status < 300) return call.read(readable(answer));
    const after = readRetryAfter(answer.headers['retry-after']);
    throw refusalOf(call, answer) ?? statusError(answer.status, after);
  };

  const told = async <T>(call: ApiCall<T>, deadline: Deadline): Promise<T> => {
    let outcome = 'aborted';
    try {
      const result = await once(call, deadline);
      outcome = 'ok';
      return result;
    } catch (error) {
      if (error instanceof ProviderError) outcome = error.code;
      throw error;
    } finally {
      parts.onRequest?.({ call: call.name, outcome });
    }
  };

  return {
    call: (call, deadline) =>
      withRetries(parts.retry, { call: call.name, repeatable: call.repeatable, deadline }, () =>
        parts.pacer(() => told(call, deadline), deadline.signal),
      ),
  };
};
