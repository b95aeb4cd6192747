import type { ClipParams } from '../../pipeline/clip-params.js';
import { PipelineError } from '../../pipeline/errors.js';
import { ServiceError } from '../errors.js';
import { isTableFault, storageFault } from '../storage-fault.js';
import { Forecast, type Expectation } from './forecast.js';
import { Patience } from './patience.js';
import { Previews } from './previews.js';
import { LocalQueue, type Again, type TaskQueue } from './queue.js';
import type { KeyClaim } from './idempotency.js';
import { taskCost } from './task-kinds.js';
import { UnfinishedTasks } from './unfinished-tasks.js';
import { CANCELLED, isTerminal, type NewTask, type Task, type TaskError, type TaskMatter } from './task.js';
import { viewTask, type QueuedTask, type TaskView } from './view.js';
import { TaskWork, type WorkParts } from './work.js';

export interface RunnerOptions extends WorkParts {
  /** See `clipCost` of the pipeline. */
  readonly clipCost: (params: ClipParams) => number;
  /** Other pauses than the usual ones; for tests. */
  readonly storagePausesMs?: readonly number[];
}

/** A clip that kills its worker this often is given up. */
const MAX_CRASHES = 3;
/** So is one over which the whole service died this often in a row; more often, since that need not be the clip's fault. */
const MAX_LOST_ATTEMPTS = 10;
/** From this many deaths on, whether of workers or of the service, a task goes behind all that wait. */
const SUSPECT_FROM = 2;
/** How long a task waits for room on the disk before each further try; then it fails. */
const STORAGE_PAUSES_MS: readonly number[] = [5_000, 30_000, 120_000, 300_000];

/**
 * A task's life from queued to completed or error. The table is the truth: whatever is interrupted here is found there
 * at the next start and run again.
 */
export class TaskRunner {
  readonly #o: RunnerOptions;
  readonly #queue: TaskQueue;
  readonly #forecast: Forecast;
  readonly #work: TaskWork;
  readonly unfinished = new UnfinishedTasks();
  readonly #patience: Patience;
  /** How often a task has waited for room on the disk. */
  readonly #storagePauses = new Map<string, number>();
  readonly previews = new Previews();
  #closing = false;

  constructor(options: RunnerOptions) {
    this.#o = options;
    options.table.on('change', (id, change) => {
      if (change !== 'ended') return;
      this.unfinished.delete(id);
      this.#storagePauses.delete(id);
    });
    this.#forecast = new Forecast(options.workers.size, Date.now, () => options.table.queueChanged());
    this.#patience = new Patience(options.log);
    this.#work = new TaskWork({ ...options, patience: this.#patience }, this.#forecast, this.previews);
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
    return this.#accept(await this.#o.table.create(newTask));
  }

  /**
   * Like `submit`, for a request that may be repeated. Accepts nothing, and gives undefined, where the claim of an
   * `Idempotency-Key` or the task's external id is taken.
   */
  async submitOnce(newTask: NewTask, claim?: KeyClaim): Promise<TaskView | undefined> {
    const task = await this.#o.table.createOnce(newTask, claim);
    return task && this.#accept(task);
  }

  /**
   * Ends a task wherever it stands; one that has ended stays as it is. It is durable when this resolves, and the task's
   * device or download is let go as soon as it obeys. Gives the task as it is then, or undefined where there is none.
   */
  async cancel(id: string): Promise<Task | undefined> {
    const { table, log } = this.#o;
    // The row first: whatever of the task still runs finds that it has ended, also after a restart.
    const isCancelled = await table.fail(id, { code: CANCELLED, message: 'The task was cancelled' });
    if (isCancelled) {
      log.info({ task: id }, 'task cancelled');
      this.#queue.abort(id);
      this.#forecast.end(id, false);
    }
    const task = await table.get(id);
    if (isCancelled && task) await this.#work.clearAway(task);
    return task;
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
    const { table, storage, log } = this.#o;
    const tasks = await table.unfinished();
    const givenUp = tasks.filter(({ attempts }) => attempts >= MAX_LOST_ATTEMPTS);
    const goOn = tasks.filter((task) => !givenUp.includes(task));
    for (const { id, attempts } of givenUp) {
      const message = `The service died ${attempts} times in a row over this task`;
      await table.fail(id, { code: 'worker_crashed', message });
      log.error({ task: id, attempts }, 'task given up: the service died over it again and again');
    }
    for (const { id, status } of goOn) if (status === 'processing') await table.requeue(id, 'lost');
    await storage.sweep(new Set(goOn.map(({ id }) => id)));
    for (const task of goOn.filter((task) => !isSuspect(task))) await this.#enqueue(task);
    for (const task of goOn.filter(isSuspect)) await this.#enqueue(task, Date.now());
    if (goOn.length > 0) log.info({ tasks: goOn.length }, 'going on with unfinished tasks');
  }

  view(task: Task): TaskView {
    return this.views([task])[0];
  }

  views(tasks: readonly Task[]): TaskView[] {
    const outlooks = this.#forecast.outlooks();
    return tasks.map((task) => viewTask(task, outlooks.get(task.id), this.previews.version(task.id)));
  }

