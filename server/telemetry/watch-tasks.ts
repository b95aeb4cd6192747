import type { Logger } from 'pino';
import { CANCELLED, type Task } from '../tasks/task.js';
import type { TaskTable } from '../tasks/table.js';
import type { Metrics } from './metrics.js';

export interface TaskWatch {
  readonly table: TaskTable;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** True to write prompts and addresses of pictures. */
  readonly prompts: boolean;
}

/** Counts the tasks that are accepted and that end, and writes a line about each new one. */
export function watchTasks({ table, metrics, log, prompts }: TaskWatch): void {
  const accepted = ({ id, kind, origin, owner, source }: Task): void => {
    metrics.accepted.inc({ api: origin.api, kind });
    log.info(
      {
        task: id,
        api: origin.api,
        kind,
        ...(owner === '' ? {} : { caller: owner }),
        source: prompts ? source : source.type,
      },
      'task accepted',
    );
  };
  const ended = ({ error }: Task): void => {
    if (!error) return metrics.ended.inc({ end: 'completed', code: '' });
    metrics.ended.inc({ end: error.code === CANCELLED ? 'cancelled' : 'error', code: error.code });
  };
  table.on('change', (id, change) => {
    if (change !== 'created' && change !== 'ended') return;
    // One row, twice in a task's life. The table answers before it does anything that comes later.
    table.get(id).then(
      (task) => task && (change === 'created' ? accepted : ended)(task),
      (error: unknown) => log.error({ task: id, err: error }, 'a task cannot be looked at'),
    );
  });
}
