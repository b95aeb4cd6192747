import type { EvaluationCounts } from '../../pipeline/evaluation-plan.js';
import type { Task, TaskApi, TaskKind, TaskStatus } from './task.js';

/** The wire form of a task: the img2vid API's six fields, and everything else a dashboard wants. */
export interface TaskView {
  readonly id: string;
  readonly status: TaskStatus;
  /** UTC, `YYYY-MM-DD HH:MM:SS`; null until processing. */
  readonly start_time: string | null;
  /** UTC; null unless completed. */
  readonly end_time: string | null;
  /** Relative to the service's address; null unless completed. */
  readonly video_url: string | null;
  readonly thumbnail_url: string | null;
  readonly grid_url: string | null;
  /** A small moving picture of what is being sampled, another address for each; null while there is none. */
  readonly preview_url: string | null;
  /** Of a task that makes a picture alone; its thumbnail is the picture itself. */
  readonly picture_url: string | null;
  readonly videos: readonly VideoView[];
  readonly stage: string | null;
  readonly step: number | null;
  readonly steps: number | null;
  /** Which variation or scene is being made, from 1, and of how many; null unless a device is at work. */
  readonly part: number | null;
  readonly parts: number | null;
  readonly progress: number;
  /** 1 is next; null unless waiting for a device. */
  readonly queue_position: number | null;
  /** As of the last change of the task; null when nothing is known yet, or nothing is left. */
  readonly eta_seconds: number | null;
  readonly created_at: string;
  /** When the task ended, however it ended. */
  readonly finished_at: string | null;
  readonly source: Record<string, unknown>;
  readonly params: Task['params'];
  readonly seed: number;
  readonly model: string;
  readonly kind: TaskKind;
  readonly api: TaskApi;
  /** How often the whole network was evaluated, and its outer part alone; null unless completed. */
  readonly evaluations: EvaluationCounts | null;
  readonly warnings: readonly string[];
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface VideoView {
  readonly url: string;
  readonly thumbnail_url: string;
  /** Null where no GIF was asked for. */
  readonly gif_url: string | null;
  readonly seed: number;
  readonly frames: number;
  readonly bytes: number;
}

/** A waiting task, as the list of those who wait shows it. */
export type QueuedTask = Pick<TaskView, 'id' | 'queue_position' | 'eta_seconds'>;

/** What the queue knows of a task beyond its row. */
export interface Outlook {
  readonly queuePosition: number | null;
  readonly etaSeconds: number | null;
}

/** `2024-01-05 10:03:12`: the time form of the img2vid API, UTC. */
const plainTime = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

/** @param preview the version of the task's newest preview, where there is one */
export function viewTask(
  task: Task,
  outlook: Outlook = { queuePosition: null, etaSeconds: null },
  preview?: number,
): TaskView {
  const done = task.status === 'completed' ? task.result : null;
  const address = (kind: 'video' | 'thumbnail' | 'gif', index: number): string =>
    `/download/${kind}/${task.id}${index === 0 ? '' : `?index=${index}`}`;
  const picture = done?.picture === undefined ? null : `/download/picture/${task.id}`;
  return {
    id: task.id,
    status: task.status,
    start_time: task.startedAt === null ? null : plainTime(task.startedAt),
    end_time: done && task.endedAt !== null ? plainTime(task.endedAt) : null,
    video_url: done?.videos.length ? address('video', 0) : null,
    thumbnail_url: done?.videos.length ? address('thumbnail', 0) : picture,
    grid_url: done?.grid === undefined ? null : `/download/grid/${task.id}`,
    preview_url:
      task.status === 'processing' && preview !== undefined ? `/tasks/${task.id}/preview?v=${preview}` : null,
    picture_url: picture,
    videos: (done?.videos ?? []).map(({ gif, seed, frames, bytes }, index) => ({
      url: address('video', index),
      thumbnail_url: address('thumbnail', index),
      gif_url: gif === undefined ? null : address('gif', index),
      seed,
      frames,
      bytes,
    })),
    stage: task.stage,
    step: task.step,
    steps: task.steps,
    part: task.part,
    parts: task.parts,
    progress: Math.round(task.progress * 1000) / 1000,
    queue_position: outlook.queuePosition,
    eta_seconds: outlook.etaSeconds,
    created_at: new Date(task.createdAt).toISOString(),
    finished_at: task.endedAt === null ? null : new Date(task.endedAt).toISOString(),
    source: { ...task.source, ...(task.placeholder ? { placeholder: true } : {}) },
    params: task.params,
    seed: task.params.seed,
    model: task.model,
    kind: task.kind,
    api: task.origin.api,
    evaluations: done?.evaluations ?? null,
    warnings: task.warnings,
    error: task.error,
  };
}
