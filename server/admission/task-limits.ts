import type { KnownDevice } from '../../pipeline/clip-job.js';
import type { ClipParams } from '../../pipeline/clip-params.js';
import { ServiceError } from '../errors.js';
import { clipParamsOf } from '../tasks/task-kinds.js';
import type { TaskMatter } from '../tasks/task.js';

/** Fields that each are fine can be too much together. @throws ServiceError 400 `task_too_costly` */
export function checkCost(task: TaskMatter, costOf: (task: TaskMatter) => number, most: number): void {
  if (costOf(task) <= most) return;
  if (task.kind === 'story') {
    throw new ServiceError(400, 'task_too_costly', 'The scenes are more work than one task may be', {
      allowed: 'fewer scenes, fewer steps, or fewer or smaller frames',
    });
  }
  if (task.kind === 'picture') return;
  const { W, H, T, num_cols, steps } = task.params;
  const enough = mostBelow(
    steps,
    (fewer) => costOf({ ...task, params: { ...task.params, steps: fewer } }) <= most,
  );
  throw new ServiceError(
    400,
    'task_too_costly',
    `${steps} steps for ${num_cols} × ${T} frames at ${W}×${H} are more work than one task may be`,
    {
      field: 'steps',
      allowed: enough > 0 ? `at most ${enough} steps at this size` : 'fewer or smaller frames',
    },
  );
}

/** A number below `tooMany` that is fine, and the next one is not; 0 where there is none. */
function mostBelow(tooMany: number, isFine: (count: number) => boolean): number {
  let [fine, not] = [0, tooMany];
  while (not - fine > 1) {
    const middle = Math.floor((fine + not) / 2);
    if (isFine(middle)) fine = middle;
    else not = middle;
  }
  return fine;
}

/** What is known of memory. */
export interface MemoryKnowledge {
  /** Bytes without which a clip cannot be made on a device; undefined where the model does not say. */
  readonly least: (size: Pick<ClipParams, 'W' | 'H' | 'T'>, device: string) => number | undefined;
  /** The device that has most memory; undefined while that is not known. */
  readonly device: () => KnownDevice | undefined;
}

/** A clip that no device has the memory for. @throws ServiceError 400 `clip_too_large` */
export function checkMemory(task: TaskMatter, { least, device }: MemoryKnowledge): void {
  const clip = clipParamsOf(task);
  const there = device();
  if (!clip || !there) return;
  const needed = (T: number): number => least({ ...clip, T }, there.device) ?? 0;
  const fits = (T: number): boolean => needed(T) <= there.memoryBytes;
  if (fits(clip.T)) return;
  const { W, H, T } = clip;
  const frames = mostBelow(T, fits);
  const [takes, has] = [needed(T), there.memoryBytes].map(inGigabytes);
  throw new ServiceError(
    400,
    'clip_too_large',
    `${T} frames at ${W}×${H} take at least ${takes} of memory, and the device has ${has}`,
    {
      // The frames of a story's clips follow from its duration.
      ...(task.kind === 'story' ? {} : { field: 'T' }),
      allowed: frames > 0 ? `at most ${frames} frames at this size` : 'smaller frames',
    },
  );
}

export const inGigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
