import { describe, expect, test } from '@jest/globals';
import { resolveClip } from '../../../../pipeline/clip-request.js';
import { cacheFields } from '../../../../server/api/cog/deepcache.js';
import { clipOfInput, inputFields } from '../../../../server/api/cog/input.js';
import { createRequestReader } from '../../../../server/api/cog/request.js';
import { cachedSvdXt, fewStep, manifest, svdXt } from '../../../pipeline/manifests.js';
import { startService } from '../../support.js';
import { image, send } from './support.js';

describe('the fields of input', () => {
  test('left out, they are those of the documented request', () => {
    const { fields, warnings } = clipOfInput({}, manifest());
    expect(fields).toEqual({ W: 576, H: 1024, T: 25, steps: 50, decoding_t: 8, deepcache_interval: 1 });
    expect(warnings).toEqual([]);
    const documented = inputFields(manifest()).map(({ name, schema }) => [name, schema.meta()?.default]);
    expect(Object.fromEntries(documented)).toMatchObject({
      width: 576,
      W: 576,
      height: 1024,
      num_frames: 25,
      num_inference_steps: 50,
      decode_chunk_size: 8,
      enable_deepcache: true,
      cache_interval: 3,
      cache_branch_id: 3,
    });
  });

  test('our own names are taken as well, those of Cog first', () => {
    const { fields, warnings } = clipOfInput(
      { W: 64, height: 128, H: 256, steps: 3, seed: 7, fps: 9 },
      manifest(),
    );
    expect(fields).toMatchObject({ W: 64, H: 128, T: 25, steps: 3, decoding_t: 8, seed: 7, fps: 9 });
    expect(warnings).toEqual(['H is not used, because height is given']);
  });

  test('numbers and switches may be written as text', () => {
    const { input } = createRequestReader(manifest())({
      input: { image, width: '512', W: '64', enable_deepcache: 'true', cache_interval: '2' },
    });
    expect(input).toMatchObject({ width: 512, W: 64, enable_deepcache: true, cache_interval: 2 });
  });

  test('unknown ones and null have no effect; the logs name the unknown ones', async () => {
    const service = await startService();
    try {
      const more = `"cfg":3,"width":null,"${'x'.repeat(200)}":1,"constructor":3`;
      const { status, body } = await send(
        service,
        'POST',
        '/predictions',
        `{"input":{"image":"${image}",${more}}}`,
      );
      expect([status, body.input]).toEqual([200, { image: 'data:image/jpeg;base64,…' }]);
      const names = `cfg, ${'x'.repeat(100)}, constructor`;
      expect(body.logs).toContain(`there are no such input fields: ${names}\n`);
      expect(service.jobs[0].params).toMatchObject({ W: 576, H: 1024 });
      const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`, i]));
      const second = await service.call('POST', '/predictions', { input: { image, ...many } });
      expect(second.body.logs).toContain('f8, f9, and 20 more\n');
    } finally {
      await service.close();
    }
  });
});

describe('the picture', () => {
  test('may be a prompt’s instead; a picture comes first', async () => {
    const service = await startService();
    try {
      const made = await service.call('POST', '/predictions', { input: { prompt: 'a fox' } });
      expect(made.body).toMatchObject({ status: 'succeeded', input: { prompt: 'a fox' } });
      const both = await service.call('POST', '/predictions', { input: { prompt: 'a fox', image } });
      expect(both.body.logs).toContain('prompt is not used, because image is given\n');
      const [task] = await service.table.list({ limit: 1 });
      expect(task.source).toEqual({ type: 'upload' });
    } finally {
      await service.close();
    }
  });

  test('is not kept in the task’s row', async () => {
    const service = await startService();
    try {
      await service.call('POST', '/predictions', { input: { image } });
      const [task] = await service.table.list({ limit: 1 });
      expect(JSON.stringify(task).length).toBeLessThan(3000);
    } finally {
      await service.close();
    }
  });
});

describe('DeepCache', () => {
  const cached = (branches: number[]) => ({ ...svdXt(), abilities: { guidance: true, deepcache: branches } });
  const UNCACHED = { deepcache_interval: 1 };

  test.each([
    [{ enable_deepcache: true }, /^enable_deepcache has no effect: .* branch 3 \(it has none\).* uncached$/],
    [{ cache_interval: 5 }, /^cache_interval has no effect: .* branch 3 /],
    [{ cache_branch_id: 12 }, /^cache_branch_id has no effect: .* branch 12 /],
    [{ enable_deepcache: true, cache_branch_id: 2 }, /^enable_deepcache, cache_branch_id have no effect: /],
  ])('a model without cached graphs runs %j uncached, and says so', (wish, warning) => {
    const { fields, warnings } = cacheFields(wish, svdXt());
    expect(fields).toEqual(UNCACHED);
    expect(warnings).toEqual([expect.stringMatching(warning)]);
  });

  test('a model without cached graphs has nothing to say to whoever did not ask', () => {
    expect(cacheFields({}, svdXt())).toEqual({ fields: UNCACHED, warnings: [] });
  });

  test('a branch that the model has not is said beside those that it has', () => {
    const { fields, warnings } = cacheFields({ enable_deepcache: true, cache_branch_id: 5 }, cached([0, 3]));
    expect(fields).toEqual(UNCACHED);
    expect(warnings).toEqual([expect.stringContaining('branch 5 (it has 0, 3)')]);
  });

  test('a branch of any number is taken, and none below 0', () => {
    const read = createRequestReader(svdXt());
    expect(read({ input: { image, cache_branch_id: '12' } }).input.cache_branch_id).toBe(12);
    expect(() => read({ input: { image, cache_branch_id: -1 } })).toThrow(/an integer from 0, got/);
  });

  test('goes by the clip’s own fields where the model has the branch', () => {
    expect(cacheFields({}, cached([0, 3]))).toEqual({
      fields: { deepcache_interval: 3, deepcache_branch: 3 },
      warnings: [],
    });
    const wish = { enable_deepcache: true, cache_interval: 5, cache_branch_id: 0 };
    expect(cacheFields(wish, cached([0, 3])).fields).toEqual({
      deepcache_interval: 5,
      deepcache_branch: 0,
    });
  });

  test('switched off, or with an interval of one, nothing is cached', () => {
    for (const wish of [{ enable_deepcache: false }, { enable_deepcache: true, cache_interval: 1 }]) {
      expect(cacheFields(wish, cached([3]))).toEqual({ fields: UNCACHED, warnings: [] });
    }
  });

  test('in the clip’s own words goes before Cog’s, which the logs name', () => {
    const wish = { enable_deepcache: false, cache_branch_id: 3, deepcache_interval: 2 };
    expect(cacheFields(wish, cached([0, 3]))).toEqual({
      fields: {},
      warnings: [
        'enable_deepcache is not used, because deepcache_interval is given',
        'cache_branch_id is not used, because deepcache_interval is given',
      ],
    });
    expect(cacheFields({ deepcache_branch: 0 }, cached([0, 3]))).toEqual({ fields: {}, warnings: [] });
  });
});

describe('a preset', () => {
  const clipOf = (input: Record<string, unknown>) => {
    const { fields, warnings } = clipOfInput(input, cachedSvdXt());
    expect(warnings).toEqual([]);
    return resolveClip(fields, cachedSvdXt()).params;
  };
  const FAST = { steps: 10, discretization: 'AlignYourSteps', guidance_sigma_min: 0.5 };

  test('decides the steps and the cache, and no size', () => {
    expect(clipOf({ preset: 'fast' })).toMatchObject({
      ...FAST,
      ...{ W: 576, H: 1024, T: 25, decoding_t: 8, deepcache_interval: 2, deepcache_branch: 0 },
    });
    expect(clipOf({ preset: 'quality' })).toMatchObject({ steps: 30, deepcache_interval: 1 });
  });

  test.each([{ enable_deepcache: false }, { cache_interval: 1 }])('beside %j caches nothing', (off) => {
    const params = clipOf({ preset: 'fast', ...off });
    expect(params).toMatchObject({ ...FAST, deepcache_interval: 1 });
    expect(params).not.toHaveProperty('deepcache_branch');
  });

  test.each([
    [
      { preset: 'fast', num_inference_steps: 12 },
      { steps: 12, deepcache_interval: 2 },
    ],
    [
      { preset: 'fast', enable_deepcache: true },
      { deepcache_interval: 2, deepcache_branch: 0 },
    ],
    [
      { preset: 'fast', cache_interval: 4 },
      { deepcache_interval: 4, deepcache_branch: 0 },
    ],
    [
      { preset: 'fast', cache_branch_id: 1 },
      { deepcache_interval: 2, deepcache_branch: 1 },
    ],
    [
      { preset: 'quality', enable_deepcache: true },
      { deepcache_interval: 3, deepcache_branch: 3 },
    ],
  ])('gives way to what is said besides: %j', (input, expected) => {
    expect(clipOf(input)).toMatchObject(expected);
  });
});

describe('the steps of weights distilled to a few', () => {
  const clipOf = (input: Record<string, unknown>, model = fewStep()) => {
    const { fields, warnings } = clipOfInput(input, model);
    return { steps: resolveClip(fields, model).params.steps, warnings };
  };

  test('are the recipe’s where none are asked for', () => {
    expect(clipOf({})).toEqual({ steps: 4, warnings: [] });
    const steps = inputFields(fewStep()).find(({ name }) => name === 'num_inference_steps');
    expect(steps?.schema.meta()?.default).toBe(4);
  });

  test('are as many as there are levels where Cog’s number is larger, and the logs say so', () => {
    expect(clipOf({ num_inference_steps: 40 })).toEqual({ steps: 40, warnings: [] });
    expect(clipOf({ num_inference_steps: 50 })).toEqual({
      steps: 40,
      warnings: ['num_inference_steps is 40 instead of 50: LCMDiscretization has no more levels'],
    });
    expect(clipOf({ num_inference_steps: 50, discretization: 'EDMDiscretization' }).steps).toBe(50);
  });

  test('are limited by levels that any model’s request names', () => {
    const levels = { discretization: 'LCMDiscretization', num_timesteps: 20 };
    expect(clipOf(levels, svdXt())).toEqual({ steps: 20, warnings: [] });
  });

  test('in our own word are refused', () => {
    expect(() => clipOf({ steps: 50 })).toThrow(expect.objectContaining({ field: 'steps' }));
  });
});
