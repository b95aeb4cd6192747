import { z } from 'zod';
import {
  jobId,
  optionalText,
  optionalUrl,
  percent,
  type JobDialect,
  type JobResult,
  type Submitted,
} from './job.js';
import type { ApiAnswer, ApiCall } from './provider-api.js';
import { badAnswer, jobFailed, type ProviderError } from './provider-error.js';
import { failedWith, recogniseWords } from './provider-words.js';

/** Minutes that a message stays to be asked for after it is complete, unless the deadline is longer. */
const EXPIRE_MINUTES = 12;

const submission = z.object({
  success: z.boolean().nullish(),
  messageId: jobId.optional().catch(undefined),
  msg: optionalText,
  message: optionalText,
  error: optionalText,
});

const pictures = z.object({
  imageUrl: optionalUrl,
  imageUrls: z.array(z.string().min(1)).nullish().catch(undefined),
  buttons: z.array(z.unknown()).nullish().catch(undefined),
  buttonMessageId: jobId.optional().catch(undefined),
});

const message = z.object({
  success: z.boolean().nullish().catch(undefined),
  progress: z.union([z.literal('incomplete'), percent]),
  msg: optionalText,
  error: optionalText,
  // The pictures lie either beside the progress or in here.
  response: z.unknown().optional(),
});

const words = (answer: z.infer<typeof submission>): string | undefined =>
  answer.msg ?? answer.message ?? answer.error ?? undefined;

const submitted =
  (prompt?: string) =>
  (answer: ApiAnswer): Submitted => {
    const read = answer.json(submission);
    if (read.success === false) throw failedWith(words(read), prompt);
    if (read.messageId === undefined) throw badAnswer('no id for the job');
    return { ref: read.messageId };
  };

const refusal =
  (prompt?: string) =>
  (status: number, answer: ApiAnswer): ProviderError | undefined =>
    status === 401 || status >= 500 ? undefined : recogniseWords(words(answer.json(submission)), prompt);

const button = (name: string, buttonMessageId: string): ApiCall<Submitted> => ({
  name: 'upscale',
  method: 'POST',
  path: 'button',
  body: { button: name, buttonMessageId, ref: '', webhookOverride: '' },
  repeatable: false,
  read: submitted(),
  refusal: (status, answer) =>
    refusal()(status, answer) ?? (status < 500 && status !== 429 && status !== 401 ? jobFailed() : undefined),
});

const resultOf = (answer: ApiAnswer, response: unknown): JobResult => {
  const nested = pictures.safeParse(response).data;
  const lies = nested?.imageUrl !== undefined || nested?.imageUrls ? nested : answer.json(pictures);
  const { imageUrl, imageUrls, buttons, buttonMessageId } = lies;
  const singles = imageUrls ?? [];
  if (imageUrl === undefined && singles.length === 0) throw badAnswer('a finished job without a picture');
  const has = (index: number): boolean => buttons?.includes(`U${index}`) ?? false;
  const offersFour = has(1) || has(2) || has(3) || has(4);
  return {
    main: imageUrl,
    singles,
    // Buttons that offer none of four belong to a picture that is single already.
    grid: offersFour || !buttons || buttons.length === 0,
    upscale: (index) =>
      buttonMessageId !== undefined && has(index) ? button(`U${index}`, buttonMessageId) : undefined,
  };
};

/**
 * TheNextLeg's API, version 2, and services that speak like it.
 *
 * @param timeoutMs how long a finished job must stay to be asked for
 */
export const thenextleg = ({ timeoutMs }: { readonly timeoutMs: number }): JobDialect => ({
  headers: (key) => ({ Authorization: `Bearer ${key}` }),
  submit: (prompt) => ({
    name: 'submit',
    method: 'POST',
    path: 'imagine',
    body: { msg: prompt, ref: '', webhookOverride: '', ignorePrefilter: 'false' },
    repeatable: false,
    read: submitted(prompt),
    refusal: refusal(prompt),
  }),
  poll: (ref) => ({
    name: 'poll',
    method: 'GET',
    path: `message/${encodeURIComponent(ref)}?expireMins=${Math.max(EXPIRE_MINUTES, Math.ceil(timeoutMs / 60_000))}`,
    repeatable: true,
    read: (answer) => {
      const { success, progress, msg, error, response } = answer.json(message);
      if (progress === 'incomplete' || success === false) throw failedWith(msg ?? error);
      return progress === 1 ? { done: resultOf(answer, response) } : { progress };
    },
  }),
  rescue: (url) => ({
    name: 'picture',
    method: 'POST',
    path: '/getImage',
    body: { imgUrl: url },
    repeatable: true,
    large: true,
    read: ({ body }) => body,
  }),
});
