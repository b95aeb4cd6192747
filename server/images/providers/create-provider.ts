import { createGuardedClient, type GuardedClient, type GuardedClientOptions } from '../guarded-client.js';
import type { PictureLimits } from '../picture.js';
import type { PictureWork } from '../picture-work.js';
import type { PictureProvider } from '../source.js';
import { systemClock, type Clock } from './clock.js';
import { createEmbeddedProvider } from './embedded.js';
import { imagineApi } from './imagineapi.js';
import { createJobProvider } from './job-provider.js';
import type { JobDialect } from './job.js';
import { midjourneyProxy } from './midjourney-proxy.js';
import { createOpenAiProvider } from './openai.js';
import { createPacer } from './pacer.js';
import { createPictureFetch } from './picture-fetch.js';
import { createProviderApi, type RequestEvent } from './provider-api.js';
import { RETRY_POLICY, type RetryEvent, type RetryParts } from './retry.js';
import type { ProviderSettings, RemoteProviderSettings } from './settings.js';
import { thenextleg } from './thenextleg.js';

export interface ProviderParts {
  readonly limits: PictureLimits;
  readonly work: PictureWork;
  /** Called for each attempt that failed and will be made again. */
  readonly onRetry?: (event: RetryEvent) => void;
  /** Called for each request to the provider's API, with what it came to. */
  readonly onRequest?: (event: RequestEvent) => void;
  readonly clock?: Clock;
  readonly createClient?: (options: GuardedClientOptions) => GuardedClient;
}

/** An answer of words has less; one that has more is not read. */
const WORDS_BYTES = 2 ** 20;

const dialectOf = (s: RemoteProviderSettings): JobDialect | undefined => {
  switch (s.name) {
    case 'thenextleg':
      return thenextleg(s);
    case 'midjourney-proxy':
      return midjourneyProxy({ auth: s.auth, botType: s.model });
    case 'imagineapi':
      return imagineApi();
    case 'openai':
      return undefined;
  }
};

/** Makes the picture source that the configuration names. */
export const createPictureProvider = (settings: ProviderSettings, parts: ProviderParts): PictureProvider => {
  if (settings.name === 'embedded') return createEmbeddedProvider(parts.work);
  const { name, key, timeoutMs, pollMs } = settings;
  const { limits, work, clock = systemClock, createClient = createGuardedClient, onRetry } = parts;
  const dialect = dialectOf(settings);
  const retry: RetryParts = { provider: name, policy: RETRY_POLICY, clock, onRetry };
  // The base URL is the operator's own choice. Addresses in answers are not: their client knows nothing of it.
  const toApi = { allowedOrigins: [new URL(settings.url).origin] };
  const headersOf = dialect?.headers ?? bearer;
  const api = createProviderApi({
    client: createClient({ ...toApi, maxBytes: WORDS_BYTES, idleMs: 30_000 }),
    largeClient: createClient({
      ...toApi,
      maxBytes: Math.ceil((limits.bytes * 4) / 3) + WORDS_BYTES,
      // A call that ends with the picture is silent until then.
      idleMs: timeoutMs,
      totalMs: timeoutMs,
    }),
    baseUrl: settings.url,
    headers: () => (key ? headersOf(key.reveal()) : {}),
    pacer: createPacer(settings.intervalMs),
    retry,
    onRequest: parts.onRequest,
  });
  const fetchPicture = createPictureFetch({
    client: createClient({ allowedOrigins: settings.allowedOrigins, maxBytes: limits.bytes }),
    api,
    retry,
    rescue: dialect?.rescue,
  });
  if (!dialect) {
    return createOpenAiProvider({ model: settings.model ?? 'gpt-image-1', api, fetchPicture, timeoutMs });
  }
  return createJobProvider({ name, dialect, api, fetchPicture, limits, work, clock, timeoutMs, pollMs });
};

const bearer = (key: string): Readonly<Record<string, string>> => ({ Authorization: `Bearer ${key}` });
