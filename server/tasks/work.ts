import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { ClipProgress, ClipResult, Job } from '../../pipeline/clip-job.js';
import type { WorkerPool } from '../../pipeline/worker-pool.js';
import type { PictureObtainer } from '../images/obtain.js';
import type { MediaStorage } from '../media/storage.js';
import type { Forecast } from './forecast.js';
import type { Patience } from './patience.js';
import type { Previews } from './previews.js';
import type { TaskTable } from './table.js';
import { progressAt } from './task-moves.js';
import { clipsOf, jobOf, pictureShare, stepsOf } from './task-kinds.js';
import { hasAllPictures, TaskPictures } from './task-pictures.js';
import { isTerminal, type Task, type TaskProgress } from './task.js';

export interface WorkParts {
  readonly table: TaskTable;
  readonly storage: MediaStorage;
  readonly pictures: PictureObtainer;
  readonly workers: Pick<WorkerPool, 'size' | 'run'>;
  readonly log: Logger;
  readonly clipTimeoutMs: number;
  readonly pictureConcurrency: number;
  /** Whether uploaded pictures are kept for a while when their tasks have ended. */
  readonly keepsUploads: boolean;
}

/** The name of a picture among the files of its task. */
const PICTURE_FILE = 'picture.png';

/**
 * What is done for a task while it has its place in a lane. Each stretch begins by asking the table whether the task is
 * still to be done, and what it throws is settled by the runner.
 */
export class TaskWork {
  readonly #o: WorkParts & { readonly patience: Patience };
  readonly #forecast: Forecast;
  readonly #pictures: TaskPictures;
  readonly #previews: Previews;

  constructor(parts: WorkParts & { readonly patience: Patience }, forecast: Forecast, previews: Previews) {
    this.#o = parts;
    this.#forecast = forecast;
    this.#previews = previews;
    this.#pictures = new TaskPictures(parts.storage, parts.pictures, parts.pictureConcurrency);
  }

  /** Whether the task has all it needs from elsewhere, and waits for a device only. */
  async isReady(task: Task): Promise<boolean> {
    return task.kind !== 'picture' && hasAllPictures(task, this.#o.storage);
  }

  /**
   * Gets the task's pictures and stores them; a task that is for a picture alone is completed by that. Gives the task when
   * it goes on to a device.
   */
  async obtainPictures(id: string, signal: AbortSignal): Promise<Task | undefined> {
    const { table } = this.#o;
    const task = await table.get(id);
    if (!task || !(await table.start(id, 'image'))) return this.#over(id);
    const most = pictureShare(task);
    const report = (share: number): void => table.report(id, progressAt('image', share * most));
    report(0);
    const obtaining = this.#pictures.obtain(task, {
      signal,
      onProgress: report,
      // Before the picture is there, so that no end of the process loses it: it is obtained again then.
      onPicture: (picture) => table.notePicture(id, picture),
    });
    await obtaining.catch(async (error: unknown) => {
      await this.#clearIfEnded(id);
      throw error;
    });
    if (await this.#clearIfEnded(id)) return undefined;
    if (task.kind === 'picture') {
      await this.#completePicture(id);
      return undefined;
    }
    table.report(id, progressAt('waiting', most));
    return task;
  }

  /** Removes what was stored of a task while somebody ended it. False when it goes on. */
  async #clearIfEnded(id: string): Promise<boolean> {
    const { table, storage } = this.#o;
    const task = await table.get(id);
    if (task && !isTerminal(task.status)) return false;
    await storage.removePictures(id);
    return true;
  }

  /** The picture that was obtained is all that was asked for. */
  async #completePicture(id: string): Promise<void> {
    const { table, storage, patience } = this.#o;
    const folder = await storage.createWork(id);
    try {
      await rename(storage.picture(id), join(folder, PICTURE_FILE));
      await storage.publishWork(folder, id);
    } finally {
      await storage.removeWork(folder);
    }
    const completed = await patience.insist(() =>
      table.complete(id, { videos: [], picture: PICTURE_FILE }, 1),
    );
    if (!completed) await storage.remove(id);
  }

  /** Makes the task's files on a device and completes it. */
  async makeVideo(id: string, signal: AbortSignal): Promise<void> {
    const { table, storage, patience, log } = this.#o;
    const task = await table.get(id);
    if (!task || !(await table.begin(id, pictureShare(task)))) {
      this.#over(id);
      return;
    }
    this.#forecast.begin(id);
    const folder = await storage.createWork(id);
    try {
      const checkpoints = await storage.claimCheckpoints(id);
      signal.throwIfAborted();
      const result = await this.#runJob(jobOf(task, storage, { folder, checkpoints }), task, signal);
      // The files are in place before the row says so: `completed` never points at nothing.
      await storage.publishWork(folder, id);
      const { milliseconds, warnings, resumedSteps, ...files } = result;
      const told = [...task.warnings, ...warnings];
      const completed = await patience.insist(() => table.complete(id, files, stepsOf(task), told));
      if (!completed) await storage.remove(id); // moved by somebody else meanwhile: nothing points at the files
      this.#forecast.end(id, completed);
      await this.clearAway(task);
      if (completed) log.info({ task: id, milliseconds, warnings, resumedSteps }, 'video completed');
    } finally {
      await storage.removeWork(folder);
    }
  }

  /** Has a worker make the files of a job, and shows how it gets on. */
  async #runJob(job: Job, task: Task, signal: AbortSignal): Promise<ClipResult> {
    const { table, workers, clipTimeoutMs, log } = this.#o;
    const { id } = task;
    const base = pictureShare(task);
    try {
      return await workers.run(job, {
        signal,
        timeoutMs: clipTimeoutMs * clipsOf(task),
        onProgress: (news) => {
          const progress = taskProgress(news, base);
          if (news.stage !== 'encode') this.#forecast.report(id, progress.progress);
          table.report(id, progress);
        },
        onPreview: (preview) => {
          this.#previews.put(id, preview);
          table.touch(id);
        },
        onNote: ({ level, message, details }) => log[level]({ task: id, ...details }, message),
      });
    } finally {
      this.#previews.drop(id);
    }
  }

  /** Removes what only an unfinished task needs. An upload is the one thing that cannot be had again. */
  async clearAway({ id, source }: Task): Promise<void> {
    const { storage, keepsUploads } = this.#o;
    if (keepsUploads && source.type === 'upload') await storage.keepUpload(id);
    await storage.removeInterim(id);
  }

  #over(id: string): undefined {
    this.#forecast.end(id, false);
    return undefined;
  }
}

const taskProgress = (news: ClipProgress, base: number): TaskProgress => ({
  ...news,
  progress: base + (1 - base) * news.progress,
});
