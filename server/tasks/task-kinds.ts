import type { Job } from '../../pipeline/clip-job.js';
import type { ClipParams } from '../../pipeline/clip-params.js';
import { storyFrames } from '../../pipeline/story-plan.js';
import type { MediaStorage } from '../media/storage.js';
import { picturePaths } from './task-pictures.js';
import type { Task, TaskMatter } from './task.js';

/** What a task asks of its device, which works in these folders. */
export function jobOf(
  task: Task,
  storage: MediaStorage,
  folders: { readonly folder: string; readonly checkpoints: string },
): Job {
  const { id, kind, params } = task;
  const pictures = picturePaths(task, storage);
  if (kind === 'story') return { kind, id, pictures, params, ...folders };
  if (kind === 'picture') throw new Error('A picture is not made on a device');
  return { id, picture: pictures[0], params, ...folders };
}

/** What decides the clips that a task makes; null where no network is run. */
export const clipParamsOf = ({ kind, params }: TaskMatter): ClipParams | null =>
  kind === 'picture' ? null : kind === 'story' ? params.clip : params;

/** How many clips a task makes one after the other. */
export const clipsOf = ({ kind, source, params }: TaskMatter): number =>
  kind === 'story' && params.clip ? source.scenes.length : 1;

/** What a task costs its device, in the unit of `clipCost`; 0 where no network is run. */
export function taskCost(matter: TaskMatter, clipCost: (params: ClipParams) => number): number {
  const clip = clipParamsOf(matter);
  return clip ? clipsOf(matter) * clipCost(clip) : 0;
}

/** Steps of the stage that takes a task's device longest. */
export function stepsOf({ kind, source, params }: Task): number {
  if (kind === 'clip') return params.steps;
  if (kind === 'picture') return 1;
  return params.clip?.steps ?? storyFrames(source.scenes.length, params);
}

/** Share of a task's progress that obtaining pictures from elsewhere takes; the device has the rest. */
export function pictureShare({ kind, source, params }: Task): number {
  if (kind === 'picture') return 1;
  if (kind === 'story' && !params.clip) return 0.8;
  return source.type === 'upload' ? 0 : 0.05;
}
