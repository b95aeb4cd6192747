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
import { badAnswer, jobFailed, ProviderError, rejectedPrompt } from './provider-error.js';
import { failedWith, recogniseWords } from './provider-words.js';

const submission = z.object({
  code: z.coerce.number().int(),
  description: optionalText,
  result: jobId.optional().catch(undefined),
  properties: z
    .object({ status: optionalText, imageUrl: optionalUrl, bannedWord: optionalText })
    .nullish()
    .catch(undefined),
});

const taskButton = z.object({ customId: optionalText, label: optionalText });

const task = z.object({
  status: optionalText,
  progress: percent,
  imageUrl: optionalUrl,
  imageUrls: z
    .array(z.object({ url: z.string().min(1) }))
    .nullish()
    .catch(undefined),
  failReason: optionalText,
  buttons: z.array(taskButton).nullish().catch(undefined),
});

type Task = z.infer<typeof task>;

/** One picture, or the end of an upscale that had been made before. */
const single = (url: string): JobResult => ({ main: url, grid: false, singles: [] });

/** Reads the envelope that every submission is answered with, whatever becomes of it, with status 200. */
const submitted =
  (prompt?: string) =>
  (answer: ApiAnswer): Submitted => {
    const { code, description, result, properties } = answer.json(submission);
    switch (code) {
      case 21: // already there
        if (properties?.imageUrl !== undefined) return { done: single(properties.imageUrl) };
        break;
      case 1:
      case 22: // queued
        break;
      case 23:
        throw new ProviderError('provider_unavailable', 'The queue of the image provider is full', {
          retry: 'always',
        });
      case 24:
        throw rejectedPrompt(prompt, properties?.bannedWord);
      default:
        throw recogniseWords(description, prompt) ?? jobFailed(` (code ${code})`);
    }
    if (result === undefined) throw badAnswer('no id for the job');
    return { ref: result };
  };

const upscaleBy = (path: string, body: Readonly<Record<string, unknown>>): ApiCall<Submitted> => ({
  name: 'upscale',
  method: 'POST',
  path,
  body,
  repeatable: false,
  read: submitted(),
  // Forks without this way answer 404; the grid is there all the same.
  refusal: (status) => (status === 400 || status === 404 || status === 405 ? jobFailed() : undefined),
});

/** The button that gives picture `index` of four. */
const upscaleButton = ({ buttons }: Task, index: number): string | undefined =>
  buttons?.find(
    ({ customId, label }) =>
      customId && (label?.trim() === `U${index}` || customId.includes(`::upsample::${index}::`)),
  )?.customId ?? undefined;

const resultOf = (ref: string, found: Task): JobResult => {
  const singles = found.imageUrls?.map(({ url }) => url) ?? [];
  if (found.imageUrl === undefined && singles.length === 0)
    throw badAnswer('a finished job without a picture');
  const hasButtons = (found.buttons?.length ?? 0) > 0;
  const offersFour = [1, 2, 3, 4].some((index) => upscaleButton(found, index) !== undefined);
  return {
    main: found.imageUrl,
    singles,
    grid: !hasButtons || offersFour,
    upscale: (index) => {
      const customId = upscaleButton(found, index);
      if (customId !== undefined) return upscaleBy('mj/submit/action', { taskId: ref, customId });
      if (hasButtons) return undefined;
      return upscaleBy('mj/submit/change', {
        taskId: ref,
        action: 'UPSCALE',
        index,
        notifyHook: '',
        state: '',
      });
    },
  };
};

export interface MidjourneyProxyOptions {
  /** How the key goes along: the header of the proxies themselves, or what relays in front of them expect. */
  readonly auth: 'mj-api-secret' | 'bearer';
  /** `MID_JOURNEY` or `NIJI_JOURNEY`, where the proxy serves both. */
  readonly botType?: string | undefined;
}

/**
 * The `/mj` API of the midjourney-proxy family: novicezk's original, trueai's superset and relays. What has buttons is
 * upscaled by its button, what has none by `change`.
 */
export const midjourneyProxy = ({ auth, botType }: MidjourneyProxyOptions): JobDialect => ({
  headers: (key) => (auth === 'bearer' ? { Authorization: `Bearer ${key}` } : { 'mj-api-secret': key }),
  submit: (prompt) => ({
    name: 'submit',
    method: 'POST',
    path: 'mj/submit/imagine',
    body: {
      prompt,
      base64Array: [],
      notifyHook: '',
      state: '',
      ...(botType === undefined ? {} : { botType }),
    },
    repeatable: false,
    read: submitted(prompt),
    refusal: (status, answer) =>
      status < 500 && status !== 401
        ? recogniseWords(answer.json(submission).description, prompt)
        : undefined,
  }),
  // trueai's; the original answers 404, and its job goes on.
  cancel: (ref) => ({
    name: 'cancel',
    method: 'POST',
    path: `mj/task/${encodeURIComponent(ref)}/cancel`,
    repeatable: true,
    read: () => undefined,
  }),
  poll: (ref) => ({
    name: 'poll',
    method: 'GET',
    path: `mj/task/${encodeURIComponent(ref)}/fetch`,
    repeatable: true,
    read: (answer) => {
      // An unknown id is answered with nothing: a proxy that has just started may not have read its tasks yet.
      const found = answer.json(task.nullable());
      if (found === null) {
        throw new ProviderError('provider_failed', 'The image provider does not know the job any more', {
          retry: 'if_repeatable',
        });
      }
      switch (found.status) {
        case 'SUCCESS':
          return { done: resultOf(ref, found) };
        case 'FAILURE':
        case 'CANCEL':
        case 'MODAL': // waits for somebody to fill in a form
          throw failedWith(found.failReason);
        default:
          return { progress: found.progress };
      }
    },
  }),
});
