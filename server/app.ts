import Router from '@koa/router';
import Koa from 'koa';
import type { Logger } from 'pino';
import type { ModelManifest } from '../pipeline/manifest.js';
import { systemErrorCode } from '../pipeline/system-error.js';
import type { WorkerPool } from '../pipeline/worker-pool.js';
import type { ApiParts } from './api/api-parts.js';
import { createCogApi } from './api/cog/api.js';
import { cogErrors } from './api/cog/errors.js';
import { download } from './api/download.js';
import type { EventTimes } from './api/event-stream.js';
import { allEvents, EVENT_TIMES } from './api/events.js';
import { createFormReader } from './api/form.js';
import { health } from './api/health.js';
import { fastapiForm } from './api/fastapi-errors.js';
import { answerErrors, errorForm } from './api/http-errors.js';
import { img2vid } from './api/img2vid.js';
import { root } from './api/root.js';
import { status } from './api/status.js';
import { createStoryApi, STORY_ADDRESSES } from './api/story/api.js';
import { createSubmit } from './api/submit.js';
import { createTaskJson } from './api/task-json.js';
import { createTasksApi } from './api/tasks.js';
import type { Config } from './config.js';
import type { PictureLimits } from './images/picture.js';
import type { PictureWork } from './images/picture-work.js';
import { offersChoice } from './images/providers/settings.js';
import type { MediaStorage } from './media/storage.js';
import { createDocs } from './openapi/docs.js';
import type { TaskRunner } from './tasks/runner.js';
import { TaskFeed } from './tasks/task-feed.js';
import type { TaskTable } from './tasks/table.js';
import { createWebhookReader } from './webhooks/subscription.js';

export interface AppParts {
  readonly config: Config;
  readonly manifest: ModelManifest;
  readonly table: TaskTable;
  readonly runner: TaskRunner;
  readonly storage: MediaStorage;
  readonly pictureLimits: PictureLimits;
  /** What decodes the pictures of requests. */
  readonly pictureWork: Pick<PictureWork, 'normalise'>;
  readonly workers: WorkerPool;
  readonly log: Logger;
  /** Other times of event streams than the usual ones. */
  readonly eventTimes?: Partial<EventTimes>;
}

/** Puts the Koa application together. */
export function createApp(parts: AppParts): Koa {
  const { config, manifest, table, runner, storage, pictureLimits, pictureWork, workers, log } = parts;
  const apiParts: ApiParts = {
    config,
    readForm: createFormReader(config.maxUploadBytes),
    readWebhook: createWebhookReader(config.webhooks.allowedOrigins),
    workers,
    manifest,
    table,
    runner,
    storage,
    pictureLimits,
    pictureWork,
    pictureChoice: offersChoice(config.imageProvider),
  };
  const submit = createSubmit(apiParts);
  const { baseUrl } = config;
  const router = new Router();
  router.get('/', root(manifest, workers));
  router.get('/health', health(manifest, workers, runner));
  router.get('/status', status(table, runner));
  router.post('/img2vid', img2vid(submit));
  const toJson = createTaskJson(baseUrl);
  const feed = new TaskFeed(table, (task) => ({ ...toJson(runner.view(task)) }));
  const eventTimes = { ...EVENT_TIMES, maxMs: config.eventsMs, ...parts.eventTimes };
  const tasksApi = createTasksApi({
    submit,
    parts: apiParts,
    toJson,
    baseUrl,
    feed,
    eventTimes,
  });
  router.use(tasksApi.routes());
  router.use(createCogApi({ ...apiParts, workers }).routes());
  router.use(createStoryApi(apiParts).routes());
  router.get('/events', allEvents(feed, runner, eventTimes));
  router.use(createDocs({ manifest, baseUrl }).routes());
  for (const kind of ['video', 'thumbnail', 'grid', 'picture'] as const) {
    router.get(`/download/${kind}/:id`, download(kind, table, storage));
  }

  const app = new Koa();
  app.on('error', (error: unknown) => {
    if (!clientLeft(error)) log.warn({ err: error }, 'response failed');
  });
  app.use(async (ctx, next) => {
    ctx.set('X-Content-Type-Options', 'nosniff');
    await next();
  });
  app.use(answerErrors(log));
  app.use(errorForm(fastapiForm, ...STORY_ADDRESSES));
  app.use(cogErrors);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

/** A viewer that seeks or closes the page ends its response early: nothing is wrong. */
const clientLeft = (error: unknown): boolean =>
  ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(systemErrorCode(error) ?? '');
