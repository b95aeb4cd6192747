import type { ClipParams } from '../../pipeline/clip-params.js';
import { PipelineError } from '../../pipeline/errors.js';
import { ServiceError } from '../errors.js';
import { Forecast } from './forecast.js';
import { LocalQueue, type TaskQueue } from './queue.js';
import type { KeyClaim } from './idempotency.js';
import { taskCost } from './task-kinds.js';
import { CANCELLED, type NewTask, type Task, type TaskError } from './task.js';
import { viewTask, type QueuedTask, type TaskView } from './view.js';
import { TaskWork, type WorkParts } from './work.js';

export interface RunnerOptions extends WorkParts {
  /** See `clipCost` of the pipeline. */
  readonly clipCost: (params: ClipParams) => number;
}

/** A clip that kills its worker this often is given up. */
const MAX_CRASHES = 3;

/**
 * A task's life from queued to completed or error. The table is the truth: whatever is interrupted here is found there
 * at the next start and run again.
 */
export class TaskRunner {
  readonly #o: RunnerOptions;
  readonly #queue: TaskQueue;
  readonly #forecast: Forecast;
  readonly #work: TaskWork;
  #closing = false;

  constructor(options: RunnerOptions) {
    this.#o = options;
    this.#forecast = new Forecast(options.workers.size, Date.now, () => options.table.queueChanged());
    this.#work = new TaskWork(options, this.#forecast);
    this.#queue = new LocalQueue({
      concurrency: { picture: options.pictureConcurrency, device: options.workers.size },
      handlers: {
        picture: (id, signal) => this.#guard(id, () => this.#obtainPicture(id, signal)),
        device: (id, signal) => this.#guard(id, () => this.#work.makeVideo(id, signal)),
      },
    });
  }

  /** Accepts a task: it is durable when this resolves. An uploaded picture must lie in storage already. */
  async submit(newTask: NewTask): Promise<TaskView> {
    const task = await this.#o.table.create(newTask);
    await this.#enqueue(task);
    return this.view(task);
  }

  /**
   * Like `submit`, for a request that may be repeated. Accepts nothing, and gives undefined, where the claim of an
   * `Idempotency-Key` or the task's external id is taken.
   */
  async submitOnce(newTask: NewTask, claim?: KeyClaim): Promise<TaskView | undefined> {
    const task = await this.#o.table.createOnce(newTask, claim);
    if (!task) return undefined;
    await this.#enqueue(task);
    return this.view(task);
  }

  /**
   * Ends a task wherever it stands; one that has ended stays as it is. It is durable when this resolves, and the task's
   * device or download is let go as soon as it obeys. Gives the task as it is then, or undefined where there is none.
   */
  async cancel(id: string): Promise<Task | undefined> {
    const { table, storage, log } = this.#o;
    // The row first: whatever of the task still runs finds that it has ended, also after a restart.
    if (await table.fail(id, { code: CANCELLED, message: 'The task was cancelled' })) {
      log.info({ task: id }, 'task cancelled');
      this.#queue.abort(id);
      this.#forecast.end(id, false);
      await storage.removeInterim(id);
    }
    return table.get(id);
  }

  /** Removes a task with all its files, cancelling it if need be. False when there is none. */
  async remove(id: string): Promise<boolean> {
    if (!(await this.cancel(id))) return false;
    // The files first: what a crash leaves is a row that can be removed again, not files that nothing points at.
    await this.#o.storage.remove(id);
    return this.#o.table.remove(id);
  }

  /** Puts back what an earlier process left unfinished and removes the files that nothing refers to. */
  async recover(): Promise<void> {
    const tasks = await this.#o.table.unfinished();
    for (const task of tasks) {
      if (task.status === 'processing') await this.#o.table.requeue(task.id);
    }
    await this.#o.storage.sweep(new Set(tasks.map(({ id }) => id)));
    for (const task of tasks) await this.#enqueue(task);
    if (tasks.length > 0) this.#o.log.info({ tasks: tasks.length }, 'going on with unfinished tasks');
  }

  view(task: Task): TaskView {
    return this.views([task])[0];
  }

  views(tasks: readonly Task[]): TaskView[] {
    const outlooks = this.#forecast.outlooks(tasks);
    return tasks.map((task) =>
      viewTask(task, outlooks.get(task.id) ?? { queuePosition: null, etaSeconds: null }),
    );
  }

  /** The tasks that wait for a device, the next one first, with what they have to expect; all, or one owner's. */
  queue(owner?: string): QueuedTask[] {
    const outlooks = this.#forecast.outlooks([]);
    return this.#forecast.queue(owner).map((id) => {
      const outlook = outlooks.get(id);
      return {
        id,
        queue_position: outlook?.queuePosition ?? null,
        eta_seconds: outlook?.etaSeconds ?? null,
      };
    });
  }

  /** How many tasks wait for a device. */
  get waiting(): number {
    return this.#forecast.waiting;
  }

  /** How many tasks of an owner have not ended. */
  unfinished(owner: string): number {
    return this.#forecast.unfinished(owner);
  }

  /** When a device is expected to be free; undefined while nothing is known. */
  get secondsToNextEnd(): number | undefined {
    return this.#forecast.secondsToNextEnd;
  }

  /** Starts nothing more, lets what runs end for `graceMs`, then puts it back into the table's queue. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    await this.#queue.close(graceMs);
  }

  async #enqueue(task: Task): Promise<void> {
    if (task.kind !== 'picture') {
      this.#forecast.admit(task.id, taskCost(task, this.#o.clipCost), task.owner);
    }
    const ready = await this.#work.isReady(task);
    this.#queue.add(ready ? 'device' : 'picture', task.id, task.createdAt);
  }

  async #obtainPicture(id: string, signal: AbortSignal): Promise<void> {
    const task = await this.#work.obtainPictures(id, signal);
    if (task) this.#queue.add('device', id, task.createdAt);
  }

  /** Runs one stretch of a task's life and sees to it that every way it can end leaves the table right. */
  async #guard(id: string, stretch: () => Promise<void>): Promise<void> {
    for (let again = true; again;) {
      again = false;
      try {
        await stretch();
      } catch (error) {
        try {
          again = await this.#interrupted(id, error);
        } catch (fault) {
          // The table itself fails. The row keeps its state, and the next start finds it unfinished.
          this.#o.log.error({ task: id, err: fault, cause: error }, 'task state cannot be written');
        }
      }
    }
  }

  /** Settles a task whose stretch ended with an error. Resolves to true when it is to be tried again at once. */
  async #interrupted(id: string, error: unknown): Promise<boolean> {
    const { table, storage, log } = this.#o;
    if (this.#closing) {
      await table.requeue(id);
      return false;
    }
    // Either move is refused where the task was cancelled meanwhile: it neither runs again nor fails for another reason.
    if (error instanceof PipelineError && error.code === 'worker_crashed') {
      const crashes = 1 + ((await table.get(id))?.crashes ?? 0);
      if (crashes < MAX_CRASHES && (await table.requeue(id, { crashed: true }))) {
        log.warn({ task: id, crashes, err: error }, 'worker died, the clip is tried again');
        this.#forecast.suspend(id);
        return true;
      }
    }
    const taskError = toTaskError(error);
    if (await table.fail(id, taskError)) {
      log[taskError.code === 'internal_error' ? 'error' : 'warn']({ task: id, err: error }, 'task failed');
    }
    this.#forecast.end(id, false);
    await storage.removeInterim(id);
    return false;
  }
}

/** What a task row may say of an error: known errors speak for themselves, the rest stays in the log. */
function toTaskError(error: unknown): TaskError {
  if (error instanceof ServiceError || error instanceof PipelineError) {
    return { code: error.code, message: error.message };
  }
  return { code: 'internal_error', message: 'The task failed because of an internal error' };
}
