import { describe, expect, test } from '@jest/globals';
import { resolveClip, recipeFrom } from '../../pipeline/clip-request.js';
import { InvalidParameterError } from '../../samplers/index.js';
import { cachedSvdXt, fewStep, manifest, svdXt } from './manifests.js';

const refused = (fields: Record<string, unknown>, model = manifest()): InvalidParameterError => {
  try {
    resolveClip(fields, model);
  } catch (error) {
    if (error instanceof InvalidParameterError) return error;
    throw error;
  }
  throw new Error(`${JSON.stringify(fields)} was accepted`);
};

describe('the three rules', () => {
  test('an empty request is the model’s recipe with a drawn seed', () => {
    const { params, warnings } = resolveClip({}, svdXt());
    expect(params).toEqual({
      W: 1024,
      H: 576,
      T: 25,
      fps: 6,
      seed: expect.any(Number),
      steps: 30,
      motion_bucket_id: 127,
      cond_aug: 0.02,
      decoding_t: 14,
      decoding_overlap: 0,
      num_cols: 1,
      fit: 'cover',
      outputs: 'mp4',
      deepcache_interval: 1,
      sampler: 'EulerEDMSampler',
      s_churn: 0,
      s_tmin: 0,
      s_tmax: 999,
      s_noise: 1,
      discretization: 'EDMDiscretization',
      sigma_min: 0.002,
      sigma_max: 700,
      rho: 7,
      guider: 'LinearPredictionGuider',
      max_cfg_scale: 3,
      min_guidance_scale: 1.5,
      guidance_sigma_min: 0,
      guidance_sigma_max: 1e6,
    });
    expect(Number.isInteger(params.seed) && params.seed >= 0 && params.seed <= 1e9).toBe(true);
    expect(warnings).toEqual([]);
  });

  test('a named component starts from its documented defaults, even when it is the recipe’s own', () => {
    const { params } = resolveClip(
      { discretization: 'EDMDiscretization', guider: 'LinearPredictionGuider' },
      svdXt(),
    );
    expect(params).toMatchObject({ sigma_min: 0.0292, sigma_max: 14.6146, rho: 3 });
    expect(params).toMatchObject({ max_cfg_scale: 1.5, min_guidance_scale: 1 });
    expect(resolveClip({ guider: 'VanillaCFG' }, svdXt()).params.cfg_scale).toBe(5);
    expect(resolveClip({ sampler: 'LinearMultistepSampler' }, svdXt()).params.order).toBe(4);
  });

  test('a parameter overrides the recipe’s component and the named one alike', () => {
    expect(resolveClip({ sigma_max: 80 }, svdXt()).params).toMatchObject({ sigma_max: 80, rho: 7 });
    expect(resolveClip({ discretization: 'EDMDiscretization', rho: 5 }, svdXt()).params).toMatchObject({
      sigma_max: 14.6146,
      rho: 5,
    });
  });

  test('a known parameter without effect is a warning, not an error', () => {
    const { params, warnings } = resolveClip({ sampler: 'DPMPP2MSampler', s_churn: 3, order: 2 }, svdXt());
    expect(params).not.toHaveProperty('s_churn');
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).toMatch(/s_churn.*DPMPP2MSampler/);
    expect(warnings.join()).toMatch(/order/);
  });

  test('an overlap of chunks is a warning where all frames are decoded at once', () => {
    const { params, warnings } = resolveClip({ decoding_overlap: 2 }, svdXt());
    expect(params).toMatchObject({ decoding_t: 14, decoding_overlap: 2 });
    expect(warnings).toEqual([]);
    expect(resolveClip({ decoding_overlap: 2, T: 14 }, svdXt()).warnings).toEqual([
      expect.stringMatching(/decoding_overlap has no effect.*14 frames/),
    ]);
  });

  test('a guider named for a model that cannot be guided is a warning', () => {
    expect(resolveClip({ guider: 'VanillaCFG' }, manifest()).warnings.join()).toMatch(/guider has no effect/);
    expect(resolveClip({ guider: 'IdentityGuider' }, manifest()).warnings).toEqual([]);
  });
});

test('a GIF faster than players show is a warning', () => {
  expect(resolveClip({ outputs: 'mp4+gif', fps: 50 }, svdXt()).warnings).toEqual([]);
  expect(resolveClip({ outputs: 'mp4', fps: 60 }, svdXt()).warnings).toEqual([]);
  const { params, warnings } = resolveClip({ outputs: 'mp4+gif', fps: 60, fit: 'stretch' }, svdXt());
  expect(params).toMatchObject({ outputs: 'mp4+gif', fps: 60, fit: 'stretch' });
  expect(warnings).toEqual([expect.stringMatching(/GIF plays at 50 .* not 60/)]);
});

