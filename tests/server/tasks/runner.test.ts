import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { access, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { ClipJob, ClipResult } from '../../../pipeline/clip-job.js';
import { PipelineError } from '../../../pipeline/errors.js';
import type { RunOptions } from '../../../pipeline/worker-process.js';
import { ServiceError } from '../../../server/errors.js';
import type { ObtainOptions } from '../../../server/images/obtain.js';
import { createMediaStorage, type MediaStorage } from '../../../server/media/storage.js';
import { TaskRunner } from '../../../server/tasks/runner.js';
import type { TaskTable } from '../../../server/tasks/table.js';
import type { NewTask, TaskSource } from '../../../server/tasks/task.js';
import { ended, newTask, openTable, until } from './support.js';

const PROMPT: TaskSource = { type: 'prompt', prompt: 'a fox' };
const PNG = Buffer.from('picture');

type Make = (job: ClipJob, options: RunOptions) => Promise<ClipResult>;
type Obtain = (source: TaskSource, options: ObtainOptions) => Promise<{ png: Buffer; placeholder: boolean }>;

const made: Make = async ({ folder }, { onProgress }) => {
  onProgress?.({ stage: 'sample', part: 1, parts: 1, step: 1, steps: 2, progress: 0.5 });
  await writeFile(join(folder, 'video-0.mp4'), 'video');
  const video = { file: 'video-0.mp4', thumbnail: 'thumbnail-0.png', seed: 7, frames: 25, bytes: 5 };
  const milliseconds = { encode: 1, sample: 1, decode: 1, write: 1 };
  return { videos: [video], warnings: [], evaluations: { full: 1, shallow: 0 }, milliseconds };
};
const untilAborted: Make = (_job, { signal }) =>
  new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(new PipelineError('cancelled', 'Cancelled')));
  });

let folder: string;
let table: TaskTable;
let storage: MediaStorage;
const runners: TaskRunner[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'runner-'));
  table = await openTable();
  storage = createMediaStorage(folder);
});
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.close(0)));
  await table.close();
  rmSync(folder, { recursive: true });
});

const start = ({ make = made, obtain }: { make?: Make; obtain?: Obtain } = {}): TaskRunner => {
  const runner = new TaskRunner({
    table,
    storage,
    pictures: {
      obtain: (source, _params, options) =>
        obtain?.(source, options) ?? Promise.resolve({ png: PNG, placeholder: true }),
    },
    workers: { size: 1, run: make },
    log: pino({ level: 'silent' }),
    pictureConcurrency: 2,
    clipTimeoutMs: 60_000,
    keepsUploads: false,
    clipCost: ({ W, H, T, steps }) => W * H * T * steps,
  });
  runners.push(runner);
  return runner;
};
const submit = async (runner: TaskRunner, changes: Partial<NewTask> = {}): Promise<string> => {
  const task = newTask(changes);
  if (task.source.type === 'upload') await storage.write(storage.picture(task.id), PNG);
  return (await runner.submit(task)).id;
};

