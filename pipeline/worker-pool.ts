import type { ClipResult, Job, KnownDevice } from './clip-job.js';
import { PipelineError } from './errors.js';
import type { RunOptions, WorkerProcess } from './worker-process.js';

/** One worker for each device; a job goes to whichever is free. */
export class WorkerPool {
  readonly #taken = new Set<WorkerProcess>();

  constructor(readonly workers: readonly WorkerProcess[]) {}

  get size(): number {
    return this.workers.length;
  }

  /** Whether there is a worker that takes jobs, or will once it has started. */
  get usable(): boolean {
    return this.#usable.length > 0;
  }

  /** The device that has most memory; undefined while that is not known of each. */
  get largestDevice(): KnownDevice | undefined {
    let largest: KnownDevice | undefined;
    for (const { info } of this.#usable) {
      if (info?.memoryBytes === undefined) return undefined;
      const { device, memoryBytes } = info;
      if (memoryBytes > (largest?.memoryBytes ?? 0)) largest = { device, memoryBytes };
    }
    return largest;
  }

  get #usable(): readonly WorkerProcess[] {
    return this.workers.filter(({ state }) => state !== 'unusable' && state !== 'stopped');
  }

  start(): void {
    for (const worker of this.workers) worker.start();
  }

  /**
   * Runs a job on a free worker, waiting for one when all are taken.
   * @throws PipelineError: what ended the clip, or why no worker can be used
   */
  async run(job: Job, options: RunOptions): Promise<ClipResult> {
    const worker = await this.#take();
    try {
      return await worker.run(job, options);
    } finally {
      this.#taken.delete(worker);
      worker.emit('state'); // whoever waits for a worker looks again
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }

  async #take(): Promise<WorkerProcess> {
    for (;;) {
      const usable = this.#usable;
      if (usable.length === 0) {
        throw (
          this.workers.find(({ error }) => error)?.error ??
          new PipelineError('device_unavailable', 'No worker can be used')
        );
      }
      const free = usable.filter((worker) => !this.#taken.has(worker));
      const chosen = free.find(({ state }) => state === 'idle') ?? free[0];
      if (chosen) {
        this.#taken.add(chosen);
        return chosen;
      }
      await new Promise<void>((resolve) => {
        const look = (): void => {
          for (const worker of usable) worker.off('state', look);
          resolve();
        };
        for (const worker of usable) worker.on('state', look);
      });
    }
  }
}
