import type { Context, Middleware } from 'koa';
import { invalidRequest, notFound } from '../errors.js';
import type { TaskRunner } from '../tasks/runner.js';
import type { TaskTable } from '../tasks/table.js';
import { answerTagged } from './content-tag.js';
import { findTask } from './find-task.js';
import { createTaskList } from './task-list.js';

/** GET /status: all tasks, newest first, as a JSON list, or with `?id=` one task. */
export const status = (table: TaskTable, runner: TaskRunner): Middleware => {
  const answerList = createTaskList(table, runner, { address: '/status', toBody: ({ tasks }) => tasks });

  const answerOne = async (ctx: Context, id: string): Promise<void> => {
    const task = await findTask(ctx, table, id);
    if (!task) throw notFound('The requested record was not found.');
    answerTagged(ctx, runner.view(task));
  };

  return async (ctx) => {
    const { id } = ctx.query;
    if (Array.isArray(id)) throw invalidRequest('Expected one `id`, got several', { field: 'id' });
    return id ? answerOne(ctx, id) : answerList(ctx);
  };
};
