import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { estimateSchema } from '../../../server/openapi/service-paths.js';
import type { ModelManifest } from '../../../pipeline/manifest.js';
import { cachedSvdXt, svdXt } from '../../pipeline/manifests.js';
import { startService, type TestService } from '../support.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

test('says what a clip costs without making a task', async () => {
  const { status, body } = await service.call('POST', '/estimate', {
    sampler: 'HeunEDMSampler',
    steps: '10',
    num_cols: 2,
    seed: 4,
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    params: { steps: 10, sampler: 'HeunEDMSampler', s_churn: 0, seed: 4 },
    warnings: [],
    ...{ evaluations: 38, full: 38, shallow: 0 },
    seconds: null,
    wait_seconds: null,
    memory_bytes: null,
  });
  estimateSchema.strict().parse(body);
  expect((await service.call('GET', '/tasks')).body.total).toBe(0);
});

test('tells evaluations of the whole network from those of its outer part', async () => {
  const cached = await startService({ manifest: cachedSvdXt() });
  const { body } = await cached.call('POST', '/estimate', { preset: 'fast', num_cols: 2 });
  expect(body).toMatchObject({ evaluations: 20, full: 10, shallow: 10 });
  await cached.close();
});

test('has the memory that the model says it takes, by how the device is run', async () => {
  const part = { fixed: 0, per_pixel: 0 };
  const model: ModelManifest = {
    ...svdXt(),
    memory: {
      unet: { fixed: 7, per_pixel: 3 },
      vae_decoder: { fixed: 1, per_pixel: 0 },
      vae_encoder: part,
      image_encoder: part,
    },
  };
  for (const [env, expected] of [
    [{}, 8 + 2 * 3 * 64 * 64 * 2 * 2],
    [{ HALF_BATCH: '1' }, 8 + 2 * 3 * 64 * 64 * 2],
    [{ HALF_BATCH: '1', LOW_VRAM: '1' }, 7 + 2 * 3 * 64 * 64 * 2],
  ] as const) {
    const svd = await startService({ manifest: model, env });
    const { body } = await svd.call('POST', '/estimate', { W: 64, H: 64, T: 2 });
    expect(body.memory_bytes).toBe(expected);
    await svd.close();
  }
});

test('has a time as soon as a clip has been made', async () => {
  const { id } = (await service.call('POST', '/tasks', { prompt: 'a fox' })).body;
  await service.ended(id);
  const { seconds, wait_seconds } = (await service.call('POST', '/estimate', {})).body;
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(wait_seconds).toBe(0);
});

test('refuses what a submission would refuse, naming the field', async () => {
  expect(await service.call('POST', '/estimate', { steps: 0 })).toMatchObject({
    status: 400,
    body: { field: 'steps', allowed: 'an integer from 1 to 1000' },
  });
  expect(await service.call('POST', '/estimate', { T: 240, W: 1024, H: 1024 })).toMatchObject({
    status: 400,
    body: { field: 'T' },
  });
});
