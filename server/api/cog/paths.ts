import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import type { ModelManifest } from '../../../pipeline/manifest.js';
import { faultSchema } from '../fastapi-errors.js';
import { answer } from '../../openapi/route-parts.js';
import { healthCheckSchema } from './health-check.js';
import { inputFields } from './input.js';
import { listQuery, pageSchema } from './list.js';
import { predictionSchema } from './prediction.js';
import { predictionBody, predictionId } from './request.js';

const PREDICTIONS = { tags: ['predictions'] };

/** The errors that are not worth a schema of their own. */
const plainError = z.object({ detail: z.string() }).catchall(z.unknown()).meta({ id: 'PredictionError' });
const wrong = answer(
  'Every fault of the request, and where it lies',
  z
    .object({ detail: z.array(faultSchema.pick({ loc: true, msg: true, type: true })) })
    .meta({ id: 'PredictionFaults' }),
);
const unknownId = answer('There is no such prediction', plainError);

const prefer = {
  name: 'Prefer',
  in: 'header',
  schema: { type: 'string' },
  description:
    '`respond-async`, or `wait=10` for at most ten seconds; without it the answer waits for the videos',
} as const;

const byId = z.object({ id: predictionId });

function making(manifest: ModelManifest): readonly RouteConfig[] {
  const made = {
    ...PREDICTIONS,
    parameters: [prefer],
    responses: {
      200: answer('The prediction has ended: `status` says how', predictionSchema),
      201: answer('With `Prefer: wait` or a `version`: the prediction, ended or starting', predictionSchema),
      202: answer('With `Prefer`: the prediction goes on', predictionSchema),
      409: answer('The id is taken', plainError),
      413: answer('The body is too large', plainError),
      422: wrong,
      504: answer('The prediction goes on: `urls.get` says where', plainError),
    },
  };
  const schema = predictionBody(inputFields(manifest)).meta({ id: 'PredictionRequest' });
  const body = { required: true, content: { 'application/json': { schema } } };
  const params = z.object({ owner: z.string(), name: z.string() });
  return [
    { ...made, method: 'post', path: '/predictions', summary: 'Make a prediction', request: { body } },
    {
      ...made,
      method: 'put',
      path: '/predictions/{id}',
      summary: 'Make a prediction once: the same id gives the same prediction again',
      request: { params: byId, body },
    },
    {
      ...made,
      method: 'post',
      path: '/models/{owner}/{name}/predictions',
      summary: 'Make a prediction, as Replicate’s clients do by a model’s name',
      request: { params, body },
    },
  ];
}

const others: readonly RouteConfig[] = [
  {
    ...PREDICTIONS,
    method: 'get',
    path: '/predictions',
    summary: 'A page of predictions, newest first',
    request: { query: listQuery },
    responses: { 200: answer('The page', pageSchema), 422: wrong },
  },
  {
    ...PREDICTIONS,
    method: 'get',
    path: '/predictions/{id}',
    summary: 'One prediction',
    request: { params: byId },
    responses: { 200: answer('The prediction', predictionSchema), 404: unknownId },
  },
  {
    ...PREDICTIONS,
    method: 'post',
    path: '/predictions/{id}/cancel',
    summary: 'End a prediction wherever it stands; one that has ended stays as it is',
    request: { params: byId },
    responses: { 200: answer('The prediction as it is then', predictionSchema), 404: unknownId },
  },
  {
    ...PREDICTIONS,
    method: 'post',
    path: '/files',
    summary: 'Files are not taken beforehand: send them as data URLs',
    responses: { 501: answer('Always', plainError) },
  },
  {
    ...PREDICTIONS,
    method: 'get',
    path: '/health-check',
    summary: 'Whether a worker is free for a prediction',
    responses: { 200: answer('Whatever the status', healthCheckSchema) },
  },
];

/** The predictions API. */
export const cogPaths = (manifest: ModelManifest): readonly RouteConfig[] => [...making(manifest), ...others];
