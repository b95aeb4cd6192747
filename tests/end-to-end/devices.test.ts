import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { tinyDecoder, tinyUnet } from '../pipeline/tiny/graphs.js';
import { writeTinyModel } from '../pipeline/tiny/model-folder.js';
import { hasEnded, logged, poll, post, startServer, type ServerProcess } from './server-process.js';

const rocket = readFileSync(fileURLToPath(new URL('../data/rocket.jpg', import.meta.url)));
const folders: string[] = [];
const running: ServerProcess[] = [];
afterAll(async () => {
  await Promise.all(running.map((server) => server.end('SIGKILL')));
  folders.forEach((folder) => rmSync(folder, { recursive: true }));
});

/** The built service over a tiny model of SVD's family, on a machine whose CUDA devices are hidden. */
async function start(
  env: Record<string, string>,
  graphs: Parameters<typeof writeTinyModel>[0] = {},
): Promise<ServerProcess> {
  const model = writeTinyModel(graphs);
  const data = mkdtempSync(join(tmpdir(), 'devices-'));
  folders.push(model, data);
  const server = await startServer({ MODEL: model, DATA_DIR: data, CUDA_VISIBLE_DEVICES: '-1', ...env });
  running.push(server);
  return server;
}

interface Health {
  readonly status: string;
  readonly model_loaded: boolean;
  readonly device: string;
  readonly workers: readonly Record<string, unknown>[];
}

/** GET /health once the worker has settled. */
async function settledHealth({ url }: ServerProcess): Promise<Health> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const health = (await (await fetch(`${url}/health`)).json()) as Health;
    const isSettled = health.model_loaded || health.status === 'degraded';
    if (isSettled || Date.now() > deadline) return health;
    await pause(20);
  }
}

describe('a device that is not there', () => {
  test('is an error at the start, in the log, in /health and of every task, when CUDA was asked for', async () => {
    const server = await start({ DEVICE: 'cuda' });
    const health = await settledHealth(server);
    expect(health).toMatchObject({
      status: 'degraded',
      model_loaded: false,
      device: 'not set',
      workers: [
        {
          state: 'unusable',
          device: null,
          error: {
            code: 'device_unavailable',
            message: expect.stringMatching(/cuda:0 cannot be used: .*CUDA/),
          },
        },
      ],
    });
    await logged(server, { level: 50, device: 'cuda', msg: 'worker cannot be used' });
    const { id } = await post(server.url, {}, rocket);
    const task = await poll(server.url, id, hasEnded);
    expect(task).toMatchObject({ status: 'error', error: { code: 'device_unavailable' } });
  });

  test('makes room for the CPU, with a warning, when any device will do', async () => {
    const server = await start({ DEVICE: 'auto' });
    expect(await settledHealth(server)).toMatchObject({
      status: 'healthy',
      model_loaded: true,
      device: 'cpu',
      workers: [{ state: 'idle', device: 'cpu', warning: expect.stringMatching(/CUDA.*running on the CPU/) }],
    });
    await logged(server, { level: 40, msg: 'worker ready' });
  });
});

describe('a device that is too small', () => {
  test('makes the clip in smaller pieces, and the task says so beside its own warnings', async () => {
    const server = await start(
      { DEVICE: 'cpu', LOW_VRAM: '1' },
      { unet: tinyUnet({ fits: 1 }), vae_decoder: tinyDecoder({ fits: 2 }) },
    );
    expect(await settledHealth(server)).toMatchObject({ status: 'healthy', device: 'cpu' });
    const { id } = await post(server.url, { decoding_t: '4', sampler: 'DPMPP2MSampler', order: '3' }, rocket);
    const task = await poll(server.url, id, hasEnded);
    expect(task).toMatchObject({
      status: 'completed',
      warnings: [
        expect.stringMatching(/order has no effect/),
        expect.stringMatching(/Out of memory: .*guidance/),
        expect.stringMatching(/Out of memory: .*decoded 2 at a time, not 4/),
      ],
      params: expect.objectContaining({ decoding_t: 4, decoding_overlap: 0 }),
    });
  });

  test('fails the task with its own code when no piece is small enough, and goes on', async () => {
    const server = await start({ DEVICE: 'cpu' }, { vae_decoder: tinyDecoder({ fits: 0 }) });
    const { id } = await post(server.url, {}, rocket);
    const task = await poll(server.url, id, hasEnded);
    expect(task).toMatchObject({
      status: 'error',
      stage: 'decode',
      error: {
        code: 'out_of_memory',
        message: expect.stringMatching(/while decoding \(5 frames of 64×64\)/),
      },
    });
    expect(await settledHealth(server)).toMatchObject({ status: 'healthy', workers: [{ state: 'idle' }] });
  });
});
