import { z } from 'zod';
import { jobId, optionalText, optionalUrl, percent, type JobDialect, type JobResult } from './job.js';
import type { ApiAnswer } from './provider-api.js';
import { badAnswer, type ProviderError } from './provider-error.js';
import { failedWith, recogniseWords } from './provider-words.js';

const image = z.object({
  status: optionalText,
  progress: percent,
  url: optionalUrl,
  upscaled_urls: z.array(z.string().min(1)).nullish().catch(undefined),
  error: optionalText,
});

const created = z.object({ data: z.object({ id: jobId }) });
const polled = z.object({ data: image });
const refused = z.object({ errors: z.array(z.object({ message: optionalText })).min(1) });

const refusal =
  (prompt: string) =>
  (status: number, answer: ApiAnswer): ProviderError | undefined =>
    status === 401 || status >= 500
      ? undefined
      : recogniseWords(answer.json(refused).errors[0].message, prompt);

const resultOf = ({ url, upscaled_urls }: z.infer<typeof image>): JobResult => {
  const singles = upscaled_urls ?? [];
  if (url === undefined && singles.length === 0) throw badAnswer('a finished job without a picture');
  return { main: url, grid: true, singles };
};

/** ImagineAPI: the grid in `url`, and as a rule the four pictures one by one in `upscaled_urls`. */
export const imagineApi = (): JobDialect => ({
  headers: (key) => ({ Authorization: `Bearer ${key}` }),
  submit: (prompt) => ({
    name: 'submit',
    method: 'POST',
    path: 'items/images/',
    body: { prompt },
    repeatable: false,
    read: (answer) => ({ ref: answer.json(created).data.id }),
    refusal: refusal(prompt),
  }),
  poll: (ref) => ({
    name: 'poll',
    method: 'GET',
    path: `items/images/${encodeURIComponent(ref)}`,
    repeatable: true,
    read: (answer) => {
      const { data } = answer.json(polled);
      if (data.status === 'failed') throw failedWith(data.error);
      return data.status === 'completed' ? { done: resultOf(data) } : { progress: data.progress };
    },
  }),
});
