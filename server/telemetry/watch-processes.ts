import { collectDefaultMetrics } from 'prom-client';
import type { Job } from '../../pipeline/clip-job.js';
import type { ModelManifest } from '../../pipeline/manifest.js';
import type { WorkerPool } from '../../pipeline/worker-pool.js';
import type { Config } from '../config.js';
import type { PictureProcesses } from '../images/picture-processes.js';
import { freeBytes } from '../media/free-space.js';
import { residentBytes } from '../process-memory.js';
import type { Retention } from '../tasks/retention.js';
import type { TaskRunner } from '../tasks/runner.js';
import type { TaskTable } from '../tasks/table.js';
import { serviceVersion } from '../version.js';
import type { Metrics } from './metrics.js';

export interface ProcessWatch {
  readonly metrics: Metrics;
  readonly manifest: ModelManifest;
  readonly workers: Pick<WorkerPool, 'workers'>;
  readonly pictures: PictureProcesses;
  readonly table: TaskTable;
  readonly runner: TaskRunner;
  readonly retention: Retention;
  readonly config: Pick<Config, 'dataDir'>;
}

/** Sampling steps of a whole job, all variations or scenes together. */
const stepsOf = (job: Job): number =>
  job.kind === 'story'
    ? (job.params.clip?.steps ?? 0) * job.pictures.length
    : job.params.steps * job.params.num_cols;

/** Measures what this process and its children do and take. */
export function watchProcesses(o: ProcessWatch): void {
  const { metrics, workers, pictures, table, runner, retention, config } = o;
  collectDefaultMetrics({ register: metrics.registry });
  const { name, version, family } = o.manifest;
  metrics.describe({
    version: serviceVersion(),
    node: process.version,
    model: name,
    model_version: version,
    family,
  });
  workers.workers.forEach((worker) => {
    worker.on('died', () => metrics.workerDeaths.inc({ device: worker.device }));
    worker.on('done', (job, { milliseconds, resumedSteps = 0 }) => {
      metrics.job(milliseconds, stepsOf(job) - resumedSteps);
    });
  });
  pictures.on('died', (end) => metrics.pictureProcessDeaths.inc({ end }));
  metrics.watch({
    waiting: () => runner.waiting,
    running: () => table.count({ status: 'processing' }),
    mediaBytes: () => retention.mediaBytes,
    freeDiskBytes: () => freeBytes(config.dataDir),
    childMemory: async () => {
      const children = [
        ...workers.workers.map(({ info }, i) => [`worker ${i}`, info?.pid] as const),
        ...pictures.pids.map((pid, i) => [`pictures ${i}`, pid] as const),
      ];
      return new Map(
        await Promise.all(children.map(async ([name, pid]) => [name, await residentBytes(pid)] as const)),
      );
    },
  });
}
