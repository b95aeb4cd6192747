import { z } from 'zod';
import { originList } from '../../origin-list.js';
import { Secret } from './secret.js';

export const PROVIDER_NAMES = ['embedded', 'thenextleg', 'midjourney-proxy', 'imagineapi', 'openai'] as const;
export type ProviderName = (typeof PROVIDER_NAMES)[number];
export type RemoteProviderName = Exclude<ProviderName, 'embedded'>;

/** How to reach and use a provider elsewhere. */
export interface RemoteProviderSettings {
  readonly name: RemoteProviderName;
  /** Where its API begins, without a trailing slash. */
  readonly url: string;
  readonly key?: Secret;
  /** The model of OpenAI's API, or the bot of a midjourney-proxy that serves two. */
  readonly model?: string;
  /** How midjourney-proxy takes the key. */
  readonly auth: 'mj-api-secret' | 'bearer';
  /** Origins of pictures that may lie in a private network. */
  readonly allowedOrigins: readonly string[];
  readonly timeoutMs: number;
  readonly pollMs: number;
  /** Least time between the starts of two requests; 0 for none. */
  readonly intervalMs: number;
}

export type ProviderSettings = { readonly name: 'embedded' } | RemoteProviderSettings;

interface Defaults {
  readonly url?: string;
  readonly model?: string;
  readonly pollSeconds: number;
  readonly intervalSeconds: number;
}

const DEFAULTS: Readonly<Record<RemoteProviderName, Defaults>> = {
  // The service allows one request in three seconds.
  thenextleg: { url: 'https://api.thenextleg.io/v2', pollSeconds: 5, intervalSeconds: 3 },
  'midjourney-proxy': { pollSeconds: 3, intervalSeconds: 0 },
  imagineapi: { url: 'https://cl.imagineapi.dev', pollSeconds: 5, intervalSeconds: 0 },
  openai: { url: 'https://api.openai.com/v1', model: 'gpt-image-1', pollSeconds: 5, intervalSeconds: 0 },
};

const webUrl = (text: string): URL | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) return undefined;
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '' ? url : undefined;
};

const key = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]{1,4096}$/, 'expected visible ASCII characters without blanks');

const seconds = (min: number, max: number) => z.coerce.number().min(min).max(max);

/** The environment variables of the image providers. */
export const providerEnvironment = {
  IMAGE_PROVIDER: z.enum(PROVIDER_NAMES).default('embedded'),
  IMAGE_PROVIDER_KEY: key.optional(),
  /** The name this key had before there was more than one provider. */
  TNL_API_KEY: key.optional(),
  IMAGE_PROVIDER_URL: z
    .string()
    .refine(
      (text) => webUrl(text) !== undefined,
      'expected an http or https address without credentials, query or fragment',
    )
    .optional(),
  IMAGE_PROVIDER_MODEL: z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/, 'expected the name of a model')
    .optional(),
  IMAGE_PROVIDER_AUTH: z.enum(['mj-api-secret', 'bearer']).default('mj-api-secret'),
  IMAGE_PROVIDER_ALLOW_ORIGINS: originList,
  IMAGE_PROVIDER_TIMEOUT_SECONDS: seconds(1, 86_400).default(900),
  IMAGE_PROVIDER_POLL_SECONDS: seconds(0.1, 600).optional(),
  IMAGE_PROVIDER_INTERVAL_SECONDS: seconds(0, 600).optional(),
};

/** Variables whose values no message may repeat: keys, and addresses in which somebody may have put one. */
export const SECRET_VARIABLES: readonly string[] = [
  'IMAGE_PROVIDER_KEY',
  'TNL_API_KEY',
  'IMAGE_PROVIDER_URL',
  'IMAGE_PROVIDER_ALLOW_ORIGINS',
];

type ProviderEnvironment = z.infer<z.ZodObject<typeof providerEnvironment>>;

const keyOf = (e: ProviderEnvironment): string | undefined =>
  e.IMAGE_PROVIDER_KEY ?? (e.IMAGE_PROVIDER === 'thenextleg' ? e.TNL_API_KEY : undefined);

/** Reports what the chosen provider lacks. A service of one's own may need no key, a public one always does. */
export const checkProvider = (e: ProviderEnvironment, context: z.RefinementCtx): void => {
  const name = e.IMAGE_PROVIDER;
  if (name === 'embedded' || e.IMAGE_PROVIDER_URL !== undefined) return;
  const missing = (path: string): void => {
    context.addIssue({ code: 'custom', path: [path], message: `required for IMAGE_PROVIDER=${name}` });
  };
  if (DEFAULTS[name].url === undefined) missing('IMAGE_PROVIDER_URL');
  else if (keyOf(e) === undefined) missing('IMAGE_PROVIDER_KEY');
};

/** The settings of the chosen provider, its own defaults filled in. `e` has passed `checkProvider`. */
export const providerSettings = (e: ProviderEnvironment): ProviderSettings => {
  const name = e.IMAGE_PROVIDER;
  if (name === 'embedded') return { name };
  const defaults = DEFAULTS[name];
  const secret = keyOf(e);
  const model = e.IMAGE_PROVIDER_MODEL ?? defaults.model;
  return {
    name,
    url: (e.IMAGE_PROVIDER_URL ?? defaults.url ?? '').replace(/\/+$/, ''),
    ...(secret === undefined ? {} : { key: new Secret(secret) }),
    ...(model === undefined ? {} : { model }),
    auth: e.IMAGE_PROVIDER_AUTH,
    allowedOrigins: e.IMAGE_PROVIDER_ALLOW_ORIGINS,
    timeoutMs: e.IMAGE_PROVIDER_TIMEOUT_SECONDS * 1000,
    pollMs: (e.IMAGE_PROVIDER_POLL_SECONDS ?? defaults.pollSeconds) * 1000,
    intervalMs: (e.IMAGE_PROVIDER_INTERVAL_SECONDS ?? defaults.intervalSeconds) * 1000,
  };
};

/** True for providers that make four pictures of a prompt, of which a request may choose one. */
export const offersChoice = ({ name }: ProviderSettings): boolean => name !== 'embedded' && name !== 'openai';