describe('a task', () => {
  test('with an upload is queued in its answer and ends completed, its files in place and its picture gone', async () => {
    const runner = start();
    const task = newTask();
    await storage.write(storage.picture(task.id), PNG);
    expect(await runner.submit(task)).toMatchObject({ status: 'queued', queue_position: 1, video_url: null });
    expect(await ended(table, task.id)).toMatchObject({ status: 'completed', progress: 1 });
    await access(storage.file(task.id, 'video-0.mp4'));
    await runner.close(1000);
    expect(await storage.hasPicture(task.id)).toBe(false);
    expect(await readdir(join(folder, 'work'))).toEqual([]);
  });

  test('is never completed before its file is in place', async () => {
    const runner = start();
    const id = await submit(runner);
    let inPlace: boolean | undefined;
    table.on('change', () => {
      void table.get(id).then(async (task) => {
        if (task?.status !== 'completed') return;
        inPlace ??= await access(storage.file(id, 'video-0.mp4')).then(
          () => true,
          () => false,
        );
      });
    });
    await ended(table, id);
    await runner.close(1000);
    expect(inPlace).toBe(true);
  });

  test('tells what its request and its clip had to warn of', async () => {
    const make: Make = async (job, options) => ({
      ...(await made(job, options)),
      warnings: ['Out of memory: decoded 2 at a time'],
    });
    const id = await submit(start({ make }), { warnings: ['rho has no effect'] });
    expect(await ended(table, id)).toMatchObject({
      status: 'completed',
      warnings: ['rho has no effect', 'Out of memory: decoded 2 at a time'],
      result: expect.not.objectContaining({ warnings: expect.anything() }),
    });
  });

  test('from a prompt gets its picture first and says when that is a placeholder', async () => {
    const id = await submit(start(), { source: PROMPT });
    const task = await ended(table, id);
    expect(task).toMatchObject({ status: 'completed', placeholder: true });
  });

  test('whose picture cannot be had ends as an error with the reason', async () => {
    const obtain: Obtain = () =>
      Promise.reject(new ServiceError(502, 'image_unreachable', 'Error retrieving image: HTTP 404'));
    const id = await submit(start({ obtain }), {
      source: { type: 'image_url', image_url: 'http://a.example/' },
    });
    expect(await ended(table, id)).toMatchObject({
      status: 'error',
      stage: 'image',
      error: { code: 'image_unreachable', message: 'Error retrieving image: HTTP 404' },
    });
  });

  test('whose clip fails ends as an error and the next one runs', async () => {
    let calls = 0;
    const make: Make = (job, options) =>
      calls++ === 0 ? Promise.reject(new PipelineError('not_finite', 'NaN at step 2')) : made(job, options);
    const runner = start({ make });
    const [bad, good] = [await submit(runner), await submit(runner)];
    expect(await ended(table, bad)).toMatchObject({ status: 'error', error: { code: 'not_finite' } });
    expect(await ended(table, good)).toMatchObject({ status: 'completed' });
    await runner.close(1000);
    expect(await storage.hasPicture(bad)).toBe(false);
  });

  test('never shows the text of an unexpected error', async () => {
    const make: Make = () => Promise.reject(new Error('secret path /root/key'));
    const task = await ended(table, await submit(start({ make })));
    expect(task.error?.code).toBe('internal_error');
    expect(JSON.stringify(task)).not.toContain('secret');
  });
});

describe('a worker that dies', () => {
  const crash = (): Promise<never> =>
    Promise.reject(new PipelineError('worker_crashed', 'It died (SIGKILL)'));

  test('costs the task a try, not its life', async () => {
    let calls = 0;
    const make: Make = (job, options) => (calls++ < 2 ? crash() : made(job, options));
    expect(await ended(table, await submit(start({ make })))).toMatchObject({
      status: 'completed',
      crashes: 2,
    });
  });

  test('again and again over one task ends that task alone', async () => {
    const poison = newTask();
    const make: Make = (job, options) => (job.id === poison.id ? crash() : made(job, options));
    const runner = start({ make });
    await storage.write(storage.picture(poison.id), PNG);
    await runner.submit(poison);
    const good = await submit(runner);
    expect(await ended(table, poison.id)).toMatchObject({
      status: 'error',
      error: { code: 'worker_crashed' },
    });
    expect(await ended(table, good)).toMatchObject({ status: 'completed' });
  });
});

