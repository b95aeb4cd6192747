import { afterEach, describe, expect, test } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { readdir } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ModelManifest } from '../../../pipeline/manifest.js';
import { WorkerPool } from '../../../pipeline/worker-pool.js';
import type { WorkerProcess } from '../../../pipeline/worker-process.js';
import { cachedSvdXt, manifest } from '../../pipeline/manifests.js';
import { bearer, startKeyedService } from '../access/keyed-service.js';
import { holdClips, startService, type Answer, type TestService } from '../support.js';

const photo = readFileSync(fileURLToPath(new URL('../../data/rocket.jpg', import.meta.url)));

let service: TestService;
afterEach(() => service.close());

const submit = (headers: Record<string, string> = {}, path = '/tasks'): Promise<Answer> =>
  service.call('POST', path, { prompt: 'a fox' }, headers);

const upload = (): FormData => {
  const form = new FormData();
  form.append('image', new Blob([new Uint8Array(photo)]), 'p.jpg');
  return form;
};

describe('a full queue', () => {
  test('is a 429 that says when there may be room, until there is', async () => {
    const held = holdClips();
    service = await startService({ make: held.make, env: { MAX_QUEUE: '3' } });
    const { id } = (await submit()).body;
    await held.running(id); // before the others come, whose pictures may be there first
    await submit();
    await submit();
    for (const path of ['/tasks', '/img2vid']) {
      const refused = await submit({}, path);
      expect(refused).toMatchObject({
        status: 429,
        body: { error: 'Too many requests', allowed: '3 unfinished tasks' },
      });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect((await service.call('POST', '/tasks', upload())).body.code).toBe('queue_full');
    expect(await service.table.count()).toBe(3);
    held.release(id);
    await service.ended(id);
    expect((await submit()).status).toBe(201);
  });

  test('is not exceeded by requests at the same time', async () => {
    const held = holdClips();
    service = await startService({ make: held.make, env: { MAX_QUEUE: '4' } });
    const { id } = (await submit()).body;
    await held.running(id);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => service.call('POST', '/tasks', upload())),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(17);
    expect(await service.table.count()).toBe(4);
    // Nothing stays of those that were refused.
    const kept = await readdir(join(service.folder, 'pictures'));
    expect(kept.filter((name) => !name.startsWith(id))).toHaveLength(3);
  });

  test('takes nothing from a request that is repeated', async () => {
    const held = holdClips();
    service = await startService({ make: held.make, env: { MAX_QUEUE: '1' } });
    const first = await submit({ 'idempotency-key': 'a' });
    expect((await submit()).status).toBe(429);
    const again = await submit({ 'idempotency-key': 'a' });
    expect([again.status, again.body.id]).toEqual([201, first.body.id]);
  });

  test('refuses a rerun as well', async () => {
    const held = holdClips();
    service = await startService({ make: held.make, env: { MAX_QUEUE: '1' } });
    const { id } = (await submit()).body;
    await held.running(id);
    expect((await service.call('POST', `/tasks/${id}/rerun`)).status).toBe(429);
  });
});

test('the unfinished tasks of a key are bounded, each key for itself', async () => {
  const held = holdClips();
  service = await startKeyedService({ make: held.make, env: { MAX_UNFINISHED_PER_KEY: '2' } });
  const first = (await submit(bearer('alice'))).body.id;
  await held.running(first); // before the others come, whose pictures may be there first
  const both = await Promise.all([submit(bearer('alice')), submit(bearer('alice'))]);
  expect(both.map(({ status }) => status).sort()).toEqual([201, 429]);
  expect((await submit(bearer('alice'))).body.code).toBe('too_many_tasks');
  expect((await submit(bearer('bob'))).status).toBe(201);
  await service.call('POST', `/tasks/${first}/cancel`, undefined, bearer('alice'));
  expect((await submit(bearer('alice'))).status).toBe(201);
});

describe('a clip that is too much work', () => {
  test('is refused at once, with what would do', async () => {
    service = await startService();
    // Every field is in its range: 1,000 steps, ten variations, the largest clip of the model.
    const fields = { prompt: 'a fox', W: 1024, H: 1024, T: 25, num_cols: 10, steps: 1000 };
    const refused = await service.call('POST', '/tasks', fields);
    expect(refused).toMatchObject({
      status: 400,
      body: { code: 'task_too_costly', field: 'steps', allowed: 'at most 50 steps at this size' },
    });
    expect(await service.table.count()).toBe(0);
    expect((await service.call('POST', '/tasks', { ...fields, steps: 50 })).status).toBe(201);
    expect(
      (await service.call('POST', '/tasks', { ...fields, W: 512, H: 256, T: 10, num_cols: 1 })).status,
    ).toBe(201);
  });

  test('counts samplers that evaluate twice, and reruns', async () => {
    service = await startService({ env: { MAX_CLIP_COST: String(512 * 288 * 25 * 7) } });
    const { status, body } = await submit();
    expect(status).toBe(201);
    const twice = await service.call('POST', '/tasks', {
      prompt: 'a fox',
      sampler: 'HeunEDMSampler',
      steps: 7,
    });
    expect(twice.body).toMatchObject({ code: 'task_too_costly', allowed: 'at most 4 steps at this size' });
    expect((await service.call('POST', `/tasks/${body.id}/rerun`, { steps: 8 })).body.code).toBe(
      'task_too_costly',
    );
    const large = await service.call('POST', '/tasks', {
      prompt: 'a fox',
      W: 1024,
      H: 1024,
      steps: 1,
      num_cols: 10,
    });
    expect(large.body.allowed).toBe('fewer or smaller frames');
  });
});

