import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import type { ModelManifest } from '../../pipeline/manifest.js';
import { taskListQuery } from '../api/task-list.js';
import { answer, binary, errors } from './route-parts.js';
import { idempotencyKey, submission, submissionBody, taskId } from './submission.js';
import { taskWithUrlsSchema } from './task-schema.js';

const TASKS = { tags: ['tasks'] };
const events = {
  description: 'A stream that ends by itself; go on with `Last-Event-ID`',
  content: { 'text/event-stream': { schema: z.string() } },
};

const accepting = (manifest: ModelManifest): readonly RouteConfig[] => [
  {
    ...TASKS,
    method: 'post',
    path: '/tasks',
    summary: 'Ask for a clip',
    parameters: [idempotencyKey],
    request: { body: submissionBody(manifest) },
    responses: {
      201: answer('The queued task; `Location` says where it is', taskWithUrlsSchema),
      ...errors(400, 413, 415, 422, 429, 503),
    },
  },
  {
    ...TASKS,
    method: 'post',
    path: '/tasks/{id}/rerun',
    summary:
      'A new task with the same source; fields of the body replace the old ones, `seed=new` draws a seed',
    parameters: [idempotencyKey],
    request: {
      params: taskId,
      body: { required: false, content: { 'application/json': { schema: submission(manifest) } } },
    },
    responses: { 201: answer('The queued task', taskWithUrlsSchema), ...errors(400, 404, 409) },
  },
];

const others: readonly RouteConfig[] = [
  {
    ...TASKS,
    method: 'get',
    path: '/tasks',
    summary: 'A page of tasks, newest first',
    request: { query: taskListQuery },
    responses: {
      200: answer(
        'The page',
        z.object({
          tasks: z.array(taskWithUrlsSchema),
          total: z.number().int(),
          next: z.string().nullable().describe('Where the next page is'),
        }),
      ),
      ...errors(400),
    },
  },
  {
    ...TASKS,
    method: 'get',
    path: '/tasks/{id}',
    summary: 'One task',
    request: { params: taskId },
    responses: { 200: answer('The task', taskWithUrlsSchema), ...errors(404) },
  },
  {
    ...TASKS,
    method: 'delete',
    path: '/tasks/{id}',
    summary: 'Delete a task with its files, cancelling it if need be',
    request: { params: taskId },
    responses: { 204: { description: 'It is gone' }, ...errors(404) },
  },
  {
    ...TASKS,
    method: 'post',
    path: '/tasks/{id}/cancel',
    summary: 'End a task wherever it stands; one that has ended stays as it is',
    request: { params: taskId },
    responses: { 200: answer('The task as it is then', taskWithUrlsSchema), ...errors(404) },
  },
  {
    ...TASKS,
    method: 'get',
    path: '/tasks/{id}/events',
    summary:
      'A task’s progress as server-sent events: `progress` with the fields that changed, `done`, `deleted`',
    request: { params: taskId },
    responses: {
      200: events,
      204: { description: 'The task has ended, and its end was told' },
      ...errors(404),
    },
  },
  {
    ...TASKS,
    method: 'get',
    path: '/tasks/{id}/preview',
    summary: 'What a task that is being sampled looks like so far; `preview_url` changes with every new one',
    request: { params: taskId },
    responses: {
      200: { description: 'A small moving picture', content: { 'image/webp': { schema: binary() } } },
      ...errors(404),
    },
  },
  {
    ...TASKS,
    method: 'get',
    path: '/events',
    summary: 'The changes of all tasks: `progress`, `done`, `deleted`, `queue`, `reset`',
    responses: { 200: events },
  },
];

/** The tasks API. */
export const tasksPaths = (manifest: ModelManifest): readonly RouteConfig[] => [
  ...accepting(manifest),
  ...others,
];
