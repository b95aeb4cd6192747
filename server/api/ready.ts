import type { Middleware } from 'koa';
import type { WorkerPool } from '../../pipeline/worker-pool.js';
import type { Config } from '../config.js';
import { freeBytes } from '../media/free-space.js';
import type { TaskTable } from '../tasks/table.js';

export interface ReadyParts {
  readonly table: Pick<TaskTable, 'count'>;
  readonly workers: Pick<WorkerPool, 'usable'>;
  readonly config: Pick<Config, 'dataDir' | 'minFreeBytes'>;
}

const MEBIBYTE = 2 ** 20;

/** Why no task should be sent here now; empty when there is no reason. */
async function obstacles({ table, workers, config }: ReadyParts, free: typeof freeBytes): Promise<string[]> {
  const reasons: string[] = [];
  await table.count({ status: 'queued' }).catch(() => reasons.push('The task table does not answer'));
  if (!workers.usable) reasons.push('No worker can be used');
  try {
    const room = await free(config.dataDir);
    if (room < config.minFreeBytes) {
      const [left, wanted] = [room, config.minFreeBytes].map((bytes) => Math.floor(bytes / MEBIBYTE));
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
  (parts: ReadyParts, free = freeBytes): Middleware =>
  async (ctx) => {
    const reasons = await obstacles(parts, free);
    ctx.set('Cache-Control', 'no-store');
    ctx.status = reasons.length === 0 ? 200 : 503;
    ctx.body = { ready: reasons.length === 0, reasons };
  };
