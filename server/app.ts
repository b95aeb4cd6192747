import Router from '@koa/router';
import Koa from 'koa';
import type { Logger } from 'pino';
import type { ModelManifest } from '../pipeline/manifest.js';
import { systemErrorCode } from '../pipeline/system-error.js';
import type { WorkerPool } from '../pipeline/worker-pool.js';
import { securityHeaders } from './access/security-headers.js';
import { animateErrors } from './api/animate/animate.js';
import { cogErrors } from './api/cog/errors.js';
import type { EventTimes } from './api/event-stream.js';
import { answerErrors, codedForm, errorForm } from './api/http-errors.js';
import { img2videoErrors } from './api/img2video/img2video.js';
import { metricsPage } from './api/metrics.js';
import { storyErrors } from './api/story/api.js';
import type { Config } from './config.js';
import type { Page } from './dashboard/page.js';
import { createGate } from './gate.js';
import type { PictureLimits } from './images/picture.js';
import type { PictureWork } from './images/picture-work.js';
import type { MediaStorage } from './media/storage.js';
import { createRouter } from './router.js';
import type { TaskRunner } from './tasks/runner.js';
import type { TaskTable } from './tasks/table.js';
import type { Metrics } from './telemetry/metrics.js';
import { observeRequests } from './telemetry/requests.js';

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
  readonly metrics: Metrics;
  /** The dashboard, where it is served. */
  readonly page?: Page;
  /** Other times of event streams than the usual ones. */
  readonly eventTimes?: Partial<EventTimes>;
}

/** Puts the Koa application together: what every request passes on its way to its endpoint. */
export function createApp(parts: AppParts): Koa {
  const { config, log, metrics } = parts;
  const router = createRouter(parts);
  const metricsRoute = new Router().get('/metrics', metricsPage(metrics)).routes();
  if (config.metrics === 'closed') router.use(metricsRoute);

  const app = new Koa();
  app.on('error', (error: unknown) => {
    if (!clientLeft(error)) log.warn({ err: error }, 'response failed');
  });
  app.use(observeRequests(log, metrics));
  app.use(securityHeaders);
  app.use(answerErrors(log));
  if (config.metrics === 'open') app.use(metricsRoute); // before whatever asks for a key
  // Before the gate, so that it too is worded as the API it guards.
  app.use(errorForm(codedForm, '/tasks')).use(storyErrors);
  app.use(animateErrors).use(img2videoErrors).use(cogErrors);
  for (const stage of createGate(config)) app.use(stage);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

/** A viewer that seeks or closes the page ends its response early: nothing is wrong. */
const clientLeft = (error: unknown): boolean =>
  ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(systemErrorCode(error) ?? '');
