import { afterEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClipJob, ClipProgress } from '../../pipeline/clip-job.js';
import { PipelineError } from '../../pipeline/errors.js';
import type { ClipPreview } from '../../pipeline/preview.js';
import { WorkerPool } from '../../pipeline/worker-pool.js';
import { WorkerProcess, type WorkerOptions, type WorkerState } from '../../pipeline/worker-process.js';
import { resolveClip } from '../../pipeline/clip-request.js';
import { manifest } from './manifests.js';

const entry = fileURLToPath(new URL('./fake-worker.mjs', import.meta.url));
const { params } = resolveClip({}, manifest());
const started: WorkerProcess[] = [];

const make = (options: Partial<WorkerOptions> = {}): WorkerProcess => {
  const worker = new WorkerProcess({
    entry,
    modelFolder: 'whole',
    device: 'cpu',
    restartDelayMs: 1,
    cancelGraceMs: 50,
    ...options,
  });
  started.push(worker);
  return worker;
};
const launch = (options?: Partial<WorkerOptions>): WorkerProcess => {
  const worker = make(options);
  worker.start();
  return worker;
};
/** `what` is the fake worker's behaviour. */
const job = (what: string, id = 'a', folder = '/nowhere'): ClipJob => ({ id, picture: what, params, folder });
const failure = (promise: Promise<unknown>): Promise<PipelineError> =>
  promise.then(
    () => {
      throw new Error('It succeeded');
    },
    (error: PipelineError) => error,
  );
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

afterEach(async () => {
  await Promise.all(started.splice(0).map((worker) => worker.stop()));
});

describe('a worker', () => {
  test('runs jobs one after the other and reports their progress', async () => {
    const worker = launch();
    const seen: ClipProgress[] = [];
    const result = await worker.run(job('finish'), { onProgress: (progress) => seen.push(progress) });
    expect(result.videos[0].file).toBe('video-0.mp4');
    expect(seen).toEqual([{ stage: 'sample', step: 1, steps: 2, progress: 0.5 }]);
    expect(worker.state).toBe('idle');
    await worker.run(job('finish', 'b'));
    expect(worker.info?.device).toBe('cpu');
  });

  test('shows what a clip looks like so far', async () => {
    const seen: ClipPreview[] = [];
    await launch().run(job('show'), { onPreview: (preview) => seen.push(preview) });
    expect(seen).toEqual([{ width: 1, height: 1, frames: 1, frameMs: 40, rgb: Uint8Array.of(1, 2, 3) }]);
  });

  test.each([
    [{}, []],
    [{ lowVram: true }, ['--low-vram']],
    [{ lowVram: true, halfBatch: true }, ['--low-vram', '--half-batch']],
  ])('is told how to use its device: %p', async (options, flags) => {
    const { warnings } = await launch(options).run(job('tellFlags'));
    expect(warnings).toEqual(flags);
  });

  test('a failed clip is a PipelineError with the worker’s code, and the worker goes on', async () => {
    const worker = launch();
    const error = await failure(worker.run(job('fail')));
    expect(error).toBeInstanceOf(PipelineError);
    expect(error).toMatchObject({ code: 'not_finite', message: 'NaN at step 3' });
    await worker.run(job('finish'));
  });

  test('a worker that dies rejects its job and is replaced', async () => {
    const worker = launch();
    await worker.whenReady();
    const first = worker.info?.pid;
    expect(await failure(worker.run(job('crash')))).toMatchObject({ code: 'worker_crashed' });
    expect(worker.state).toBe('restarting');
    await worker.run(job('finish'));
    expect(worker.info?.pid).not.toBe(first);
  });

  test('a cancelled job ends as cancelled and leaves the process alive when it obeys', async () => {
    const worker = launch();
    const abort = new AbortController();
    const error = failure(worker.run(job('obey'), { signal: abort.signal, onProgress: () => abort.abort() }));
    expect(await error).toMatchObject({ code: 'cancelled' });
    const pid = worker.info?.pid;
    await worker.run(job('finish'));
    expect(worker.info?.pid).toBe(pid);
  });

  test('a cancelled job that does not obey is ended by killing its process', async () => {
    const worker = launch();
    const abort = new AbortController();
    const error = failure(worker.run(job('hang'), { signal: abort.signal, onProgress: () => abort.abort() }));
    expect(await error).toMatchObject({ code: 'cancelled' });
    await worker.run(job('finish'));
  });

  test('a job past its time limit ends as timeout', async () => {
    expect(await failure(launch().run(job('hang'), { timeoutMs: 20 }))).toMatchObject({ code: 'timeout' });
  });

  test('a job aborted before it starts never reaches the process', async () => {
    const worker = launch();
    const seen: unknown[] = [];
    const run = worker.run(job('crash'), { signal: AbortSignal.abort(), onProgress: (p) => seen.push(p) });
    expect(await failure(run)).toMatchObject({ code: 'cancelled' });
    await worker.run(job('finish'));
    expect(seen).toEqual([]);
  });

  test('a model that cannot be used refuses every job with the reason', async () => {
    const worker = launch({ modelFolder: 'broken' });
    const expected = { code: 'invalid_model', message: 'unet.onnx is missing' };
    expect(await failure(worker.run(job('finish')))).toMatchObject(expected);
    expect(worker.state).toBe('unusable');
    expect(worker.error).toMatchObject(expected);
  });

  test('stop ends the process and a running job', async () => {
    const worker = launch();
    await worker.whenReady();
    const pid = worker.info?.pid ?? 0;
    const running = failure(worker.run(job('hang')));
    await once(worker, 'state');
    await worker.stop();
    expect(await running).toMatchObject({ code: 'cancelled' });
    expect(isAlive(pid)).toBe(false);
    expect(worker.state).toBe('stopped');
  });
});

