import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import type { ModelManifest } from '../../pipeline/manifest.js';
import { FILE_KINDS, indexSchema, type FileKind } from '../api/download.js';
import { taskListQuery } from '../api/task-list.js';
import { answer, binary, errors } from './route-parts.js';
import { idempotencyKey, submissionBody, taskId } from './submission.js';
import { taskSchema } from './task-schema.js';

const IMG2VID = { tags: ['img2vid'] };

const FILES: Readonly<Record<FileKind, { readonly type: string; readonly summary: string }>> = {
  video: { type: 'video/mp4', summary: 'The video of a completed task' },
  thumbnail: { type: 'image/png', summary: 'The first frame of a completed task' },
  grid: { type: 'video/mp4', summary: 'The variations of a completed task side by side' },
  picture: { type: 'image/png', summary: 'The picture of a task that makes a picture alone' },
  gif: { type: 'image/gif', summary: 'The video as a GIF, made when it is first asked for' },
  webp: { type: 'image/webp', summary: 'The video as an animated WebP, made when it is first asked for' },
  frames: { type: 'application/x-tar', summary: 'The frames of the video as PNGs in a tar archive' },
};

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
  ...FILE_KINDS.map((kind): RouteConfig => ({
    ...IMG2VID,
    method: 'get',
    path: `/download/${kind}/{id}`,
    summary: FILES[kind].summary,
    request: {
      params: taskId,
      query: z.object({
        index: indexSchema.optional(),
        ...(kind === 'thumbnail' ? { size: z.literal('small').optional() } : {}),
        download: z.enum(['0', '1']).optional().describe('0 shows the file instead of saving it'),
      }),
    },
    responses: {
      200: {
        description: 'The file',
        content: { [FILES[kind].type]: { schema: binary() } },
      },
      206: { description: 'The part that `Range` asks for' },
      416: { description: 'The file has no such part' },
      ...errors(400, 404),
    },
  })),
];
