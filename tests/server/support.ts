import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Koa from 'koa';
import { pino, type Logger } from 'pino';
import type { ClipJob, ClipResult, Job } from '../../pipeline/clip-job.js';
import { PipelineError } from '../../pipeline/errors.js';
import { clipCost } from '../../pipeline/clip-cost.js';
import type { ModelManifest } from '../../pipeline/manifest.js';
import type { StoryJob } from '../../pipeline/story-job.js';
import { storyFrames } from '../../pipeline/story-plan.js';
import { WorkerPool } from '../../pipeline/worker-pool.js';
import { WorkerProcess, type RunOptions } from '../../pipeline/worker-process.js';
import type { EventTimes } from '../../server/api/event-stream.js';
import { createWebhookBody } from '../../server/api/webhook-body.js';
import { createApp } from '../../server/app.js';
import { readConfig } from '../../server/config.js';
import { readPage } from '../../server/dashboard/page.js';
import { listener } from '../../server/listener.js';
import type { PictureObtainer } from '../../server/images/obtain.js';
import { localPictureWork } from '../../server/images/local-picture-work.js';
import { PICTURE_LIMITS } from '../../server/images/picture.js';
import type { PictureWork } from '../../server/images/picture-work.js';
import { createMediaStorage, type MediaStorage } from '../../server/media/storage.js';
import { Retention } from '../../server/tasks/retention.js';
import { TaskRunner } from '../../server/tasks/runner.js';
import { openDatabase } from '../../server/tasks/database.js';
import { TaskTable } from '../../server/tasks/table.js';
import type { TaskView } from '../../server/tasks/view.js';
import { Metrics } from '../../server/telemetry/metrics.js';
import { watchTasks } from '../../server/telemetry/watch-tasks.js';
import { createWebhooks, type WebhookOptions } from '../../server/webhooks/index.js';
import { manifest } from '../pipeline/manifests.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
}

export type Make = (job: ClipJob, options: RunOptions) => Promise<ClipResult>;
export type MakeStory = (job: StoryJob, options: RunOptions) => Promise<ClipResult>;

export interface TestService {
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  readonly server: Server;
  readonly app: Koa;
  readonly table: TaskTable;
  readonly storage: MediaStorage;
  readonly runner: TaskRunner;
  /** Not started: its rounds are called for. */
  readonly retention: Retention;
  /** Jobs that reached the (stand-in) worker. */
  readonly jobs: ClipJob[];
  readonly stories: StoryJob[];
  /** One request: a plain body goes as JSON, a form as multipart. */
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer>;
  /** Waits until a task has ended, and gives its wire form. */
  readonly ended: (id: string) => Promise<TaskView>;
  readonly close: () => Promise<void>;
}

/** The dashboard as it was built. */
const PAGE = fileURLToPath(new URL('../../dist/page', import.meta.url));

/** What the stand-in worker writes as a clip. */
export const VIDEO = Buffer.from('0123456789 not really a video');

export const makeClip = async (job: ClipJob): Promise<ClipResult> => {
  const videos = Array.from({ length: job.params.num_cols }, (_, i) => ({
    file: `video-${i}.mp4`,
    thumbnail: `thumbnail-${i}.png`,
    seed: job.params.seed + i,
    frames: job.params.T,
    bytes: VIDEO.length,
    ...(job.params.outputs === 'mp4+gif' ? { gif: `video-${i}.gif` } : {}),
  }));
  for (const { file, thumbnail, gif } of videos) {
    if (gif !== undefined) await writeFile(join(job.folder, gif), 'gif');
    await writeFile(join(job.folder, file), VIDEO);
    await writeFile(join(job.folder, thumbnail), 'png');
  }
  const evaluations = { full: job.params.steps * videos.length, shallow: 0 };
  const milliseconds = { encode: 1, sample: 1, decode: 1, write: 1 };
  if (videos.length === 1) return { videos, warnings: [], evaluations, milliseconds };
  await writeFile(join(job.folder, 'grid.mp4'), 'grid');
  return { videos, grid: 'grid.mp4', warnings: [], evaluations, milliseconds };
};

export const makeStory = async (job: StoryJob): Promise<ClipResult> => {
  await writeFile(join(job.folder, 'video-0.mp4'), VIDEO);
  await writeFile(join(job.folder, 'thumbnail-0.png'), 'png');
  const frames = storyFrames(job.pictures.length, job.params);
  const video = { file: 'video-0.mp4', thumbnail: 'thumbnail-0.png', seed: job.params.seed };
  const milliseconds = { encode: 0, sample: 0, decode: 0, write: 1 };
  return { videos: [{ ...video, frames, bytes: VIDEO.length }], warnings: [], milliseconds };
};

/** What a stand-in worker does for either kind of job. */
export const standIn =
  (clip: Make = makeClip, story: MakeStory = makeStory) =>
  (job: Job, options: RunOptions): Promise<ClipResult> =>
    job.kind === 'story' ? story(job, options) : clip(job, options);

/** Clips that stand at a step until they are told to end, or are cancelled. */
export interface HeldClips {
  readonly make: Make;
  /** Waits until the clip of a task runs. */
  readonly running: (id: string) => Promise<void>;
  /** Lets a clip end, now or when it runs. */
  readonly release: (id: string) => void;
}

