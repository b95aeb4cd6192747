import type { Middleware } from 'koa';
import type { WorkerPool } from '../../pipeline/worker-pool.js';
import type { TaskTable } from '../tasks/table.js';

export interface ReadyParts {
  readonly table: Pick<TaskTable, 'count'>;
  readonly workers: Pick<WorkerPool, 'workers'>;
  readonly freeDiskBytes: () => Promise<number>;
  readonly minFreeBytes: number;
}

const MEBIBYTE = 2 ** 20;

/** Why no task should be sent here now; empty when there is no reason. */
async function obstacles({ table, workers, freeDiskBytes, minFreeBytes }: ReadyParts): Promise<string[]> {
  const reasons: string[] = [];
  await table.count({ status: 'queued' }).catch(() => reasons.push('The task table does not answer'));
  // One that starts, also anew, will take what waits for it.
  if (workers.workers.every(({ state }) => state === 'unusable' || state === 'stopped'))
    reasons.push('No worker can be used');
  try {
    const free = await freeDiskBytes();
    if (free < minFreeBytes) {
      const [left, wanted] = [free, minFreeBytes].map((bytes) => Math.floor(bytes / MEBIBYTE));
      reasons.push(`The disk has ${left} MB left, ${wanted} MB are wanted`);
    }
  } catch {
    reasons.push('The data folder cannot be reached');
  }
  return reasons;
}

/**
 * GET /ready: 200 while a task that comes now will be kept and worked on: the table answers, a worker is there or starting,
 * and the disk has room. 503 with the reasons otherwise.
 */
export const ready =
  (parts: ReadyParts): Middleware =>
  async (ctx) => {
    const reasons = await obstacles(parts);
    ctx.set('Cache-Control', 'no-store');
    ctx.status = reasons.length === 0 ? 200 : 503;
    ctx.body = { ready: reasons.length === 0, reasons };
  };
