import type { Middleware } from 'koa';
import { notFound } from '../errors.js';
import type { TaskRunner } from '../tasks/runner.js';
import type { TaskTable } from '../tasks/table.js';
import { findTask } from './find-task.js';

/**
 * GET /tasks/:id/preview: the newest preview of a task that is being sampled, as a small animated WebP. `preview_url` of
 * the task changes with every new one.
 */
export const preview =
  (table: TaskTable, { previews }: TaskRunner): Middleware =>
  async (ctx) => {
    const { id } = ctx.params as { id: string };
    if (!(await findTask(ctx, table, id))) throw notFound('The requested task was not found.');
    const webp = await previews.webp(id);
    if (!webp) throw notFound('There is no preview of this task.');
    ctx.set('Cache-Control', 'private, no-store');
    ctx.type = 'image/webp';
    ctx.body = webp;
  };
