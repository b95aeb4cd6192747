import Router from '@koa/router';
import type { Middleware } from 'koa';
import { leastMemory } from '../pipeline/clip-memory.js';
import { Admission, defaultClipCost } from './admission/admission.js';
import { addressOf, keyHolder } from './admission/client.js';
import { limitStreams } from './admission/stream-limit.js';
import { createAnimateApi } from './api/animate/animate.js';
import type { ApiParts } from './api/api-parts.js';
import { createCogApi } from './api/cog/api.js';
import { download, FILE_KINDS } from './api/download.js';
import { estimate } from './api/estimate.js';
import { allEvents, EVENT_TIMES } from './api/events.js';
import { createFormReader } from './api/form.js';
import { health } from './api/health.js';
import { img2vid } from './api/img2vid.js';
import { createImg2VideoApi } from './api/img2video/img2video.js';
import { parameters } from './api/parameters.js';
import { ready } from './api/ready.js';
import { root } from './api/root.js';
import { status } from './api/status.js';
import { createStoryApi } from './api/story/api.js';
import { createSubmit } from './api/submit.js';
import { createTaskJson } from './api/task-json.js';
import { createTasksApi } from './api/tasks.js';
import type { AppParts } from './app.js';
import type { Config } from './config.js';
import { dashboardRoutes } from './dashboard/routes.js';
import { offersChoice } from './images/providers/settings.js';
import { Renditions } from './media/renditions.js';
import { createDocs } from './openapi/docs.js';
import { TaskFeed } from './tasks/task-feed.js';
import { createWebhookReader } from './webhooks/subscription.js';

/** Every endpoint but that of the metrics. */
export function createRouter(parts: AppParts): Router {
  const { config, manifest, table, runner, storage, workers } = parts;
  const { baseUrl } = config;
  const apiParts = apiPartsOf(parts);
  const submit = createSubmit(apiParts);
  const toJson = createTaskJson(baseUrl);
  const feed = new TaskFeed(table, (task) => ({ ...toJson(runner.view(task)) }));
  const eventTimes = { ...EVENT_TIMES, maxMs: config.eventsMs, ...parts.eventTimes };
  const fewStreams = limitEventStreams(config);
  const router = new Router();
  if (parts.page) router.use(dashboardRoutes(parts.page).routes());
  router.get('/', root(manifest, workers));
  router.get('/health', health(manifest, workers, runner));
  router.get('/ready', ready(apiParts));
  router.get('/status', status(table, runner));
  router.post('/img2vid', img2vid(submit));
  router.use(
    createTasksApi({ submit, parts: apiParts, toJson, baseUrl, feed, eventTimes, fewStreams }).routes(),
  );
  router.get('/events', fewStreams, allEvents(feed, runner, eventTimes));
  router.use(createAnimateApi(apiParts).routes(), createImg2VideoApi(apiParts).routes());
  router.use(createCogApi({ ...apiParts, workers }).routes(), createStoryApi(apiParts).routes());
  router.use(createDocs({ manifest, baseUrl }).routes());
  router.get('/parameters', parameters({ ...apiParts, maxUploadBytes: config.maxUploadBytes }));
  router.post('/estimate', estimate(apiParts));
  const files = { table, storage, renditions: new Renditions(storage) };
  for (const kind of FILE_KINDS) {
    router.get(`/download/${kind}/:id`, download(kind, files));
  }
  return router;
}

function limitEventStreams({ admission }: Config): Middleware {
  const address = addressOf(admission.trustedProxies);
  return limitStreams(admission.maxEventStreams, (ctx) => keyHolder(ctx) ?? address(ctx));
}

function apiPartsOf(parts: AppParts): ApiParts {
  const { config, manifest, table, runner, storage, pictureLimits, pictureWork, workers } = parts;
  return {
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
    admission: new Admission(
      { ...config.admission, maxClipCost: config.admission.maxClipCost ?? defaultClipCost(manifest) },
      runner,
      {
        least: (size, device) => leastMemory(size, manifest, device),
        device: () => workers.largestDevice,
      },
    ),
  };
}
