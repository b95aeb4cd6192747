import Router from '@koa/router';
import { callerOf } from '../../access/caller.js';
import { isTerminal } from '../../tasks/task.js';
import { accept } from '../accept.js';
import type { ApiParts } from '../api-parts.js';
import { fastapiForm } from '../fastapi-errors.js';
import { base64Room, createFormReader } from '../form.js';
import { errorForm } from '../http-errors.js';
import { markReplayed, readClaim } from '../idempotency-key.js';
import { readJsonBody } from '../json-body.js';
import { notFinished, waitForEnd } from '../wait.js';
import { animationFailed, answerAnimation } from './answer.js';
import { proposeAnimation } from './propose.js';
import { createAnimateReader } from './request.js';

/** Errors of the API are in its form. */
export const animateErrors = errorForm(fastapiForm, '/gpu', '/ping');

/**
 * The animate API: a picture in base64 goes in, a GIF and its first frame come out, in one call.
 *
 *     POST /gpu/animate   makes the animation and answers with it
 *     GET  /ping          {"status":"healthy"}
 */
export function createAnimateApi(parts: ApiParts): Router {
  const { config, table, storage, manifest } = parts;
  const { maxUploadBytes, syncMs } = config;
  const readForm = createFormReader(maxUploadBytes, base64Room(maxUploadBytes));
  const readRequest = createAnimateReader(manifest);
  const router = new Router();

  router.get('/ping', (ctx) => {
    ctx.body = { status: 'healthy' };
  });
  router.post('/gpu/animate', async (ctx) => {
    const request = readRequest(await readJsonBody(ctx, readForm));
    const claim = readClaim(ctx, { fields: request });
    const { owner } = callerOf(ctx);
    const submission = await accept(parts, () => proposeAnimation(parts, request, owner), { claim });
    markReplayed(ctx, submission);
    const { task } = submission;
    const ended = await waitForEnd(ctx, table, task.id, syncMs);
    if (!ended) throw animationFailed('its task was deleted');
    if (!isTerminal(ended.status)) throw notFinished(config, task.id);
    ctx.body = await answerAnimation(ended, storage);
  });
  return router;
}
