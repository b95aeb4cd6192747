import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Replicate from 'replicate';
import { convertSvd } from '../../networks/svd/index.js';
import { hasEnded, poll, post, startServer, type ServerProcess } from './server-process.js';
import { videoFacts } from './video-facts.js';

const rocket = readFileSync(fileURLToPath(new URL('../data/rocket.jpg', import.meta.url)));
const weights = fileURLToPath(new URL('../data/networks/tiny-svd', import.meta.url));

let folder: string;
let env: Record<string, string>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'svd-'));
  env = { DATA_DIR: join(folder, 'data'), MODELS_DIR: join(folder, 'models'), DEVICE: 'cpu' };
  await convertSvd(weights, join(folder, 'models', 'tiny'), { branches: [0, 3] });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a converted SVD pipeline in the service', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer({ ...env, MODEL: 'tiny' });
  });
  afterAll(() => server.end('SIGTERM'));

  test.each([
    ['EulerEDMSampler', 'LinearPredictionGuider'],
    ['HeunEDMSampler', 'VanillaCFG'],
    ['EulerAncestralSampler', 'TrianglePredictionGuider'],
    ['DPMPP2SAncestralSampler', 'TrapezoidPredictionGuider'],
    ['DPMPP2MSampler', 'IdentityGuider'],
    ['LinearMultistepSampler', 'VanillaCFG'],
  ])('makes a clip with %s and %s', async (sampler, guider) => {
    const fields = { W: '128', H: '64', T: '5', steps: '4', decoding_t: '3', sampler, guider };
    const { id } = await post(server.url, fields, rocket);
    const task = await poll(server.url, id, hasEnded);
    expect(task).toMatchObject({
      status: 'completed',
      model: 'tiny',
      warnings: [],
      params: { sampler, guider },
    });
    const video = Buffer.from(await (await fetch(`${server.url}${String(task.video_url)}`)).arrayBuffer());
    expect(await videoFacts(video)).toMatchObject({ width: 128, height: 64, frames: 5, fps: 6 });
  });

  test('guidance changes the clip, and so does its scale', async () => {
    const clip = async (fields: Record<string, string>): Promise<string> => {
      const size = { W: '64', H: '64', T: '3', steps: '4', seed: '1' };
      const { id } = await post(server.url, { ...size, ...fields }, rocket);
      const { video_url } = await poll(server.url, id, hasEnded);
      const response = await fetch(`${server.url}${String(video_url)}`);
      return Buffer.from(await response.arrayBuffer()).toString('base64');
    };
    const clips = [
      await clip({ guider: 'IdentityGuider' }),
      await clip({ guider: 'VanillaCFG', cfg_scale: '1' }),
      await clip({ guider: 'VanillaCFG', cfg_scale: '5' }),
    ];
    expect(clips[1]).toBe(clips[0]); // a scale of one is no guidance
    expect(clips[2]).not.toBe(clips[0]);
  });

  test('caching changes the clip a little, and the task tells how often the whole network was evaluated', async () => {
    const clip = async (fields: Record<string, string>) => {
      const size = { W: '64', H: '64', T: '3', steps: '7', seed: '1', sampler: 'HeunEDMSampler' };
      const { id } = await post(server.url, { ...size, ...fields }, rocket);
      const task = await poll(server.url, id, hasEnded);
      const response = await fetch(`${server.url}${String(task.video_url)}`);
      return { task, video: Buffer.from(await response.arrayBuffer()).toString('base64') };
    };
    const plain = await clip({});
    expect(plain.task).toMatchObject({ status: 'completed', evaluations: { full: 13, shallow: 0 } });
    const cached = await clip({ deepcache_interval: '3', deepcache_branch: '3' });
    expect(cached.task).toMatchObject({
      status: 'completed',
      evaluations: { full: 5, shallow: 8 },
      params: { deepcache_interval: 3, deepcache_branch: 3 },
      warnings: [],
    });
    expect(cached.video).not.toBe(plain.video);
    const missing = { deepcache_interval: '3', deepcache_branch: '1' };
    await expect(post(server.url, missing, rocket)).rejects.toThrow(
      /"field":"deepcache_branch".*one of 0, 3/,
    );
  });

  test('Replicate’s client gets its cached clip', async () => {
    const replicate = new Replicate({ auth: 'any key', baseUrl: server.url });
    const image = `data:image/jpeg;base64,${rocket.toString('base64')}`;
    const size = { width: 64, height: 128, num_frames: 5, decode_chunk_size: 8, num_inference_steps: 10 };
    const cache = { enable_deepcache: true, cache_interval: 3, cache_branch_id: 3 };
    const { id } = await replicate.predictions.create({
      version: 'any',
      input: { image, ...size, ...cache },
    });
    const task = await poll(server.url, id, hasEnded);
    expect(task).toMatchObject({ status: 'completed', evaluations: { full: 4, shallow: 6 } });
    const { status, output } = await replicate.predictions.get(id);
    expect(status).toBe('succeeded');
    const [head, data] = (output as string[])[0].split(',');
    expect(head).toBe('data:video/mp4;base64');
    expect(await videoFacts(Buffer.from(data, 'base64'))).toMatchObject({
      width: 64,
      height: 128,
      frames: 5,
    });
  });

  test('sizes that the network cannot take are refused with its divisor', async () => {
    await expect(post(server.url, { W: '120' }, rocket)).rejects.toThrow(/"field":"W".*multiple of 16/);
  });
});

test('a half-written model folder is named at the start', async () => {
  const broken = join(folder, 'models', 'broken');
  await convertSvd(weights, broken);
  for (const file of await readdir(broken)) if (file === 'model.json') await rm(join(broken, file));
  await expect(startServer({ ...env, MODEL: 'broken' })).rejects.toThrow(/broken is not a model folder/);
});
