import { randomBytes } from 'node:crypto';
import { openDatabase } from '../../../server/tasks/database.js';
import { TaskTable, type StateJournal } from '../../../server/tasks/table.js';
import type { NewTask } from '../../../server/tasks/task.js';
import { resolveClip } from '../../../pipeline/clip-request.js';
import { manifest } from '../../pipeline/manifests.js';

export const newId = (): string => randomBytes(16).toString('hex');

export const newTask = (changes: Partial<NewTask> = {}): NewTask => ({
  id: newId(),
  source: { type: 'upload' },
  params: resolveClip({ seed: 7 }, manifest()).params,
  model: 'test',
  warnings: [],
  ...changes,
});

export const openTable = async (file = ':memory:', journal?: StateJournal): Promise<TaskTable> =>
  TaskTable.open(await openDatabase(file), journal);