describe('values', () => {
  test('numbers may come as text', () => {
    const { params } = resolveClip({ steps: ' 12 ', cond_aug: '2e-2', seed: '7' }, svdXt());
    expect(params).toMatchObject({ steps: 12, cond_aug: 0.02, seed: 7 });
  });

  test.each([
    ['steps', 0],
    ['steps', 1001],
    ['steps', '24.9'],
    ['steps', 'many'],
    ['steps', ''],
    ['steps', null],
    ['steps', [3, 4]],
    ['steps', true],
    ['steps', Number.NaN],
    ['seed', -1],
    ['seed', 1e9 + 1],
    ['fps', 0],
    ['motion_bucket_id', 513],
    ['cond_aug', 1.01],
    ['cond_aug', -0.1],
    ['decoding_t', 0],
    ['decoding_overlap', 9],
    ['decoding_overlap', -1],
    ['decoding_overlap', 1.5],
    ['num_cols', 11],
    ['num_cols', 0],
    ['T', 0],
    ['sigma_min', 0],
    ['rho', 'Infinity'],
    ['sampler', 'Euler'],
    ['sampler', '__proto__'],
    ['discretization', 3],
    ['guider', 'constructor'],
    ['fit', 'crop'],
    ['outputs', 'gif'],
  ])('%s = %p is refused with the field and what is allowed', (field, value) => {
    const error = refused({ [field]: value }, svdXt());
    expect(error.field).toBe(field);
    expect(error.message).toContain(`\`${field}\``);
    expect(error.allowed).toMatch(/from|one of/);
  });

  test('the range of the chosen component holds, not the widest of its name', () => {
    expect(resolveClip({ s_noise: 1.2 }, svdXt()).params.s_noise).toBe(1.2);
    expect(refused({ sampler: 'EulerAncestralSampler', s_noise: 1.2 }, svdXt()).field).toBe('s_noise');
  });

  test('sizes follow the model’s divisor and limits', () => {
    expect(refused({ W: 1000 }, svdXt()).allowed).toMatch(/multiple of 64/);
    expect(resolveClip({ W: 520, H: 296 }, manifest()).params).toMatchObject({ W: 520, H: 296 });
    expect(refused({ W: 516 }, manifest()).field).toBe('W');
    expect(refused({ T: 100_000 }, manifest()).field).toBe('T');
  });

  test('more pixels × frames than the model can take are refused before anything runs', () => {
    const small = manifest({ limits: { W: 1024, H: 1024, T: 100, pixels: 1024 * 1024 * 10 } });
    expect(resolveClip({ W: 1024, H: 1024, T: 10 }, small).params.T).toBe(10);
    const error = refused({ W: 1024, H: 1024, T: 11 }, small);
    expect(error.field).toBe('T');
    expect(error.allowed).toMatch(/10/);
  });

  test('a field that no clip has is refused by name', () => {
    const error = refused({ stepz: 3 });
    expect(error.field).toBe('stepz');
    expect(error.message).toContain('steps');
  });

  test('parameters that make no schedule together are refused at once', () => {
    expect(refused({ sigma_min: 20, sigma_max: 10 }, svdXt()).field).toMatch(/sigma|discretization/);
    expect(
      refused({ discretization: 'LegacyDDPMDiscretization', num_timesteps: 10, steps: 11 }, svdXt()).field,
    ).toMatch(/steps|discretization/);
  });
});

test('resolved parameters can be posted again and give themselves', () => {
  const first = resolveClip({ sampler: 'HeunEDMSampler', s_churn: 2, seed: 5 }, svdXt()).params;
  expect(resolveClip(first, svdXt())).toEqual({ params: first, warnings: [] });
});

test('a recipe is recovered from resolved parameters', () => {
  const { params } = resolveClip({ sampler: 'EulerAncestralSampler', eta: 0.5 }, svdXt());
  expect(recipeFrom(params).sampler).toEqual({
    name: 'EulerAncestralSampler',
    params: { eta: 0.5, s_noise: 1 },
  });
});

