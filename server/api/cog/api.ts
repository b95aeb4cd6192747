import Router from '@koa/router';
import type { Context } from 'koa';
import type { WorkerPool } from '../../../pipeline/worker-pool.js';
import type { Task } from '../../tasks/task.js';
import { notFound, ServiceError } from '../../errors.js';
import type { ApiParts } from '../api-parts.js';
import { createPredictions } from './create.js';
import { findPrediction } from './find-prediction.js';
import { healthCheck } from './health-check.js';
import { listPredictions } from './list.js';
import { wholePrediction } from './output.js';

export interface CogParts extends ApiParts {
  readonly workers: WorkerPool;
}

/**
 * The predictions API of a Cog container, and what Replicate's clients ask for besides:
 *
 *     POST /predictions                          waits for the video, or as `Prefer` says
 *     PUT  /predictions/:id                      the same, made once for each id
 *     POST /models/:owner/:name/predictions      the same, as Replicate's clients ask by a model's name
 *     GET  /predictions                          {previous, next, results}, newest first
 *     GET  /predictions/:id                      one prediction
 *     POST /predictions/:id/cancel               ends it wherever it stands
 *     POST /files                                501, which has Replicate's clients send data URLs
 *     GET  /health-check                         whether a worker is free
 */
export function createCogApi(parts: CogParts): Router {
  const { config, table, runner, storage, workers } = parts;
  const { baseUrl } = config;
  const create = createPredictions(parts);

  const find = async (ctx: Context): Promise<Task> =>
    known(await findPrediction(ctx, table, param(ctx, 'id')));

  const router = new Router();
  router.post('/predictions', (ctx) => create(ctx, {}));
  router.put('/predictions/:id', (ctx) => create(ctx, { id: param(ctx, 'id') }));
  router.post('/models/:owner/:name/predictions', (ctx) =>
    create(ctx, { model: `${param(ctx, 'owner')}/${param(ctx, 'name')}` }),
  );
  router.get('/predictions', listPredictions(table, baseUrl));
  router.get('/predictions/:id', async (ctx) => {
    ctx.body = await wholePrediction(await find(ctx), storage, baseUrl);
  });
  router.post('/predictions/:id/cancel', async (ctx) => {
    const task = known(await runner.cancel((await find(ctx)).id));
    ctx.body = await wholePrediction(task, storage, baseUrl);
  });
  router.post('/files', () => {
    // With any other status Replicate's client gives up instead of sending the file along with its request.
    throw new ServiceError(501, 'not_implemented', 'Files are not taken beforehand: send them as data URLs');
  });
  router.get('/health-check', healthCheck(workers));
  return router;
}

const param = (ctx: Context, name: string): string => (ctx.params as Record<string, string>)[name];

function known(task: Task | undefined): Task {
  if (!task) throw notFound('There is no such prediction');
  return task;
}
