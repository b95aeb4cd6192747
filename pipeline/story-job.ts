import type { ClipParams } from './clip-params.js';

/** Everything that decides a story's video but its pictures. */
export interface StoryParams {
  readonly W: number;
  readonly H: number;
  /** Frame rate of the file. */
  readonly fps: number;
  /** Scene i, counted from 0, has the seed `seed` + i. */
  readonly seed: number;
  readonly frames_per_scene: number;
  /** Frames of the crossfade inserted between two neighbours. */
  readonly transition_frames: number;
  /** How each scene's picture is animated, apart from its seed; null where the pictures stand still. */
  readonly clip: ClipParams | null;
}

/** One story to make, as it crosses to the worker process. */
export interface StoryJob {
  readonly kind: 'story';
  readonly id: string;
  /** Paths of the scenes' pictures, in order. */
  readonly pictures: readonly string[];
  readonly params: StoryParams;
  /** An existing folder, this job's alone; the files of the result are written there. */
  readonly folder: string;
  /** As in a `ClipJob`; each scene that is sampled has a checkpoint of its own. */
  readonly checkpoints?: string;
}