describe('caching of features', () => {
  test('is off unless it is asked for, and then cut at the outermost branch', () => {
    expect(resolveClip({}, cachedSvdXt()).params).toMatchObject({ deepcache_interval: 1 });
    expect(resolveClip({}, cachedSvdXt()).params).not.toHaveProperty('deepcache_branch');
    const { params, warnings } = resolveClip({ deepcache_interval: '3' }, cachedSvdXt());
    expect(params).toMatchObject({ deepcache_interval: 3, deepcache_branch: 0 });
    expect(warnings).toEqual([]);
    const inner = { deepcache_interval: 2, deepcache_branch: 3 };
    expect(resolveClip(inner, cachedSvdXt()).params).toMatchObject(inner);
  });

  test('at a branch that the model does not have is refused with those that it has', () => {
    const error = refused({ deepcache_interval: 3, deepcache_branch: 2 }, cachedSvdXt());
    expect([error.field, error.given]).toEqual(['deepcache_branch', 2]);
    expect(error.allowed).toBe('one of 0, 1, 3');
    expect(refused({ deepcache_branch: 101 }, cachedSvdXt()).allowed).toBe('one of 0, 1, 3');
    expect(resolveClip({ deepcache_interval: 3, deepcache_branch: '1' }, cachedSvdXt()).params).toMatchObject(
      {
        deepcache_branch: 1,
      },
    );
  });

  test('is refused where the model has no branches, and leaving it off is not', () => {
    const error = refused({ deepcache_interval: 3 }, svdXt());
    expect(error.field).toBe('deepcache_interval');
    expect(error.message).toMatch(/1 or left out: .*without branches/);
    const branch = refused({ deepcache_branch: 0 }, svdXt());
    expect([branch.field, branch.allowed]).toEqual(['deepcache_branch', 'left out: the model has none']);
    expect(resolveClip({ deepcache_interval: 1 }, svdXt()).warnings).toEqual([]);
  });

  test('a branch without an interval is a warning', () => {
    const { params, warnings } = resolveClip({ deepcache_branch: 1 }, cachedSvdXt());
    expect(params).not.toHaveProperty('deepcache_branch');
    expect(warnings).toEqual([expect.stringMatching(/deepcache_branch has no effect/)]);
  });

  test.each([0, 1.5, 101, 'x'])('an interval of %p is refused', (deepcache_interval) => {
    expect(refused({ deepcache_interval }, cachedSvdXt()).field).toBe('deepcache_interval');
  });
});

describe('presets', () => {
  test('change the recipe, and are told by what they stand for', () => {
    const { params, warnings } = resolveClip({ preset: 'fast', seed: 1 }, cachedSvdXt());
    expect(params).toMatchObject({ steps: 10, discretization: 'AlignYourSteps', deepcache_interval: 2 });
    // What the preset does not name stays the recipe's.
    expect(params).toMatchObject({ max_cfg_scale: 3, min_guidance_scale: 1.5, guidance_sigma_min: 0.5 });
    expect(params).not.toHaveProperty('rho');
    expect(params).not.toHaveProperty('preset');
    expect(warnings).toEqual([]);
    expect(resolveClip(params, cachedSvdXt())).toEqual({ params, warnings: [] });
    const plain = resolveClip({ seed: 1 }, cachedSvdXt());
    expect(resolveClip({ preset: 'quality', seed: 1 }, cachedSvdXt())).toEqual(plain);
  });

  test('give way to every field that is given beside them', () => {
    const fields = { preset: 'fast', steps: 12, deepcache_interval: 1, discretization: 'EDMDiscretization' };
    const { params, warnings } = resolveClip(fields, cachedSvdXt());
    expect(params).toMatchObject({ steps: 12, deepcache_interval: 1, sigma_max: 14.6146 });
    expect(params).not.toHaveProperty('deepcache_branch');
    expect(warnings).toEqual([]);
    expect(resolveClip({ preset: 'fast', deepcache_branch: 3 }, cachedSvdXt()).params).toMatchObject({
      deepcache_interval: 2,
      deepcache_branch: 3,
    });
  });

  test('that the model does not have are refused with those that it has', () => {
    const error = refused({ preset: 'quick' }, cachedSvdXt());
    expect(error.field).toBe('preset');
    expect(error.allowed).toBe('one of quality, fast');
    expect(refused({ preset: 'balanced' }, cachedSvdXt()).field).toBe('preset');
  });
});

test('a recipe’s own value beyond a field’s range can be posted again, and no other', () => {
  const { params } = resolveClip({ seed: 1 }, fewStep());
  expect(params).toMatchObject({ sampler: 'EulerAncestralSampler', eta: 1000, steps: 4 });
  expect(resolveClip(params, fewStep())).toEqual({ params, warnings: [] });
  expect(refused({ eta: 999 }, fewStep()).field).toBe('eta');
  expect(refused({ eta: 1000 }, svdXt()).field).toBe('eta');
});
