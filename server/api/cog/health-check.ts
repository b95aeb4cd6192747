import type { Middleware } from 'koa';
import { z } from 'zod';
import type { WorkerPool } from '../../../pipeline/worker-pool.js';
import type { WorkerProcess } from '../../../pipeline/worker-process.js';

export const healthCheckSchema = z.object({
  status: z
    .enum(['STARTING', 'READY', 'BUSY', 'SETUP_FAILED'])
    .describe('BUSY takes predictions too: they wait'),
  setup: z.object({
    started_at: z.string(),
    completed_at: z.string().nullable(),
    status: z.enum(['starting', 'succeeded', 'failed']),
    logs: z.string(),
  }),
});

type HealthCheck = z.infer<typeof healthCheckSchema>;

/** GET /health-check: always 200; `status` says whether a worker is free. */
export function healthCheck({ workers }: WorkerPool): Middleware {
  const startedAt = new Date().toISOString();
  let completedAt: string | null = null;
  const look = (): void => {
    if (setupStatus(workers) !== 'starting') completedAt ??= new Date().toISOString();
  };
  for (const worker of workers) worker.on('state', look);
  look();
  return (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    const body: HealthCheck = {
      status: statusOf(workers),
      setup: {
        started_at: startedAt,
        completed_at: completedAt,
        status: setupStatus(workers),
        logs: logsOf(workers),
      },
    };
    ctx.body = body;
  };
}

/** A model is loaded once one worker has it, and cannot be where every worker says so. */
function setupStatus(workers: readonly WorkerProcess[]): HealthCheck['setup']['status'] {
  if (workers.some(({ info }) => info !== undefined)) return 'succeeded';
  return workers.length > 0 && workers.every(({ state }) => state === 'unusable') ? 'failed' : 'starting';
}

function statusOf(workers: readonly WorkerProcess[]): HealthCheck['status'] {
  if (workers.some(({ state }) => state === 'idle')) return 'READY';
  if (workers.some(({ state }) => state === 'busy')) return 'BUSY';
  return setupStatus(workers) === 'failed' ? 'SETUP_FAILED' : 'STARTING';
}

const logsOf = (workers: readonly WorkerProcess[]): string =>
  workers
    .map(({ info, error }) => error?.message ?? info?.warning)
    .filter((line) => line !== undefined)
    .map((line) => `${line}\n`)
    .join('');
