import Router from '@koa/router';
import type { Context } from 'koa';
import { callerOf } from '../../access/caller.js';
import { notFound } from '../../errors.js';
import { sendFile } from '../../media/send-file.js';
import { accept } from '../accept.js';
import type { ApiParts } from '../api-parts.js';
import { findTask } from '../find-task.js';
import { createFormReader } from '../form.js';
import { errorForm } from '../http-errors.js';
import { markReplayed, readClaim } from '../idempotency-key.js';
import { resultOf, startedOf } from './answers.js';
import { img2videoForm, resultForm } from './errors.js';
import { Generations, videoName } from './generations.js';
import { MAX_PICTURE_BYTES, proposeGeneration } from './propose.js';
import { createImg2VideoReader } from './request.js';

/** Errors of the API and of its files are in its form. */
export const img2videoErrors = errorForm(img2videoForm, '/api/img2video', '/processed_videos');

/**
 * The img2video API: a picture goes in, an id comes back, and with it the result when there is one.
 *
 *     POST /api/img2video              accepts a generation
 *     GET  /api/img2video/result/:id   how it stands: 202, 200, 404, or 500 where it failed
 *     GET  /processed_videos/:name     the video
 */
export function createImg2VideoApi(parts: ApiParts): Router {
  const { table, storage, config, manifest } = parts;
  const bytes = Math.min(MAX_PICTURE_BYTES, config.maxUploadBytes);
  const readForm = createFormReader(bytes);
  const readRequest = createImg2VideoReader(manifest);
  const limited = { ...parts, pictureLimits: { ...parts.pictureLimits, bytes } };
  const generationsOf = (ctx: Context): Generations => new Generations(table, callerOf(ctx).owner);

  const router = new Router();
  router.post('/api/img2video', async (ctx) => {
    const form = await readForm(ctx);
    const request = readRequest(form);
    const { owner } = callerOf(ctx);
    const proposal = async () =>
      proposeGeneration(limited, request, { id: await generationsOf(ctx).newId(), owner });
    const submission = await accept(parts, proposal, { claim: readClaim(ctx, form) });
    markReplayed(ctx, submission);
    const accepted = await findTask(ctx, table, submission.task.id);
    if (!accepted) throw unknown();
    ctx.body = startedOf(accepted);
  });
  router.get('/api/img2video/result/:id', errorForm(resultForm), async (ctx) => {
    const task = await generationsOf(ctx).find((ctx.params as { id: string }).id);
    if (!task) throw unknown();
    const { status, body } = resultOf(task);
    ctx.set('Cache-Control', 'no-store');
    ctx.status = status;
    ctx.body = body;
  });
  router.get('/processed_videos/:name', async (ctx) => {
    const task = await generationsOf(ctx).findByVideo((ctx.params as { name: string }).name);
    const file = task?.result?.videos[0]?.file;
    const sent =
      task &&
      file !== undefined &&
      (await sendFile(ctx, storage, storage.file(task.id, file), {
        saveAs: videoName(task),
        attachment: false,
      }));
    if (!sent) throw notFound('Video not found');
  });
  return router;
}

const unknown = (): Error =>
  notFound('Generation not found. Results are deleted some time after the request.');
