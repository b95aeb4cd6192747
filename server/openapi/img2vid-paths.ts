import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import type { ModelManifest } from '../../pipeline/manifest.js';
import { indexSchema } from '../api/download.js';
import { taskListQuery } from '../api/task-list.js';
import { answer, binary, errors } from './route-parts.js';
import { idempotencyKey, submissionBody, taskId } from './submission.js';
import { taskSchema } from './task-schema.js';

const IMG2VID = { tags: ['img2vid'] };

const FILE_TYPES = {
  video: 'video/mp4',
  thumbnail: 'image/png',
  gif: 'image/gif',
  grid: 'video/mp4',
  picture: 'image/png',
} as const;

/** The img2vid API, and what it shares with the tasks API. */
export const img2vidPaths = (manifest: ModelManifest): readonly RouteConfig[] => [
  {
    ...IMG2VID,
    method: 'post',
    path: '/img2vid',
    summary: 'Ask for a clip; the answer is the queued task, at once',
    parameters: [idempotencyKey],
    request: { body: submissionBody(manifest) },
    responses: { 200: answer('The queued task', taskSchema), ...errors(400, 413, 415, 422, 429, 503) },
  },
  {
    ...IMG2VID,
    method: 'get',
    path: '/status',
    summary: 'All tasks, newest first, or with `id` one task',
    request: { query: taskListQuery.extend({ id: z.string().optional().describe('Id of a task') }) },
    responses: {
      200: answer('A list of tasks, or one', z.union([z.array(taskSchema), taskSchema])),
      304: { description: 'Nothing has changed since the `ETag` in `If-None-Match`' },
      ...errors(400, 404),
    },
  },
  ...(Object.keys(FILE_TYPES) as (keyof typeof FILE_TYPES)[]).map((kind): RouteConfig => ({
    ...IMG2VID,
    method: 'get',
    path: `/download/${kind}/{id}`,
    summary: `The ${kind} of a completed task`,
    request: {
      params: taskId,
      query: z.object({
        index: indexSchema.optional(),
        download: z.enum(['0', '1']).optional().describe('0 shows the file instead of saving it'),
      }),
    },
    responses: {
      200: {
        description: 'The file',
        content: {
          [FILE_TYPES[kind]]: { schema: binary() },
        },
      },
      206: { description: 'The part that `Range` asks for' },
      416: { description: 'The file has no such part' },
      ...errors(400, 404),
    },
  })),
];
