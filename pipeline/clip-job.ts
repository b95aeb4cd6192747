import type { ClipParams } from './clip-params.js';
import type { PipelineErrorCode } from './errors.js';
import type { EvaluationCounts } from './evaluation-plan.js';
import type { ClipPreview } from './preview.js';
import type { StoryJob } from './story-job.js';

/** One clip to make, as it crosses to the worker process. */
export interface ClipJob {
  readonly kind?: 'clip';
  readonly id: string;
  /** Path of the picture to animate. */
  readonly picture: string;
  readonly params: ClipParams;
  /** An existing folder, this job's alone; the files of the result are written there. */
  readonly folder: string;
  /**
   * An existing folder for checkpoints, this job's alone; the job goes on from what it finds there. Nothing is saved
   * where it is left out.
   */
  readonly checkpoints?: string;
}

/** What a worker can be asked for. */
export type Job = ClipJob | StoryJob;

export type ClipStage = 'encode' | 'sample' | 'decode' | 'write';

/**
 * Where a clip stands. `part` of `parts`, from 1, is the variation or the scene that is being made, `step` of `steps` counts
 * within its stage, `progress` runs from 0 to 1 over the whole job.
 */
export interface ClipProgress {
  readonly stage: ClipStage;
  readonly part: number;
  readonly parts: number;
  readonly step: number;
  readonly steps: number;
  readonly progress: number;
}

/** What whoever runs the service should know of how a clip is getting on; for the log. */
export interface ClipNote {
  readonly level: 'info' | 'warn';
  readonly message: string;
  readonly details: Readonly<Record<string, string | number>>;
}

/** One variation of the clip; file names are relative to the job's folder. */
export interface ClipVideo {
  readonly file: string;
  readonly thumbnail: string;
  /** Where the job asks for one. */
  readonly gif?: string;
  readonly seed: number;
  readonly frames: number;
  readonly bytes: number;
}

export interface ClipResult {
  readonly videos: readonly ClipVideo[];
  /** The variations side by side, when there is more than one. */
  readonly grid?: string;
  /** What the client should know of how the clip was made: fallbacks for want of memory. */
  readonly warnings: readonly string[];
  /** Of the network, all variations together; absent where it was not needed. */
  readonly evaluations?: EvaluationCounts;
  /** Milliseconds spent in each stage, all variations together. */
  readonly milliseconds: Readonly<Record<ClipStage, number>>;
  /** Sampling steps that an earlier run of the job had done, all variations together; present when there are any. */
  readonly resumedSteps?: number;
}

/** What a worker says of itself once it can take jobs. */
export interface WorkerInfo {
  readonly pid: number;
  /** `cpu` or `cuda:<index>`. */
  readonly device: string;
  readonly model: string;
  /** The ffmpeg in use, with its version. */
  readonly ffmpeg: string;
  /** Memory of the device in all, where it is known. */
  readonly memoryBytes?: number;
  /** What clips may be expected to take, in milliseconds for each unit of `clipCost`. */
  readonly pace?: number;
  /** Set when the worker runs, but not as wished: on the CPU for want of CUDA, say. */
  readonly warning?: string;
}

/** A device whose memory is known. */
export type KnownDevice = Pick<WorkerInfo, 'device'> & Required<Pick<WorkerInfo, 'memoryBytes'>>;

export interface WireError {
  readonly code: PipelineErrorCode;
  readonly message: string;
}

export type ToWorker =
  { readonly type: 'run'; readonly job: Job } | { readonly type: 'cancel'; readonly id: string };

export type FromWorker =
  | { readonly type: 'ready'; readonly info: WorkerInfo }
  | { readonly type: 'unusable'; readonly error: WireError }
  | { readonly type: 'progress'; readonly id: string; readonly progress: ClipProgress }
  | { readonly type: 'preview'; readonly id: string; readonly preview: ClipPreview }
  | { readonly type: 'note'; readonly id: string; readonly note: ClipNote }
  | { readonly type: 'done'; readonly id: string; readonly result: ClipResult }
  | { readonly type: 'failed'; readonly id: string; readonly error: WireError };