describe('a pool', () => {
  test('gives jobs to free workers and lets the others wait', async () => {
    const pool = new WorkerPool([make(), make()]);
    pool.start();
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const results = await Promise.all(ids.map((id) => pool.run(job('finish', id), {})));
    expect(results).toHaveLength(5);
  });

  test('of one worker makes jobs wait for each other', async () => {
    const pool = new WorkerPool([make()]);
    pool.start();
    const results = await Promise.all(['a', 'b', 'c'].map((id) => pool.run(job('finish', id), {})));
    expect(results).toHaveLength(3);
  });

  test('works on with the workers that can be used', async () => {
    const pool = new WorkerPool([make({ modelFolder: 'broken' }), make()]);
    pool.start();
    await failure(pool.workers[0].whenReady());
    await pool.run(job('finish'), {});
    await pool.run(job('finish'), {});
  });

  test('knows its largest device, as soon as the memory is known of each that can be used', () => {
    const worker = (state: WorkerState, device?: string, memoryBytes?: number) =>
      ({ state, info: device && { device, memoryBytes } }) as WorkerProcess;
    const largest = (...workers: WorkerProcess[]) => new WorkerPool(workers).largestDevice;
    const two = [worker('idle', 'cuda:0', 8), worker('busy', 'cuda:1', 24)];
    expect(largest(...two, worker('unusable', 'cuda:2', 80))).toEqual({ device: 'cuda:1', memoryBytes: 24 });
    expect(largest(...two, worker('starting'))).toBeUndefined();
    expect(largest(...two, worker('idle', 'cuda:2'))).toBeUndefined();
    expect(largest(worker('unusable', 'cuda:0', 8))).toBeUndefined();
  });

  test('with no usable worker says why', async () => {
    const pool = new WorkerPool([make({ modelFolder: 'broken' })]);
    pool.start();
    await failure(pool.workers[0].whenReady());
    expect(await failure(pool.run(job('finish'), {}))).toMatchObject({ code: 'invalid_model' });
  });

  test('a job that finds its worker dying waits for the replacement', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pool-'));
    try {
      const pool = new WorkerPool([make()]);
      pool.start();
      const crashing = failure(pool.run(job('crashOnce', 'a', join(folder, 'mark')), {}));
      const next = pool.run(job('finish', 'b'), {});
      expect(await crashing).toMatchObject({ code: 'worker_crashed' });
      expect((await next).videos).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
