import { clipCost } from '../../pipeline/clip-cost.js';
import type { ModelManifest } from '../../pipeline/manifest.js';
import { ServiceError } from '../errors.js';
import type { TaskRunner } from '../tasks/runner.js';
import type { NewTask } from '../tasks/task.js';

export interface AdmissionLimits {
  /** Tasks that may wait; 0 for any number. */
  readonly maxQueue: number;
  /** Tasks of one access key that have not ended; 0 for any number. */
  readonly maxUnfinishedPerKey: number;
  readonly maxClipCost: number;
}

/** Seconds to wait while nothing is known of how long clips take. */
const UNKNOWN_WAIT = 30;
/** The most that the limits of one request allow at ordinary steps: every variation, and as many steps as any recipe has. */
const VARIATIONS = 10;
const ORDINARY_STEPS = 50;

/** The largest clip of a model in all its variations at ordinary steps; a smaller clip may have more steps for it. */
export const defaultClipCost = ({ limits, recipe }: ModelManifest): number =>
  limits.pixels * VARIATIONS * Math.max(ORDINARY_STEPS, recipe.steps);

/** Decides whether there is room for a task. */
export class Admission {
  /** Tasks that are let in and not yet in the queue, by owner. */
  readonly #arriving = new Map<string, number>();
  #allArriving = 0;

  constructor(
    private readonly limits: AdmissionLimits,
    private readonly runner: Pick<TaskRunner, 'waiting' | 'unfinished' | 'secondsToNextEnd'>,
  ) {}

  /** Whether there is room for one more at all; asked before anything is decoded. @throws ServiceError 429 */
  checkRoom(): void {
    const { maxQueue } = this.limits;
    if (maxQueue > 0 && this.runner.waiting + this.#allArriving >= maxQueue) {
      throw this.#full('queue_full', 'The queue is full', `${maxQueue} waiting tasks`);
    }
  }

  /** Lets a task in for as long as `create` takes to put it into the queue. @throws ServiceError 400 or 429 */
  async admit<T>({ owner = '', params }: NewTask, create: () => Promise<T>): Promise<T> {
    this.#checkCost(params);
    this.checkRoom();
    const { maxUnfinishedPerKey: most } = this.limits;
    const arriving = this.#arriving.get(owner) ?? 0;
    if (owner !== '' && most > 0 && this.runner.unfinished(owner) + arriving >= most) {
      throw this.#full('too_many_tasks', 'Too many of your tasks are unfinished', `${most} at a time`);
    }
    this.#arriving.set(owner, arriving + 1);
    this.#allArriving++;
    try {
      return await create();
    } finally {
      this.#allArriving--;
      const left = (this.#arriving.get(owner) ?? 1) - 1;
      if (left === 0) this.#arriving.delete(owner);
      else this.#arriving.set(owner, left);
    }
  }

  /** Fields that each are fine can be too much together. */
  #checkCost(params: NewTask['params']): void {
    const cost = clipCost(params);
    const { maxClipCost } = this.limits;
    if (cost <= maxClipCost) return;
    const { W, H, T, num_cols, steps } = params;
    const most = Math.floor((maxClipCost * steps) / cost);
    throw new ServiceError(
      400,
      'clip_too_costly',
      `${steps} steps for ${num_cols} × ${T} frames at ${W}×${H} are more work than one clip may be`,
      {
        field: 'steps',
        allowed: most > 0 ? `at most ${most} steps at this size` : 'fewer or smaller frames',
      },
    );
  }

  #full(code: string, message: string, allowed: string): ServiceError {
    const retryAfterSeconds = Math.max(1, this.runner.secondsToNextEnd ?? UNKNOWN_WAIT);
    return new ServiceError(429, code, message, { allowed, retryAfterSeconds });
  }
}
