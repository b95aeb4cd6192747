import type { ModelManifest } from '../../pipeline/manifest.js';
import { ServiceError } from '../errors.js';
import type { TaskRunner } from '../tasks/runner.js';
import type { NewTask, TaskMatter } from '../tasks/task.js';
import { checkCost, checkMemory, type MemoryKnowledge } from './task-limits.js';

export interface AdmissionLimits {
  /** Tasks that may wait and run at a time; 0 for any number. */
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
  constructor(
    private readonly limits: AdmissionLimits,
    private readonly runner: Pick<TaskRunner, 'unfinished' | 'secondsToNextEnd' | 'costOf'>,
    private readonly memory: MemoryKnowledge,
  ) {}

  /** Whether a task can be made here at all, however much room there is. @throws ServiceError 400 */
  check(task: TaskMatter): void {
    checkCost(task, (other) => this.runner.costOf(other), this.limits.maxClipCost);
    checkMemory(task, this.memory);
  }

  /** Whether there is room for one more at all; asked before anything is decoded. @throws ServiceError 429 */
  checkRoom(): void {
    const { maxQueue } = this.limits;
    if (maxQueue > 0 && this.runner.unfinished.count >= maxQueue) {
      throw this.#full('queue_full', 'The queue is full', `${maxQueue} unfinished tasks`);
    }
  }

  /**
   * Lets a task in. It counts from here on, and no longer where `create` makes none of it: requests at the same time are
   * not more than there is room for. @throws ServiceError 400 or 429
   */
  async admit<T>(task: NewTask, create: () => Promise<T | undefined>): Promise<T | undefined> {
    const { id, owner = '' } = task;
    const { unfinished } = this.runner;
    this.check(task);
    this.checkRoom();
    const { maxUnfinishedPerKey: most } = this.limits;
    if (owner !== '' && most > 0 && unfinished.countOf(owner) >= most) {
      throw this.#full('too_many_tasks', 'Too many of your tasks are unfinished', `${most} at a time`);
    }
    unfinished.add(id, owner);
    let created: T | undefined;
    try {
      created = await create();
    } finally {
      if (created === undefined) unfinished.delete(id);
    }
    return created;
  }

  #full(code: string, message: string, allowed: string): ServiceError {
    const retryAfterSeconds = Math.max(1, this.runner.secondsToNextEnd ?? UNKNOWN_WAIT);
    return new ServiceError(429, code, message, { allowed, retryAfterSeconds });
  }
}
