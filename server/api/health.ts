import type { Middleware } from 'koa';
import type { ModelManifest } from '../../pipeline/manifest.js';
import type { WorkerPool } from '../../pipeline/worker-pool.js';
import type { TaskRunner } from '../tasks/runner.js';

/** The device in use, as the story API says it: `not set` until a worker has loaded its model. */
export const deviceOf = ({ workers }: Pick<WorkerPool, 'workers'>): string =>
  workers.find(({ info }) => info !== undefined)?.info?.device ?? 'not set';

/**
 * GET /health: 200 while requests are taken, in one body for the clients of every API. `status` is `healthy`, or `degraded`
 * when a worker cannot be used; `model_loaded` says whether one has loaded its model yet, and the workers say why not.
 */
export const health =
  (manifest: ModelManifest, workers: WorkerPool, runner: TaskRunner): Middleware =>
  (ctx) => {
    const views = workers.workers.map(({ state, info, error }) => ({
      state,
      device: info?.device ?? null,
      ...(info?.warning === undefined ? {} : { warning: info.warning }),
      ...(error ? { error: { code: error.code, message: error.message } } : {}),
    }));
    ctx.set('Cache-Control', 'no-store');
    ctx.body = {
      status: views.some(({ state }) => state === 'unusable') ? 'degraded' : 'healthy',
      model_loaded: views.some(({ device }) => device !== null),
      device: deviceOf(workers),
      model: { name: manifest.name, version: manifest.version, family: manifest.family },
      workers: views,
      waiting: runner.waiting,
      uptime_seconds: Math.floor(process.uptime()),
    };
  };
