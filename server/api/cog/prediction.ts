import { z } from 'zod';
import { CANCELLED, isTerminal, type Task } from '../../tasks/task.js';
import { viewTask } from '../../tasks/view.js';
import { logsOf } from './logs.js';

export const PREDICTION_STATUSES = ['starting', 'processing', 'succeeded', 'failed', 'canceled'] as const;
type PredictionStatus = (typeof PREDICTION_STATUSES)[number];

const time = z.string().nullable();
const seconds = z.number().optional();

/** A prediction on the wire: Cog's fields, and those that Replicate's clients know besides. */
export const predictionSchema = z
  .object({
    id: z.string(),
    model: z.string(),
    version: z.string().nullable().describe('As the request named it'),
    status: z.enum(PREDICTION_STATUSES),
    input: z.record(z.string(), z.unknown()).describe('As it was sent, without the data of a picture'),
    output: z
      .array(z.string())
      .nullable()
      .describe('The videos: `data:video/mp4;base64,…`, in lists and webhooks their addresses'),
    logs: z.string(),
    error: z.string().nullable(),
    metrics: z.object({ predict_time: seconds, total_time: seconds }).describe('Seconds'),
    created_at: z.string(),
    started_at: time,
    completed_at: time.describe('However it ended'),
    source: z.literal('api'),
    data_removed: z.boolean().describe('True where the videos have been deleted'),
    urls: z.object({ get: z.string(), cancel: z.string() }),
  })
  .meta({ id: 'Prediction' });

export type Prediction = z.infer<typeof predictionSchema>;

/** What a task keeps of the request for its prediction. */
export interface KeptRequest {
  readonly input: Readonly<Record<string, unknown>>;
  readonly version: string | null;
  readonly created_at: string | null;
}

/** The id by which clients know a prediction: theirs, or the task's. */
export const idOf = ({ id, origin }: Task): string => origin.externalId ?? id;

export function statusOf({ status, error }: Task): PredictionStatus {
  if (status === 'queued') return 'starting';
  if (status === 'completed') return 'succeeded';
  if (status === 'error') return error?.code === CANCELLED ? 'canceled' : 'failed';
  return 'processing';
}

/** The addresses of a prediction's videos; null while there are none. */
export function linksOf(task: Task, baseUrl = ''): string[] | null {
  const { videos } = viewTask(task);
  return videos.length === 0 ? null : videos.map(({ url }) => `${baseUrl}${url}`);
}

/** @param baseUrl the service's public address; without one, addresses are relative */
export function toPrediction(task: Task, output: string[] | null, baseUrl = ''): Prediction {
  const kept = task.origin.request as KeptRequest | null;
  const status = statusOf(task);
  const self = `${baseUrl}/predictions/${encodeURIComponent(idOf(task))}`;
  return {
    id: idOf(task),
    model: task.model,
    version: kept?.version ?? null,
    status,
    input: { ...kept?.input },
    output,
    logs: logsOf(task),
    error: status === 'failed' ? (task.error?.message ?? null) : null,
    metrics: metricsOf(task),
    created_at: kept?.created_at ?? iso(task.createdAt),
    started_at: task.startedAt === null ? null : iso(task.startedAt),
    completed_at: task.endedAt === null ? null : iso(task.endedAt),
    source: 'api',
    data_removed: status === 'succeeded' && output === null,
    urls: { get: self, cancel: `${self}/cancel` },
  };
}

/** A prediction whose videos are linked to: what lists and webhooks have, which must stay small. */
export const linkedPrediction = (task: Task, baseUrl?: string): Prediction =>
  toPrediction(task, linksOf(task, baseUrl), baseUrl);

function metricsOf({ status, createdAt, startedAt, endedAt }: Task): Prediction['metrics'] {
  if (!isTerminal(status) || endedAt === null) return {};
  const total = { total_time: (endedAt - createdAt) / 1000 };
  return startedAt === null ? total : { predict_time: (endedAt - startedAt) / 1000, ...total };
}

const iso = (ms: number): string => new Date(ms).toISOString();
