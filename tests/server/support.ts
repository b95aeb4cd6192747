import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import type { ClipJob, ClipResult } from '../../pipeline/clip-job.js';
import { WorkerPool } from '../../pipeline/worker-pool.js';
import type { RunOptions } from '../../pipeline/worker-process.js';
import { createApp } from '../../server/app.js';
import { readConfig } from '../../server/config.js';
import { listener } from '../../server/listener.js';
import type { PictureObtainer } from '../../server/images/obtain.js';
import { PICTURE_LIMITS } from '../../server/images/picture.js';
import { createMediaStorage, type MediaStorage } from '../../server/media/storage.js';
import { TaskRunner } from '../../server/tasks/runner.js';
import type { TaskTable } from '../../server/tasks/table.js';
import type { TaskView } from '../../server/tasks/view.js';
import { manifest } from '../pipeline/manifests.js';
import { openTable } from './tasks/support.js';

export interface TestService {
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  readonly table: TaskTable;
  readonly storage: MediaStorage;
  readonly runner: TaskRunner;
  /** Jobs that reached the (stand-in) worker. */
  readonly jobs: ClipJob[];
  /** Waits until a task has ended, and gives its wire form. */
  readonly ended: (id: string) => Promise<TaskView>;
  readonly close: () => Promise<void>;
}

/** What the stand-in worker writes as a clip. */
export const VIDEO = Buffer.from('0123456789 not really a video');

const makeClip = async (job: ClipJob): Promise<ClipResult> => {
  const videos = Array.from({ length: job.params.num_cols }, (_, i) => ({
    file: `video-${i}.mp4`,
    thumbnail: `thumbnail-${i}.png`,
    seed: job.params.seed + i,
    frames: job.params.T,
    bytes: VIDEO.length,
  }));
  for (const { file, thumbnail } of videos) {
    await writeFile(join(job.folder, file), VIDEO);
    await writeFile(join(job.folder, thumbnail), 'png');
  }
  const milliseconds = { encode: 1, sample: 1, decode: 1, write: 1 };
  if (videos.length === 1) return { videos, warnings: [], milliseconds };
  await writeFile(join(job.folder, 'grid.mp4'), 'grid');
  return { videos, grid: 'grid.mp4', warnings: [], milliseconds };
};

/** The whole service on a loopback port with a real table and storage; only the clips and prompts' pictures are made up. */
export async function startService(
  options: {
    readonly make?: (job: ClipJob, options: RunOptions) => Promise<ClipResult>;
    readonly env?: NodeJS.ProcessEnv;
    readonly pictures?: PictureObtainer;
    readonly log?: Logger;
  } = {},
): Promise<TestService> {
  const folder = mkdtempSync(join(tmpdir(), 'service-'));
  const table = await openTable();
  const storage = createMediaStorage(folder);
  const log = options.log ?? pino({ level: 'silent' });
  const jobs: ClipJob[] = [];
  const runner = new TaskRunner({
    table,
    storage,
    log,
    pictures: options.pictures ?? {
      obtain: ({ type }) =>
        type === 'upload'
          ? Promise.reject(new Error('An uploaded picture is stored before its task exists'))
          : Promise.resolve({ png: Buffer.from('png'), placeholder: true }),
    },
    workers: {
      size: 1,
      run: (job, run) => {
        jobs.push(job);
        return (options.make ?? makeClip)(job, run);
      },
    },
    pictureConcurrency: 2,
    clipTimeoutMs: 60_000,
  });
  const app = createApp({
    config: readConfig({ ...options.env }),
    manifest: manifest(),
    table,
    runner,
    storage,
    pictureLimits: PICTURE_LIMITS,
    workers: new WorkerPool([]),
    log,
  });
  const server = listener(createServer(), app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const ended = async (id: string): Promise<TaskView> => {
    for (;;) {
      const next = new Promise((resolve) => table.once('change', resolve));
      const task = await table.get(id);
      if (task?.status === 'completed' || task?.status === 'error') {
        return (await (await fetch(`${url}/status?id=${id}`)).json()) as TaskView;
      }
      await next;
    }
  };
  const close = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
    await runner.close(0);
    await table.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, port, folder, table, storage, runner, jobs, ended, close };
}
