import type { Context } from 'koa';
import type { Config } from '../config.js';
import { ServiceError } from '../errors.js';
import type { TaskTable } from '../tasks/table.js';
import { isTerminal, type Task } from '../tasks/task.js';

/**
 * Waits until a task has ended, and gives it as it is then: after `ms` milliseconds it may still be under way. Undefined
 * when the task has been deleted, or the client has gone; a task whose client goes is made all the same.
 */
export async function waitForEnd(
  ctx: Context,
  table: TaskTable,
  id: string,
  ms: number,
): Promise<Task | undefined> {
  let left = false;
  let timedOut = false;
  let wake = (): void => undefined;
  const leave = (): void => {
    left = true;
    wake();
  };
  const onChange = (changed: string): void => {
    if (changed === id) wake();
  };
  const timer = setTimeout(() => {
    timedOut = true;
    wake();
  }, ms);
  ctx.res.once('close', leave);
  table.on('change', onChange);
  try {
    for (;;) {
      // Listened for before the look, so that no change falls between the two.
      const changed = new Promise<void>((resolve) => (wake = resolve));
      const task = await table.get(id);
      if (left || !task) return undefined;
      if (timedOut || isTerminal(task.status)) return task;
      await changed;
    }
  } finally {
    clearTimeout(timer);
    ctx.res.off('close', leave);
    table.off('change', onChange);
  }
}

/** 504 for a client that has waited as long as it may: its task goes on. */
export const notFinished = (
  { baseUrl = '', syncMs }: Pick<Config, 'baseUrl' | 'syncMs'>,
  taskId: string,
): ServiceError =>
  new ServiceError(
    504,
    'not_finished',
    `Not finished after ${syncMs / 1000} s; the task goes on: poll it at status_url, ` +
      'or send the same request again with the same Idempotency-Key',
    { info: { task_id: taskId, status_url: `${baseUrl}/tasks/${taskId}` } },
  );
