import { z } from 'zod';
import { decodeBase64 } from '../base64.js';
import type { PictureProvider, PictureRequest } from '../source.js';
import { withDeadline } from './deadline.js';
import { optionalText, optionalUrl } from './job.js';
import type { PictureFetch } from './picture-fetch.js';
import type { ApiAnswer, ApiCall, ProviderApi } from './provider-api.js';
import { badAnswer, quotaUsedUp, rejectedPrompt, type ProviderError } from './provider-error.js';
import { ascending } from './report.js';

type Size = readonly [width: number, height: number];
type Made = { readonly bytes: Buffer } | { readonly url: string };

const answered = z.object({
  data: z.array(z.object({ b64_json: optionalText, url: optionalUrl })).min(1),
});

const refused = z.object({
  error: z.object({ message: optionalText, type: optionalText, code: optionalText }),
});

/** Codes of the two refusals that a status alone does not tell. */
const MODERATION = ['moderation_blocked', 'content_policy_violation'];
const QUOTA = ['insufficient_quota', 'billing_hard_limit_reached'];

const sizesOf = (model: string): readonly Size[] => {
  if (model === 'dall-e-2') return [[1024, 1024]];
  const long = model === 'dall-e-3' ? 1792 : 1536;
  return [
    [1024, 1024],
    [long, 1024],
    [1024, long],
  ];
};

/** The size the model offers whose shape is nearest to the one wanted. */
export const nearestSize = (model: string, width: number, height: number): string => {
  const distance = ([w, h]: Size): number => Math.abs(Math.log(w / h / (width / height)));
  const [w, h] = [...sizesOf(model)].sort((a, b) => distance(a) - distance(b))[0];
  return `${w}x${h}`;
};

/** What only some models take: another answers 400 to it. */
const optionsOf = (model: string): Readonly<Record<string, string>> => {
  if (model.startsWith('dall-e')) return { response_format: 'b64_json' };
  return model.startsWith('gpt-image') ? { output_format: 'png' } : {};
};

const decode = (text: string): Buffer => {
  const bytes = decodeBase64(text);
  if (!bytes) throw badAnswer('a picture that is not base64', 'never');
  return bytes;
};

const refusal = (_status: number, answer: ApiAnswer): ProviderError | undefined => {
  const { code, type } = answer.json(refused).error;
  const named = (codes: readonly string[]): boolean =>
    [code, type].some((word) => word && codes.includes(word));
  if (named(MODERATION)) return rejectedPrompt();
  return named(QUOTA) ? quotaUsedUp() : undefined;
};

/** POST /images/generations for one picture. */
const generation = (model: string, prompt: string, { width, height }: PictureRequest): ApiCall<Made> => ({
  name: 'submit',
  method: 'POST',
  path: 'images/generations',
  body: { model, prompt, n: 1, size: nearestSize(model, width, height), ...optionsOf(model) },
  repeatable: false,
  large: true,
  read: (answer) => {
    const [{ b64_json, url }] = answer.json(answered).data;
    if (b64_json) return { bytes: decode(b64_json) };
    if (url === undefined) throw badAnswer('an answer without a picture');
    return { url };
  },
  refusal,
});

export interface OpenAiParts {
  readonly model: string;
  readonly api: ProviderApi;
  readonly fetchPicture: PictureFetch;
  readonly timeoutMs: number;
}

/** OpenAI's image API, and servers that speak like it: one call that ends with the picture, or with its address. */
export const createOpenAiProvider = ({
  model,
  api,
  fetchPicture,
  timeoutMs,
}: OpenAiParts): PictureProvider => ({
  name: 'openai',
  placeholder: false,
  make: (prompt, request) =>
    withDeadline(timeoutMs, request.signal, async (deadline) => {
      const report = ascending(request.onProgress);
      report(0.02);
      const made = await api.call(generation(model, prompt, request), deadline);
      report(0.92);
      const bytes = 'bytes' in made ? made.bytes : await fetchPicture(made.url, deadline);
      report(1);
      return { bytes };
    }),
});
