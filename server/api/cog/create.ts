import type { Context } from 'koa';
import { callerOf } from '../../access/caller.js';
import { notFound, ServiceError } from '../../errors.js';
import { isTerminal, type Task } from '../../tasks/task.js';
import { accept } from '../accept.js';
import type { ApiParts } from '../api-parts.js';
import { unprocessable } from '../fastapi-errors.js';
import { base64Room, createFormReader } from '../form.js';
import { readJsonBody } from '../json-body.js';
import { waitForEnd } from '../wait.js';
import { wholePrediction } from './output.js';
import { patienceOf, type Patience } from './prefer.js';
import { idOf, linkedPrediction, statusOf } from './prediction.js';
import { proposePrediction } from './propose.js';
import { createRequestReader, predictionId } from './request.js';

/** What the address of a request says. */
export interface Addressed {
  /** The id to make a prediction under, once. */
  readonly id?: string;
  /** The model that Replicate's clients name. */
  readonly model?: string;
}

export type CreatePrediction = (ctx: Context, addressed: Addressed) => Promise<void>;

/** Makes predictions, and answers as the client prefers. A client that goes does not end its prediction. */
export function createPredictions(parts: ApiParts): CreatePrediction {
  const { config, table, storage, manifest } = parts;
  const readForm = createFormReader(config.maxUploadBytes, base64Room(config.maxUploadBytes));
  const readRequest = createRequestReader(manifest);

  const answerEnded = async (ctx: Context, task: Task, status: number): Promise<void> => {
    ctx.body = await wholePrediction(task, storage, config.baseUrl);
    ctx.status = status;
  };

  const answerFirst = async (ctx: Context, id: string, patience: Patience): Promise<void> => {
    const task = existing(await (patience.ms > 0 ? waitForEnd(ctx, table, id, patience.ms) : table.get(id)));
    if (isTerminal(task.status)) return answerEnded(ctx, task, patience.ended);
    if (patience.unfinished === 504) throw notFinished(task, patience.ms, config.baseUrl);
    // Replicate's clients take any other status for the end.
    ctx.body = { ...linkedPrediction(task, config.baseUrl), status: 'starting' };
    ctx.status = patience.unfinished;
  };

  const answerAgain = async (ctx: Context, id: string): Promise<void> => {
    const task = existing(await table.get(id));
    if (isTerminal(task.status)) return answerEnded(ctx, task, 200);
    ctx.body = linkedPrediction(task, config.baseUrl);
    ctx.status = 202;
  };

  return async (ctx, addressed) => {
    refuseStream(ctx);
    const request = readRequest(await readJsonBody(ctx, readForm));
    const externalId = settleId(request.id ?? undefined, addressed.id);
    const { owner } = callerOf(ctx);
    const asking = { owner, externalId, model: addressed.model };
    const once = externalId === null ? {} : { external: { api: 'cog', owner, id: externalId } as const };
    const { task, replayed } = await accept(parts, () => proposePrediction(parts, request, asking), once);
    if (replayed && addressed.id === undefined) throw taken(externalId);
    if (replayed) return answerAgain(ctx, task.id);
    const replicate = addressed.model !== undefined || typeof request.version === 'string';
    await answerFirst(ctx, task.id, patienceOf(ctx.get('Prefer'), replicate, config.syncMs));
  };
}

/** The id that the client gives the prediction, in the body or in the address; null where it gives none. */
function settleId(inBody: string | undefined, inAddress: string | undefined): string | null {
  if (inAddress === undefined) return inBody ?? null;
  if (inBody !== undefined && inBody !== inAddress) {
    const msg = 'prediction ID must match the ID supplied in the URL';
    throw unprocessable([{ loc: ['body', 'id'], msg, type: 'value_error' }]);
  }
  if (!predictionId.safeParse(inAddress).success) {
    const msg = 'Expected the id to have at most 255 characters';
    throw unprocessable([{ loc: ['path', 'prediction_id'], msg, type: 'value_error' }]);
  }
  return inAddress;
}

function existing(task: Task | undefined): Task {
  if (!task) throw notFound('The prediction has been deleted');
  return task;
}

const taken = (id: string | null): ServiceError =>
  new ServiceError(409, 'id_taken', `There is a prediction ${id} already: PUT it to ask for the same again`);

/** The prediction goes on, and the error says where to find it. */
function notFinished(task: Task, ms: number, baseUrl: string | undefined): ServiceError {
  const { urls } = linkedPrediction(task, baseUrl);
  const message = `The prediction is not finished after ${ms / 1000} s and goes on; poll ${urls.get} for it`;
  const info = { id: idOf(task), status: statusOf(task), urls };
  return new ServiceError(504, 'not_finished', message, { info });
}

/** The model's output comes in one piece. */
function refuseStream(ctx: Context): void {
  if (ctx.accepts('json', 'text/event-stream') !== 'text/event-stream') return;
  throw new ServiceError(406, 'not_streamed', 'Predictions of this model are not streamed', {
    allowed: 'application/json',
  });
}
