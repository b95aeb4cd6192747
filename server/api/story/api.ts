import Router from '@koa/router';
import type { Context } from 'koa';
import { callerOf } from '../../access/caller.js';
import { ServiceError } from '../../errors.js';
import type { MediaStorage } from '../../media/storage.js';
import { isTerminal, type NewTask, type Task } from '../../tasks/task.js';
import { accept } from '../accept.js';
import type { ApiParts } from '../api-parts.js';
import { fastapiForm } from '../fastapi-errors.js';
import { errorForm } from '../http-errors.js';
import { markReplayed, readClaim } from '../idempotency-key.js';
import { readJsonBody, type JsonBody } from '../json-body.js';
import { preferencesOf } from '../preferences.js';
import { createTaskJson } from '../task-json.js';
import { notFinished, waitForEnd } from '../wait.js';
import { sendInfo, sendPicture, sendVideo } from './answers.js';
import { proposePicture, proposeStory } from './propose.js';
import { createVideoReader, readPictureRequest } from './request.js';

/** Errors where the API is are worded as FastAPI words them. */
export const storyErrors = errorForm(fastapiForm, '/generate', '/generate-video');

/** What is done for one request: its task, and how the finished task is answered with. */
interface Errand {
  readonly body: JsonBody;
  readonly propose: () => NewTask;
  readonly async: boolean;
  readonly send: (ctx: Context, storage: MediaStorage, task: Task) => Promise<void>;
  /** What the original begins the message of a failure with. */
  readonly failed: string;
}

/**
 * The story API: pictures of prompts, and videos of several scenes, each in one call.
 *
 *     POST /generate              a picture, as PNG or as base64 within JSON
 *     POST /generate-video        a video of several scenes
 *     POST /generate-video/info   how long that video would be
 */
export function createStoryApi(parts: ApiParts): Router {
  const { config, manifest, readForm, workers } = parts;
  const readRequest = createVideoReader(manifest, config.maxScenes);
  const run = createRunner(parts);
  const router = new Router();

  router.post('/generate', async (ctx) => {
    const body = await readJsonBody(ctx, readForm);
    const request = readPictureRequest(body);
    const { owner } = callerOf(ctx);
    const stepsGiven = body.num_inference_steps !== undefined;
    await run(ctx, {
      body,
      propose: () => proposePicture(parts, request, { stepsGiven, owner }),
      async: request.async,
      send: sendPicture,
      failed: 'Generation failed',
    });
  });
  router.post('/generate-video', async (ctx) => {
    const body = await readJsonBody(ctx, readForm);
    const asked = readRequest(body);
    if (!workers.usable) throw new ServiceError(503, 'device_unavailable', 'Model not loaded yet');
    await run(ctx, {
      body,
      propose: () => proposeStory(parts, asked, callerOf(ctx).owner),
      async: asked.request.async,
      send: sendVideo,
      failed: 'Video generation failed',
    });
  });
  router.post('/generate-video/info', async (ctx) => {
    sendInfo(ctx, readRequest(await readJsonBody(ctx, readForm)));
  });
  return router;
}

/** Makes a request's task and answers with what comes of it, or at once with the task where the client does not wait. */
function createRunner(parts: ApiParts): (ctx: Context, errand: Errand) => Promise<void> {
  const { config, table, storage } = parts;
  const { baseUrl, syncMs } = config;
  const toJson = createTaskJson(baseUrl);
  return async (ctx, { body, propose, async, send, failed }) => {
    // The same body asks for something else elsewhere.
    const claim = readClaim(ctx, { fields: { ...body, endpoint: ctx.path } });
    const submission = await accept(parts, () => Promise.resolve({ task: propose() }), { claim });
    const { id } = submission.task;
    markReplayed(ctx, submission);
    const prefersAsync = preferencesOf(ctx.get('Prefer')).includes('respond-async');
    if (async || prefersAsync) {
      const task = toJson(submission.task);
      ctx.status = 202;
      ctx.set('Location', task.urls.get);
      if (prefersAsync) ctx.set('Preference-Applied', 'respond-async');
      ctx.body = task;
      return;
    }
    const task = await waitForEnd(ctx, table, id, syncMs);
    if (!task) throw new ServiceError(410, 'task_deleted', `${failed}: the task was deleted`);
    if (!isTerminal(task.status)) throw notFinished(config, id);
    if (task.error) throw new ServiceError(500, task.error.code, `${failed}: ${task.error.message}`);
    await send(ctx, storage, task);
  };
}