describe('a poisonous task', () => {
  const crash = (): Promise<never> =>
    Promise.reject(new PipelineError('worker_crashed', 'It died (SIGKILL)'));
  const upload = async (task: NewTask): Promise<NewTask> => {
    await storage.write(storage.picture(task.id), PNG);
    return task;
  };
  /** A killed service: what it leaves is a begun attempt. */
  const dieOver = async (id: string, times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      await table.begin(id, 0);
      await table.requeue(id, 'lost');
    }
  };

  test('is tried again in its place once, and then goes behind those that wait', async () => {
    const [poison, a, b] = [newTask(), newTask(), newTask()];
    const order: string[] = [];
    const runner = start({
      make: (job, options) => {
        order.push(job.id);
        return job.id === poison.id ? crash() : made(job, options);
      },
    });
    await Promise.all([poison, a, b].map(upload));
    await Promise.all([poison, a, b].map((task) => runner.submit(task)));
    expect(await ended(table, poison.id)).toMatchObject({ status: 'error', crashes: 2 });
    expect(order).toEqual([poison.id, poison.id, a.id, b.id, poison.id]);
  });

  test('over which the whole service died goes behind the others at the start, and is given up in the end', async () => {
    const [suspect, lost, once, fresh] = [newTask(), newTask(), newTask(), newTask()];
    for (const task of [suspect, lost, once, fresh]) await table.create(await upload(task));
    await dieOver(suspect.id, 9);
    await dieOver(lost.id, 10);
    await dieOver(once.id, 1);
    const order: string[] = [];
    const runner = start({ make: (job, options) => (order.push(job.id), made(job, options)) });
    await runner.recover();
    expect(await ended(table, lost.id)).toMatchObject({
      status: 'error',
      error: { code: 'worker_crashed', message: 'The service died 10 times in a row over this task' },
    });
    expect(await storage.hasPicture(lost.id)).toBe(false);
    expect(await ended(table, suspect.id)).toMatchObject({ status: 'completed' });
    expect(order).toEqual([once.id, fresh.id, suspect.id]);
  });

  test('is not what merely waited while the service died, or ran when it was stopped', async () => {
    const [waiting, running] = [await upload(newTask()), await upload(newTask())];
    for (const task of [running, waiting]) await table.create(task);
    for (let i = 0; i < 12; i++) {
      const runner = start({ make: untilAborted });
      await runner.recover();
      await until(table, running.id, ({ status }) => status === 'processing');
      await runner.close(0);
    }
    for (const { id } of [running, waiting]) {
      expect(await table.get(id)).toMatchObject({ status: 'queued', attempts: 0, crashes: 0 });
    }
  });
});

test('slow providers never hold the device', async () => {
  const obtain: Obtain = (_source, { signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
  const runner = start({ obtain });
  const slow = await submit(runner, { source: PROMPT });
  await submit(runner, { source: PROMPT });
  const quick = await submit(runner);
  expect(await ended(table, quick)).toMatchObject({ status: 'completed' });
  expect(await table.get(slow)).toMatchObject({ status: 'processing', stage: 'image' });
});

test('progress covers the picture and the clip without running backwards', async () => {
  const seen: number[] = [];
  const obtain: Obtain = (_source, { onProgress }) => {
    onProgress(0.5);
    return Promise.resolve({ png: PNG, placeholder: false });
  };
  const runner = start({ obtain });
  const id = await submit(runner, { source: PROMPT });
  table.on('change', () => void table.get(id).then((task) => seen.push(task?.progress ?? -1)));
  await ended(table, id);
  await runner.close(1000);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(seen).toEqual(expect.arrayContaining([0.025, 0.525, 1]));
});

describe('stopping and starting again', () => {
  test('a stop puts an unfinished clip back into the queue', async () => {
    const runner = start({ make: untilAborted });
    const id = await submit(runner);
    await until(table, id, ({ status }) => status === 'processing');
    await runner.close(0);
    expect(await table.get(id)).toMatchObject({ status: 'queued', startedAt: null });
    expect(await storage.hasPicture(id)).toBe(true);
  });

  test('a stop lets a clip finish that is quick enough', async () => {
    const runner = start();
    const id = await submit(runner);
    await until(table, id, ({ status }) => status === 'processing');
    await runner.close(60_000);
    expect(await table.get(id)).toMatchObject({ status: 'completed' });
  });

  test('a start goes on with what was queued or interrupted and clears what was left lying', async () => {
    const [queued, interrupted, gone] = [newTask(), newTask({ source: PROMPT }), newTask()];
    for (const task of [queued, interrupted]) await table.create(task);
    await storage.write(storage.picture(queued.id), PNG);
    await storage.write(storage.picture(gone.id), PNG);
    await table.start(interrupted.id, 'sample');
    await writeFile(join(await storage.createWork(queued.id), 'video-0.mp4.part'), 'half');
    const order: string[] = [];
    const runner = start({ make: (job, options) => (order.push(job.id), made(job, options)) });
    await runner.recover();
    await ended(table, interrupted.id);
    await ended(table, queued.id);
    await runner.close(1000);
    expect(order.sort()).toEqual([queued.id, interrupted.id].sort());
    expect(await storage.hasPicture(gone.id)).toBe(false);
    expect(await readdir(join(folder, 'work'))).toEqual([]);
  });
});
