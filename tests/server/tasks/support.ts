import { randomBytes } from 'node:crypto';
import { openDatabase } from '../../../server/tasks/database.js';
import { TaskTable, type StateJournal } from '../../../server/tasks/table.js';
import { isTerminal, type NewTask, type Task } from '../../../server/tasks/task.js';
import { resolveClip } from '../../../pipeline/clip-request.js';
import { manifest } from '../../pipeline/manifests.js';

export const newId = (): string => randomBytes(16).toString('hex');

/** Changes of kind, source and params must go together. */
export const newTask = (changes: Partial<NewTask> = {}): NewTask => {
  const task = {
    id: newId(),
    source: { type: 'upload' },
    params: resolveClip({ seed: 7 }, manifest()).params,
    model: 'test',
    warnings: [],
    ...changes,
  };
  return task as NewTask;
};

export const openTable = async (file = ':memory:', journal?: StateJournal): Promise<TaskTable> =>
  TaskTable.open(await openDatabase(file), journal);

/** Waits until a task is as it should be. */
export async function until(table: TaskTable, id: string, holds: (task: Task) => boolean): Promise<Task> {
  for (;;) {
    const next = new Promise((resolve) => table.once('change', resolve));
    const task = await table.get(id);
    if (task && holds(task)) return task;
    await next;
  }
}

/** Waits until a task has ended. */
export const ended = (table: TaskTable, id: string): Promise<Task> =>
  until(table, id, ({ status }) => isTerminal(status));