  /** The tasks that wait for a device, the next one first, with what they have to expect; all, or one owner's. */
  queue(owner?: string): QueuedTask[] {
    const outlooks = this.#forecast.outlooks();
    return this.#forecast.queue(owner).map((id) => {
      const outlook = outlooks.get(id);
      return {
        id,
        queue_position: outlook?.queuePosition ?? null,
        eta_seconds: outlook?.etaSeconds ?? null,
      };
    });
  }

  /**
   * Takes a device's word for how long clips take, until one has been made: milliseconds for each unit of `clipCost`, of a
   * clip of that cost.
   */
  expectPace(pace: number, cost: number): void {
    this.#forecast.promise(pace, cost);
  }

  /** How long a clip would take, and wait before, if it came now. */
  expectation(params: ClipParams): Expectation {
    return this.#forecast.expectation(this.#o.clipCost(params));
  }

  /** How many tasks wait for a device. */
  get waiting(): number {
    return this.#forecast.waiting;
  }

  /** When a device is expected to be free; undefined while nothing is known. */
  get secondsToNextEnd(): number | undefined {
    return this.#forecast.secondsToNextEnd;
  }

  /** Starts nothing more, lets what runs end for `graceMs`, then puts it back into the table's queue. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    const ended = this.#queue.close(graceMs);
    const patience = setTimeout(() => this.#patience.giveUp(), graceMs);
    await ended.finally(() => clearTimeout(patience));
  }

  /** What a task costs its device, in the unit of `clipCost`. */
  costOf(task: TaskMatter): number {
    return taskCost(task, this.#o.clipCost);
  }

  async #accept(task: Task): Promise<TaskView> {
    await this.#enqueue(task);
    return this.view(task);
  }

  async #enqueue(task: Task, order = task.createdAt): Promise<void> {
    this.unfinished.add(task.id, task.owner);
    if (task.kind !== 'picture') {
      this.#forecast.admit(task.id, this.costOf(task), task.owner);
    }
    const ready = await this.#work.isReady(task);
    this.#queue.add(ready ? 'device' : 'picture', task.id, order);
  }

  async #obtainPicture(id: string, signal: AbortSignal): Promise<void> {
    const task = await this.#work.obtainPictures(id, signal);
    if (task) this.#queue.add('device', id, task.createdAt);
  }

  /** Runs one stretch of a task's life and sees to it that every way it can end leaves the table right. */
  async #guard(id: string, stretch: () => Promise<void>): Promise<Again | undefined> {
    try {
      await stretch();
    } catch (error) {
      try {
        return await this.#patience.insist(() => this.#interrupted(id, error));
      } catch (fault) {
        // The row keeps its state, and the next start finds it unfinished.
        this.#o.log.error({ task: id, err: fault, cause: error }, 'task state cannot be written');
      }
    }
    return undefined;
  }

  /**
   * Settles a task whose stretch ended with an error. Gives when it is tried again, if it is. Each move is refused where the
   * task was cancelled meanwhile: it neither runs again nor fails for another reason.
   */
  async #interrupted(id: string, error: unknown): Promise<Again | undefined> {
    const { table, storage, log } = this.#o;
    const task = await table.get(id);
    if (task && this.#closing && !isTerminal(task.status)) {
      await table.requeue(id, 'stopped');
      return undefined;
    }
    const again =
      task && ((await this.#afterCrash(task, error)) ?? (await this.#afterStorageFault(task, error)));
    if (again) return again;
    const taskError = toTaskError(error);
    if (await table.fail(id, taskError)) {
      log[taskError.code === 'internal_error' ? 'error' : 'warn']({ task: id, err: error }, 'task failed');
    }
    this.#forecast.end(id, false);
    await (task ? this.#work.clearAway(task) : storage.removeInterim(id));
    return undefined;
  }

  /** The first death of a worker is put right at once; a task over which they go on dying lets the others go first. */
  async #afterCrash(task: Task, error: unknown): Promise<Again | undefined> {
    if (!(error instanceof PipelineError) || error.code !== 'worker_crashed') return undefined;
    const { id, createdAt, attempts } = task;
    const crashes = task.crashes + 1;
    if (crashes >= MAX_CRASHES || !(await this.#o.table.requeue(id, 'crashed'))) return undefined;
    const behind = isSuspect({ crashes, attempts: attempts - 1 });
    this.#o.log.warn({ task: id, crashes, behind, err: error }, 'worker died, the clip is tried again');
    this.#forecast.suspend(id, { behind });
    return { order: behind ? Date.now() : createdAt };
  }

  /** A fault of the table has passed when this runs; for room on the disk the task waits a while, and others go first. */
  async #afterStorageFault({ id, createdAt }: Task, error: unknown): Promise<Again | undefined> {
    const fault = storageFault(error);
    if (!fault) return undefined;
    const pauses = this.#storagePauses.get(id) ?? 0;
    const afterMs = isTableFault(error) ? 0 : (this.#o.storagePausesMs ?? STORAGE_PAUSES_MS)[pauses];
    if (afterMs === undefined) return undefined;
    const requeued = await this.#o.table.requeue(id, 'stopped');
    if (!requeued && (await this.#o.table.get(id))?.status !== 'queued') return undefined;
    if (!isTableFault(error)) this.#storagePauses.set(id, pauses + 1);
    this.#o.log.warn(
      { task: id, code: fault.code, retryInMs: afterMs, err: error },
      'storage fault, the task waits',
    );
    this.#forecast.suspend(id, { behind: afterMs > 0 });
    return { order: createdAt, afterMs };
  }
}

const isSuspect = ({ crashes, attempts }: Pick<Task, 'crashes' | 'attempts'>): boolean =>
  crashes + attempts >= SUSPECT_FROM;

/** What a task row may say of an error: known errors speak for themselves, the rest stays in the log. */
function toTaskError(error: unknown): TaskError {
  const known = storageFault(error) ?? error;
  if (known instanceof ServiceError || known instanceof PipelineError) {
    return { code: known.code, message: known.message };
  }
  return { code: 'internal_error', message: 'The task failed because of an internal error' };
}
