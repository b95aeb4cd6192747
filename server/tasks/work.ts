import type { Logger } from 'pino';
import type { ClipProgress } from '../../pipeline/clip-job.js';
import type { WorkerPool } from '../../pipeline/worker-pool.js';
import type { PictureObtainer } from '../images/obtain.js';
import type { MediaStorage } from '../media/storage.js';
import type { Forecast } from './forecast.js';
import type { TaskTable } from './table.js';
import { isTerminal, type Task, type TaskProgress } from './task.js';

export interface WorkParts {
  readonly table: TaskTable;
  readonly storage: MediaStorage;
  readonly pictures: PictureObtainer;
  readonly workers: Pick<WorkerPool, 'size' | 'run'>;
  readonly log: Logger;
  readonly clipTimeoutMs: number;
}

/** Share of a task's progress that obtaining a picture from elsewhere takes; the device has the rest. */
const PICTURE_SHARE = 0.05;

/**
 * What is done for a task while it has its place in a lane. Each stretch begins by asking the table whether the task is
 * still to be done, and what it throws is settled by the runner.
 */
export class TaskWork {
  readonly #o: WorkParts;
  readonly #forecast: Forecast;

  constructor(parts: WorkParts, forecast: Forecast) {
    this.#o = parts;
    this.#forecast = forecast;
  }

  /** Gets the task's picture and stores it. Gives the task when it goes on to a device. */
  async obtainPicture(id: string, signal: AbortSignal): Promise<Task | undefined> {
    const { table, storage, pictures } = this.#o;
    const task = await table.get(id);
    if (!task || !(await table.start(id, 'image'))) return this.#over(id);
    const report = (share: number): void =>
      table.report(id, { stage: 'image', step: null, steps: null, progress: share * PICTURE_SHARE });
    report(0);
    const picture = await pictures.obtain(task.source, task.params, { signal, onProgress: report });
    // Before the picture is there, so that no end of the process loses it: it is obtained again then.
    await table.notePicture(id, picture);
    await storage.write(storage.picture(id), picture.png);
    const now = await table.get(id);
    if (!now || isTerminal(now.status)) {
      await storage.removePicture(id); // cancelled while it was written
      return undefined;
    }
    table.report(id, { stage: 'waiting', step: null, steps: null, progress: PICTURE_SHARE });
    return task;
  }

  /** Makes the task's files on a device and completes it. */
  async makeClip(id: string, signal: AbortSignal): Promise<void> {
    const { table, storage, workers, clipTimeoutMs, log } = this.#o;
    const task = await table.get(id);
    const queued = task?.status === 'queued';
    if (!task || isTerminal(task.status) || (queued && !(await table.start(id, 'encode')))) {
      this.#over(id);
      return;
    }
    this.#forecast.begin(id);
    const base = task.source.type === 'upload' ? 0 : PICTURE_SHARE;
    const folder = await storage.createWork(id);
    try {
      const checkpoints = await storage.claimCheckpoints(id);
      signal.throwIfAborted();
      const job = { id, picture: storage.picture(id), params: task.params, folder, checkpoints };
      const result = await workers.run(job, {
        signal,
        timeoutMs: clipTimeoutMs,
        onProgress: (progress) => table.report(id, taskProgress(progress, base)),
        onNote: ({ level, message, details }) => log[level]({ task: id, ...details }, message),
      });
      // The files are in place before the row says so: `completed` never points at nothing.
      await storage.publishWork(folder, id);
      const { milliseconds, warnings, resumedSteps, ...files } = result;
      const completed = await table.complete(id, files, task.params.steps, [...task.warnings, ...warnings]);
      if (!completed) await storage.remove(id); // moved by somebody else meanwhile: nothing points at the files
      this.#forecast.end(id, completed);
      await storage.removeInterim(id);
      if (completed) log.info({ task: id, milliseconds, warnings, resumedSteps }, 'clip completed');
    } finally {
      await storage.removeWork(folder);
    }
  }

  #over(id: string): undefined {
    this.#forecast.end(id, false);
    return undefined;
  }
}

function taskProgress({ stage, step, steps, progress }: ClipProgress, base: number): TaskProgress {
  return { stage, step, steps, progress: base + (1 - base) * progress };
}
