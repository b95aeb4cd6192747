import { describe, expect, test } from '@jest/globals';
import {
  type Branches,
  createSampling,
  type Guider,
  identityGuider,
  linearPredictionGuider,
  type Network,
  trapezoidPredictionGuider,
  trianglePredictionGuider,
  vanillaCFG,
} from '../../samplers/index.js';

const scalesOf = (guider: Guider): number[] => Array.from(guider.scales ?? [], (s) => Number(s.toFixed(3)));
const oneTo = (maxCfgScale: number) => ({ minGuidanceScale: 1, maxCfgScale });

describe('scales', () => {
  test('VanillaCFG: the same for every frame', () => {
    expect(scalesOf(vanillaCFG(5, 3))).toEqual([5, 5, 5]);
  });

  test('linear: from the minimum at the first frame to the maximum at the last', () => {
    expect(scalesOf(linearPredictionGuider({ minGuidanceScale: 1.5, maxCfgScale: 3 }, 4))).toEqual([
      1.5, 2, 2.5, 3,
    ]);
    expect(scalesOf(linearPredictionGuider({ minGuidanceScale: 1.5, maxCfgScale: 3 }, 1))).toEqual([1.5]);
  });

  test('triangle: the minimum at both ends, the maximum in the middle', () => {
    const scales = scalesOf(trianglePredictionGuider(oneTo(2.5), 14));
    expect(scales.slice(0, 3)).toEqual([1, 1.231, 1.462]);
    expect(scales.slice(6, 8)).toEqual([2.385, 2.385]);
    expect(scales.toReversed()).toEqual(scales);
  });

  test('triangle: several waves are fused by maximum, mean or product', () => {
    const fused = (periodFusing: 'max' | 'mean' | 'multiply') =>
      scalesOf(trianglePredictionGuider({ ...oneTo(2), period: [1, 0.5], periodFusing }, 5));
    // Waves at 0, 1/4, 1/2, 3/4, 1: period 1 gives 0, .5, 1, .5, 0 and period 1/2 gives 0, 1, 0, 1, 0.
    expect(fused('max')).toEqual([1, 2, 2, 2, 1]);
    expect(fused('mean')).toEqual([1, 1.75, 1.5, 1.75, 1]);
    expect(fused('multiply')).toEqual([1, 1.5, 1, 1.5, 1]);
  });

  test('trapezoid: the plateau is 1 and a ramp of one frame is the minimum', () => {
    expect(scalesOf(trapezoidPredictionGuider({ minGuidanceScale: 1, maxCfgScale: 2.5 }, 25))).toEqual([
      1,
      2.5,
      ...Array<number>(21).fill(1),
      2.5,
      1,
    ]);
    expect(trapezoidPredictionGuider(oneTo(2.5), 14).scales).toBeNull();
    expect(scalesOf(trapezoidPredictionGuider({ minGuidanceScale: 2, maxCfgScale: 3 }, 14))).toEqual([
      2,
      ...Array<number>(12).fill(1),
      2,
    ]);
  });

  test.each<[string, () => Guider]>([
    ['period', () => trianglePredictionGuider({ ...oneTo(2), period: 0 }, 4)],
    ['period', () => trianglePredictionGuider({ ...oneTo(2), period: [] }, 4)],
    ['period_fusing', () => trianglePredictionGuider({ ...oneTo(2), periodFusing: 'sum' as never }, 4)],
    ['edge_perc', () => trapezoidPredictionGuider({ ...oneTo(2), edgePerc: 0.6 }, 4)],
    ['guidance scale', () => vanillaCFG(NaN, 4)],
    ['guidance_sigma_max', () => vanillaCFG(3, 4, { low: 5, high: 2 })],
  ])('a bad %s is refused', (field, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'invalid_parameter', field }));
  });
});

describe('the unconditional branch', () => {
  test('is not needed without guidance, nor when every scale is exactly 1', () => {
    const plain = [identityGuider, vanillaCFG(1, 3), linearPredictionGuider(oneTo(1), 3)];
    for (const guider of plain) expect(guider.needsUnconditional(1)).toBe(false);
    expect(vanillaCFG(0, 3).needsUnconditional(1)).toBe(true);
    expect(linearPredictionGuider(oneTo(1.0001), 3).needsUnconditional(1)).toBe(true);
  });

  test('is needed within the interval, ends included, and only there', () => {
    const guider = vanillaCFG(3, 3, { low: 0.5, high: 20 });
    const needed = [0.499, 0.5, 3, 20, 20.001].map((sigma) => guider.needsUnconditional(sigma));
    expect(needed).toEqual([false, true, true, true, false]);
  });

  const frames = 3;
  const size = frames * 4 * 2 * 2;
  /** Predicts a constant: 1 unconditionally, 2 conditionally. */
  function constants(asked: Branches[]): Network {
    return {
      evaluate: (_input, _cNoise, branches) => {
        asked.push(branches);
        const out = new Float32Array(branches === 'both' ? 2 * size : size).fill(2);
        if (branches === 'both') out.fill(1, 0, size);
        return Promise.resolve(out);
      },
    };
  }

  async function branchesOf(overrides: Record<string, number>, name = 'VanillaCFG'): Promise<Branches[]> {
    const asked: Branches[] = [];
    const sampling = createSampling(
      {
        steps: 4,
        sampler: 'EulerEDMSampler',
        discretization: 'EDMDiscretization',
        guider: { name, overrides },
      },
      { frames },
    );
    await sampling.run({
      network: constants(asked),
      shape: [frames, 4, 2, 2],
      noise: new Float32Array(size),
    });
    return asked;
  }

  test('is evaluated at every level, at none, or at those of the interval, by its parameters', async () => {
    expect(await branchesOf({ cfg_scale: 3 })).toEqual(['both', 'both', 'both', 'both']);
    expect(await branchesOf({ cfg_scale: 1 })).toEqual(['cond', 'cond', 'cond', 'cond']);
    expect(await branchesOf({}, 'IdentityGuider')).toEqual(['cond', 'cond', 'cond', 'cond']);
    // Levels: 14.6, 4.9, 0.95, 0.03.
    const within = { cfg_scale: 3, guidance_sigma_min: 0.5, guidance_sigma_max: 10 };
    expect(await branchesOf(within)).toEqual(['cond', 'both', 'both', 'cond']);
  });

  test('is row 0, and each frame is guided by its own scale', async () => {
    const sampling = createSampling(
      {
        steps: 1,
        sampler: 'EulerEDMSampler',
        discretization: 'EDMDiscretization',
        guider: { name: 'LinearPredictionGuider', params: { min_guidance_scale: 1, max_cfg_scale: 5 } },
      },
      { frames, scaling: 'EpsScaling' },
    );
    // From zero noise one step ends at D = -sigma * (u + s (c - u)) = -sigma * (1 + s).
    const latents = await sampling.run({
      network: constants([]),
      shape: [frames, 4, 2, 2],
      noise: new Float32Array(size),
    });
    const trained = 14.6146;
    [2, 4, 6].forEach((expected, frame) => {
      for (const value of latents.subarray(frame * 16, frame * 16 + 16)) {
        expect(value / trained).toBeCloseTo(-expected, 3);
      }
    });
  });
});
