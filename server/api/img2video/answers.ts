import { z } from 'zod';
import type { Task } from '../../tasks/task.js';
import type { resultErrorSchema } from './errors.js';
import { originOf, videoName } from './generations.js';

export const startedSchema = z.object({
  success: z.literal(true),
  id: z.string().regex(/^[0-9a-f]{64}$/),
  message: z.string(),
  dimensions: z.string().describe('Size of the video, such as 1024x576'),
});

/** The answer to an accepted request. */
export function startedOf(task: Task): z.infer<typeof startedSchema> {
  const { dimensions, resized } = originOf(task);
  const sentences = [
    'Video generation started.',
    ...(resized ? [`Image automatically resized to ${dimensions}.`] : []),
    'Poll for results using the returned ID.',
  ];
  return { success: true, id: task.origin.externalId ?? '', message: sentences.join(' '), dimensions };
}

export const inProgressSchema = z.object({ status: z.literal('in-progress'), message: z.string() });

export const completeSchema = z.object({
  status: z.literal('complete'),
  video_url: z.string().describe('Where the MP4 is, below the service’s address'),
  finish_reason: z.literal('SUCCESS'),
  seed: z.string().describe('The seed, as a text'),
  dimensions: z.string(),
});

type Result =
  | { readonly status: 202; readonly body: z.infer<typeof inProgressSchema> }
  | { readonly status: 200; readonly body: z.infer<typeof completeSchema> }
  | { readonly status: 500; readonly body: z.infer<typeof resultErrorSchema> };

/** How a generation stands. */
export function resultOf(task: Task): Result {
  if (task.status === 'error') {
    return { status: 500, body: { error: task.error?.message ?? 'Generation failed', status: 'error' } };
  }
  if (task.status !== 'completed') {
    const message = 'Video generation is still in progress. Try again in a few seconds.';
    return { status: 202, body: { status: 'in-progress', message } };
  }
  const { seed, dimensions } = originOf(task);
  return {
    status: 200,
    body: {
      status: 'complete',
      video_url: `/processed_videos/${videoName(task)}.mp4`,
      finish_reason: 'SUCCESS',
      seed: String(seed),
      dimensions,
    },
  };
}
