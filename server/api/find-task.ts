import type { Context } from 'koa';
import { callerOf, maySee } from '../access/caller.js';
import { noteTask } from '../telemetry/request-notes.js';
import type { TaskTable } from '../tasks/table.js';
import type { Task } from '../tasks/task.js';

/** The task with this id, if there is one that the sender of the request may see. */
export async function findTask(ctx: Context, table: TaskTable, id: string): Promise<Task | undefined> {
  const task = await table.get(id);
  if (!task || !maySee(callerOf(ctx), task)) return undefined;
  noteTask(id);
  return task;
}