describe('the number of steps that would do', () => {
  test.each([
    { sampler: 'EulerEDMSampler', deepcache_interval: 3, deepcache_branch: 0 },
    { sampler: 'HeunEDMSampler', deepcache_interval: 4, deepcache_branch: 3 },
    { discretization: 'AlignYourSteps', guidance_sigma_min: 0.5 },
    { sampler: 'HeunEDMSampler', guidance_sigma_min: 1, guidance_sigma_max: 10, deepcache_interval: 2 },
  ])('is taken, and one more is not: %j', async (fields) => {
    const env = { MAX_CLIP_COST: String(64 * 64 * 2 * 9.3) };
    service = await startService({ env, manifest: cachedSvdXt() });
    const estimate = (steps: number) =>
      service.call('POST', '/estimate', { W: 64, H: 64, T: 2, ...fields, steps });
    const { status, body } = await estimate(900);
    expect(status).toBe(400);
    const enough = Number(/^at most (\d+) steps/.exec(String(body.allowed))?.[1]);
    expect((await estimate(enough)).status).toBe(200);
    expect((await estimate(enough + 1)).status).toBe(400);
  });

  test('is none where a single one is too many', async () => {
    service = await startService({ env: { MAX_CLIP_COST: '1' } });
    expect((await submit()).body.allowed).toBe('fewer or smaller frames');
  });
});

describe('a clip that no device has the memory for', () => {
  const NONE = { fixed: 0, per_pixel: 0 };
  const model: ModelManifest = {
    ...manifest(),
    memory: {
      unet: { fixed: 1e9, per_pixel: 1000 },
      vae_decoder: NONE,
      vae_encoder: NONE,
      image_encoder: NONE,
    },
  };
  const withMemory = (memoryBytes: number | undefined) => {
    const info = { device: 'cuda:0', ...(memoryBytes === undefined ? {} : { memoryBytes }) };
    const worker = Object.assign(new EventEmitter(), { state: 'idle', info }) as unknown as WorkerProcess;
    return startService({ manifest: model, workers: new WorkerPool([worker]) });
  };
  const size = { W: 512, H: 512, T: 25 };
  const clip = { prompt: 'a fox', ...size };

  test('is refused at once, with what would do, in an estimate as well', async () => {
    service = await withMemory(4e9);
    for (const [path, body] of [
      ['/tasks', clip],
      ['/estimate', size],
    ] as const) {
      expect(await service.call('POST', path, body)).toMatchObject({
        status: 400,
        body: {
          field: 'T',
          message: '25 frames at 512×512 take at least 7.6 GB of memory, and the device has 4.0 GB',
          allowed: 'at most 11 frames at this size',
        },
      });
    }
    expect((await service.call('POST', '/tasks', clip)).body.code).toBe('clip_too_large');
    const huge = await service.call('POST', '/tasks', { ...clip, W: 1024, H: 1024, T: 3 });
    expect(huge.body.allowed).toBe('at most 2 frames at this size');
    expect(await service.table.count()).toBe(0);
    expect((await service.call('POST', '/tasks', { ...clip, T: 11 })).status).toBe(201);
  });

  test('has smaller frames only for an answer where one does not fit', async () => {
    service = await withMemory(1.1e9);
    expect((await service.call('POST', '/tasks', clip)).body.allowed).toBe('smaller frames');
  });

  test('is refused as a scene of a story too, and stills are not', async () => {
    service = await withMemory(4e9);
    const story = {
      scenes: ['a', 'b'],
      width: 512,
      height: 512,
      duration_per_scene: 3,
      fps: 24,
      async: true,
    };
    const refused = await service.call('POST', '/generate-video', { ...story, animate: true });
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.body)).toMatch(/at least .* of memory, and the device has 4\.0 GB/);
    expect((await service.call('POST', '/generate-video', story)).status).toBe(202);
  });

  test('is let in where it might fit with less beside it, with a warning before it is sent', async () => {
    service = await withMemory(8e9);
    const { body } = await service.call('POST', '/estimate', size);
    expect(body.warnings).toEqual([expect.stringMatching(/more than the 8\.0 GB of the device/)]);
    expect((await service.call('POST', '/tasks', clip)).status).toBe(201);
    const small = await service.call('POST', '/estimate', { ...size, T: 5 });
    expect(small.body.warnings).toEqual([]);
  });

  test('is let in while nobody knows what the device has', async () => {
    service = await withMemory(undefined);
    expect((await service.call('POST', '/tasks', clip)).status).toBe(201);
    expect((await service.call('POST', '/estimate', size)).body.warnings).toEqual([]);
  });
});
