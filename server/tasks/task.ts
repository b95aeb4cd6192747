import type { ClipParams } from '../../pipeline/clip-params.js';
import type { EvaluationCounts } from '../../pipeline/evaluation-plan.js';
import type { StoryParams } from '../../pipeline/story-job.js';

/** The four states that clients of the img2vid API know; finer progress is in `stage` and `progress`. */
export const TASK_STATUSES = ['queued', 'processing', 'completed', 'error'] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/**
 * Where a task stands: `image` (the picture is asked for or fetched), `waiting` (picture there, device busy), then the
 * device's own stages.
 */
export type TaskStage = 'image' | 'waiting' | 'encode' | 'sample' | 'decode' | 'write';

/** What a task comes to: a clip of one picture, a picture alone, or a video of several scenes. */
export const TASK_KINDS = ['clip', 'picture', 'story'] as const;
export type TaskKind = (typeof TASK_KINDS)[number];

/** The APIs in which a task can be asked for. `tasks` is the service's own, and that of img2vid beside it. */
export type TaskApi = 'tasks' | 'cog' | 'animate' | 'img2video' | 'story';

/** Which API a task was asked for in, and what that API has to know of it later. */
export interface TaskOrigin {
  readonly api: TaskApi;
  /** The id by which that API's clients know the task; unique within API and owner. Null: the task's own. */
  readonly externalId: string | null;
  /** What that API repeats of the request. */
  readonly request: Readonly<Record<string, unknown>> | null;
}

export interface PromptSource {
  readonly type: 'prompt';
  readonly prompt: string;
  /** Which of the provider's pictures, 1 to 4; there where the provider makes more than one. */
  readonly image_index?: number;
}

export interface UploadSource {
  readonly type: 'upload';
  /** The name of its file, to be shown; where the client gave one. */
  readonly name?: string;
}

/** Where a picture comes from. */
export type TaskSource =
  PromptSource | UploadSource | { readonly type: 'image_url'; readonly image_url: string };

/** Where the pictures of a story come from: one prompt for each scene, as the image provider gets it. */
export interface StorySource {
  readonly type: 'story';
  readonly scenes: readonly string[];
}

/** What decides a picture beside its prompt. */
export type PictureParams = Pick<ClipParams, 'W' | 'H' | 'seed'>;

/** What is made, and of what. */
export interface ClipMatter {
  readonly kind?: 'clip';
  readonly source: TaskSource;
  readonly params: ClipParams;
}
export interface PictureMatter {
  readonly kind: 'picture';
  readonly source: PromptSource;
  readonly params: PictureParams;
}
export interface StoryMatter {
  readonly kind: 'story';
  readonly source: StorySource;
  readonly params: StoryParams;
}
export type TaskMatter = ClipMatter | PictureMatter | StoryMatter;

/** What a task's webhook may ask to be told of; `completed` is every end, whether good or not. */
export const WEBHOOK_EVENTS = ['start', 'progress', 'completed'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** Who is told of a task's progress. */
export interface TaskWebhook {
  readonly url: string;
  readonly events: readonly WebhookEvent[];
}

export interface TaskError {
  readonly code: string;
  readonly message: string;
}

/** One finished clip of a task; file names are relative to the task's media folder. */
export interface TaskVideo {
  readonly file: string;
  readonly thumbnail: string;
  /** Where the request asks for one. */
  readonly gif?: string;
  readonly seed: number;
  readonly frames: number;
  readonly bytes: number;
}

export interface TaskResult {
  /** Empty where a picture alone was asked for. */
  readonly videos: readonly TaskVideo[];
  /** The variations side by side; present when there is more than one. */
  readonly grid?: string;
  /** Of the network, all variations together; absent where it was not needed. */
  readonly evaluations?: EvaluationCounts;
  /** What a task of the kind `picture` comes to. */
  readonly picture?: string;
}

/** What of a task has nothing to do with its kind. */
export interface TaskFrame {
  readonly id: string;
  readonly model: string;
  readonly warnings: readonly string[];
  readonly webhook?: TaskWebhook | null;
  readonly origin?: TaskOrigin;
  /** Whose task it is: an access key's name. Empty where the service is open, which is the default. */
  readonly owner?: string;
  /** When the task and its files are to be deleted, in milliseconds since the epoch; null for the service's own rule. */
  readonly expiresAt?: number | null;
}

/** What a request asks for, complete before anything runs. */
export type NewTask = TaskFrame & TaskMatter;

interface TaskState {
  readonly status: TaskStatus;
  readonly stage: TaskStage | null;
  readonly step: number | null;
  readonly steps: number | null;
  /** Which variation or scene is being made, from 1, and of how many; null unless a device is at work. */
  readonly part: number | null;
  readonly parts: number | null;
  /** 0–1 over the whole task; never decreases within one attempt. */
  readonly progress: number;
  /** Milliseconds since the epoch, unique within a table: it is also the order of the queue. */
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** How often a worker process died while running this task. */
  readonly crashes: number;
  /** How often in a row a device began on this task and nothing more was heard: the whole service died over it. */
  readonly attempts: number;
  /** True when the picture is the embedded source's stand-in for a real image provider's. */
  readonly placeholder: boolean;
  readonly error: TaskError | null;
  readonly result: TaskResult | null;
}

export type Task = Required<TaskFrame> & Required<TaskMatter> & TaskState;

/** What changes while a task runs; kept in memory, since a durable write per step would stall the event loop. */
export interface TaskProgress {
  readonly stage: TaskStage;
  readonly step: number | null;
  readonly steps: number | null;
  readonly part: number | null;
  readonly parts: number | null;
  readonly progress: number;
}

export const isTerminal = (status: TaskStatus): boolean => status === 'completed' || status === 'error';

/** The code in the error of a task that somebody cancelled. */
export const CANCELLED = 'cancelled';
