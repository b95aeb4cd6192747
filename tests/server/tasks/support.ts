import { randomBytes } from 'node:crypto';
import { openDatabase } from '../../../server/tasks/database.js';
import { TaskTable, type StateJournal } from '../../../server/tasks/table.js';
import type { NewTask } from '../../../server/tasks/task.js';
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
