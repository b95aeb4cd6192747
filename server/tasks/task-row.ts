import type { Insertable, Selectable } from 'kysely';
import type { TaskRow } from './database.js';
import {
  isTerminal,
  type NewTask,
  type Task,
  type TaskApi,
  type TaskError,
  type TaskMatter,
  type TaskProgress,
  type TaskResult,
  type TaskStage,
  type TaskStatus,
  type TaskWebhook,
} from './task.js';

/** The row of a task that is accepted now. */
export const rowOfTask = (task: NewTask, createdAt: number): Insertable<TaskRow> => ({
  id: task.id,
  created_at: createdAt,
  status: 'queued',
  model: task.model,
  source: JSON.stringify(task.source),
  params: JSON.stringify(task.params),
  warnings: JSON.stringify(task.warnings),
  webhook: task.webhook ? JSON.stringify(task.webhook) : null,
  kind: task.kind ?? 'clip',
  api: task.origin?.api ?? 'tasks',
  external_id: task.origin?.externalId ?? null,
  request: task.origin?.request ? JSON.stringify(task.origin.request) : null,
  owner: task.owner ?? '',
  expires_at: task.expiresAt ?? null,
});

/** A task from its row; `live` is its progress since the row was written, which a task that has ended has not. */
export function taskOfRow(row: Selectable<TaskRow>, live?: TaskProgress): Task {
  const status = row.status as TaskStatus;
  const newer = isTerminal(status) ? undefined : live;
  // The three go together, as they were written.
  const matter = {
    kind: row.kind as Task['kind'],
    source: JSON.parse(row.source) as Task['source'],
    params: JSON.parse(row.params) as Task['params'],
  } as Required<TaskMatter>;
  return {
    ...matter,
    id: row.id,
    status,
    stage: newer ? newer.stage : (row.stage as TaskStage | null),
    step: newer ? newer.step : row.step,
    steps: newer ? newer.steps : row.steps,
    part: newer?.part ?? null,
    parts: newer?.parts ?? null,
    progress: newer ? newer.progress : row.progress,
    createdAt: Number(row.created_at),
    startedAt: row.started_at === null ? null : Number(row.started_at),
    endedAt: row.ended_at === null ? null : Number(row.ended_at),
    crashes: row.crashes,
    attempts: row.attempts,
    placeholder: row.placeholder === 1,
    model: row.model,
    warnings: JSON.parse(row.warnings) as string[],
    error: row.error === null ? null : (JSON.parse(row.error) as TaskError),
    result: row.result === null ? null : (JSON.parse(row.result) as TaskResult),
    webhook: row.webhook === null ? null : (JSON.parse(row.webhook) as TaskWebhook),
    origin: {
      api: row.api as TaskApi,
      externalId: row.external_id,
      request: row.request === null ? null : (JSON.parse(row.request) as Record<string, unknown>),
    },
    owner: row.owner,
    expiresAt: row.expires_at === null ? null : Number(row.expires_at),
  };
}
