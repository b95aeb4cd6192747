import type { Context } from 'koa';
import { callerOf } from '../../access/caller.js';
import type { TaskTable } from '../../tasks/table.js';
import type { Task } from '../../tasks/task.js';
import { findTask } from '../find-task.js';

/** The task of the prediction that the sender of the request knows by an id of their own, or by the task's. */
export async function findPrediction(ctx: Context, table: TaskTable, id: string): Promise<Task | undefined> {
  const named = await table.findExternal('cog', callerOf(ctx).owner, id);
  const task = named ?? (await findTask(ctx, table, id));
  return task?.origin.api === 'cog' ? task : undefined;
}