export function holdClips(): HeldClips {
  const gates = new Map<string, { running: PromiseWithResolvers; released: PromiseWithResolvers }>();
  const gate = (id: string) => {
    const found = gates.get(id) ?? { running: withResolvers(), released: withResolvers() };
    gates.set(id, found);
    return found;
  };
  return {
    make: async (job, { signal, onProgress }) => {
      onProgress?.({ stage: 'sample', part: 1, parts: 1, step: 1, steps: 4, progress: 0.25 });
      gate(job.id).running.resolve();
      await new Promise<void>((resolve, reject) => {
        const cancel = (): void => reject(new PipelineError('cancelled', 'Cancelled'));
        if (signal?.aborted) cancel();
        signal?.addEventListener('abort', cancel);
        void gate(job.id).released.promise.then(resolve);
      });
      return makeClip(job);
    },
    running: (id) => gate(id).running.promise,
    release: (id) => gate(id).released.resolve(),
  };
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

export function withResolvers(): PromiseWithResolvers {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((r) => (resolve = r));
  return { promise, resolve };
}

/** The whole service on a loopback port with a real table and storage; only the clips and prompts' pictures are made up. */
export async function startService(
  options: {
    readonly make?: Make;
    readonly makeStory?: MakeStory;
    readonly obtain?: PictureObtainer['obtain'];
    readonly env?: NodeJS.ProcessEnv;
    readonly pictures?: PictureObtainer;
    /** Those that the service believes it has; jobs go to the stand-in. */
    readonly workers?: WorkerPool;
    readonly pictureWork?: PictureWork;
    readonly log?: Logger;
    readonly manifest?: ModelManifest;
    /** The clock of the retention. */
    readonly now?: () => number;
    readonly webhooks?: Partial<WebhookOptions>;
    readonly eventTimes?: Partial<EventTimes>;
    /** A data folder that outlives the service, for one that starts again; the table then lies in it. */
    readonly folder?: string;
  } = {},
): Promise<TestService> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'service-'));
  const config = readConfig({ DATA_DIR: folder, ...options.env });
  const log = options.log ?? pino({ level: 'silent' });
  const db = await openDatabase(options.folder === undefined ? ':memory:' : join(folder, 'tasks.db'));
  const toBody = createWebhookBody(config.baseUrl);
  const metrics = new Metrics();
  const webhooks = await createWebhooks(db, {
    ...config.webhooks,
    toBody,
    log,
    onAttempt: (outcome) => metrics.webhookAttempts.inc({ outcome }),
    ...options.webhooks,
  });
  const table = await TaskTable.open(db, webhooks.journal);
  const storage = createMediaStorage(folder);
  const jobs: ClipJob[] = [];
  const stories: StoryJob[] = [];
  const work = standIn(options.make, options.makeStory);
  const model = options.manifest ?? manifest();
  const runner = new TaskRunner({
    table,
    storage,
    log,
    pictures: options.pictures ?? {
      obtain: (source, params, obtaining) =>
        source.type === 'upload'
          ? Promise.reject(new Error('An uploaded picture is stored before its task exists'))
          : (options.obtain?.(source, params, obtaining) ??
            Promise.resolve({ png: Buffer.from('png'), placeholder: true, note: 'a placeholder' })),
    },
    workers: {
      size: 1,
      run: (job, run) => {
        if (job.kind === 'story') stories.push(job);
        else jobs.push(job);
        return work(job, run);
      },
    },
    pictureConcurrency: 2,
    clipTimeoutMs: 60_000,
    keepsUploads: config.retention.keepUploadsMs > 0,
    clipCost: (params) => clipCost(params, model),
  });
  webhooks.start(table);
  await runner.recover();
  const now = options.now ? { now: options.now } : {};
  const retention = new Retention({ ...config.retention, db, table, storage, runner, log, ...now });
  watchTasks({ table, metrics, log, prompts: config.logPrompts });
  const app = createApp({
    config,
    manifest: model,
    table,
    runner,
    storage,
    pictureLimits: PICTURE_LIMITS,
    pictureWork: options.pictureWork ?? localPictureWork,
    workers: options.workers ?? new WorkerPool([new WorkerProcess({ modelFolder: folder, device: 'cpu' })]),
    log,
    page: await readPage(PAGE),
    metrics,
    ...(options.eventTimes ? { eventTimes: options.eventTimes } : {}),
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
  const call: TestService['call'] = async (method, path, body, headers = {}) => {
    const json = body !== undefined && !(body instanceof FormData);
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...(json ? { 'content-type': 'application/json' } : {}), ...headers },
      ...(body === undefined ? {} : { body: json ? JSON.stringify(body) : body }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? {} : JSON.parse(text),
    };
  };
  const close = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
    await runner.close(0);
    await retention.close();
    await webhooks.close();
    await table.close();
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  };
  return {
    url,
    port,
    folder,
    server,
    app,
    table,
    storage,
    runner,
    retention,
    jobs,
    stories,
    call,
    ended,
    close,
  };
}
