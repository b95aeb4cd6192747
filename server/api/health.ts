import type { Middleware } from 'koa';
import type { ModelManifest } from '../../pipeline/manifest.js';
import type { WorkerPool } from '../../pipeline/worker-pool.js';
import type { TaskRunner } from '../tasks/runner.js';

/**
 * GET /health: 200 while requests are taken. `status` is `ok`, `starting` while no worker has loaded its model yet, or
 * `degraded` when a worker cannot be used; the workers say why.
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
      status: views.some(({ state }) => state === 'unusable')
        ? 'degraded'
        : views.some(({ device }) => device !== null)
          ? 'ok'
          : 'starting',
      model: { name: manifest.name, version: manifest.version, family: manifest.family },
      device: views.map(({ device }) => device).find((device) => device !== null) ?? null,
      workers: views,
      waiting: runner.waiting,
      uptime_seconds: Math.floor(process.uptime()),
    };
  };
