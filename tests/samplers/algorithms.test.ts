import { describe, expect, test } from '@jest/globals';
import {
  adamsBashforth,
  checkSchedule,
  type ComponentChoice,
  dpmpp2sAncestral,
  eulerAncestral,
  eulerEDM,
  gammaAt,
  heunEDM,
  linearMultistep,
  type NormalSource,
  TorchRandom,
} from '../../samplers/index.js';
import { gaussianDenoiser, networkOf, sampling, SAMPLERS } from './support.js';

const network = networkOf(gaussianDenoiser(0.2, 0.9));
const shape = [1, 4, 2, 3] as const;
const noise = new TorchRandom(5).randn(24);

function counting(): NormalSource & { draws: () => number } {
  let draws = 0;
  const random = new TorchRandom(6);
  return {
    fillNormal: (out) => {
      draws++;
      random.fillNormal(out);
    },
    draws: () => draws,
  };
}

describe('evaluations and draws', () => {
  const EXPECTED: readonly (readonly [string, ComponentChoice, number, number])[] = [
    ['Euler', 'EulerEDMSampler', 7, 0],
    ['Heun', 'HeunEDMSampler', 13, 0],
    ['Euler ancestral', 'EulerAncestralSampler', 7, 7],
    ['DPM++ 2S ancestral', 'DPMPP2SAncestralSampler', 13, 7],
    ['DPM++ 2M', 'DPMPP2MSampler', 7, 0],
    ['linear multistep', 'LinearMultistepSampler', 7, 0],
    ['Euler churned at every level', { name: 'EulerEDMSampler', overrides: { s_churn: 1 } }, 7, 7],
    ['Euler ancestral at eta 0', { name: 'EulerAncestralSampler', overrides: { eta: 0 } }, 7, 0],
    ['DPM++ 2S at eta 0', { name: 'DPMPP2SAncestralSampler', overrides: { eta: 0 } }, 13, 0],
    [
      'DPM++ 2S whose noise takes every step',
      { name: 'DPMPP2SAncestralSampler', params: { eta: 1e6, s_noise: 1 } },
      7,
      7,
    ],
  ];

  test.each(EXPECTED)('of %s are as announced for 7 steps', async (_name, sampler, evaluations, draws) => {
    const run = sampling({ sampler, steps: 7 });
    const random = counting();
    let evaluated = 0;
    await run.run({ network, shape, noise, random, onEvaluation: () => void evaluated++ });
    expect([run.evaluations, run.draws]).toEqual([evaluations, draws]);
    expect([evaluated, random.draws()]).toEqual([evaluations, draws]);
  });

  test('the starting noise is one draw more, the first', async () => {
    const random = counting();
    const run = sampling({ sampler: 'EulerAncestralSampler', steps: 3 });
    const drawn = await run.run({ network, shape, random });
    expect(random.draws()).toBe(4);
    const same = new TorchRandom(6);
    const given = await run.run({ network, shape, noise: same.randn(24), random: same });
    expect(given).toEqual(drawn);
  });
});

describe('one step', () => {
  test.each(SAMPLERS)('of %s ends at the denoised latents', async (_name, sampler) => {
    const run = sampling({ sampler, steps: 1 });
    let denoised = new Float32Array();
    const latents = await run.run({
      network,
      shape,
      noise,
      random: new TorchRandom(1),
      onEvaluation: (event) => {
        denoised = event.denoised.slice();
      },
    });
    expect(run.evaluations).toBe(1);
    latents.forEach((value, i) => expect(Math.abs(value - denoised[i])).toBeLessThan(2e-5));
  });
});

describe('churn', () => {
  const options = { sChurn: 3, sTmin: 0, sTmax: 999, sNoise: 1 };
  const sigmas = Float32Array.from([8, 4, 2, 1, 0]);

  test('is spread over the steps and limited to sqrt(2) - 1', () => {
    expect(gammaAt(sigmas, 0, { ...options, sChurn: 1 })).toBe(0.25);
    expect(gammaAt(sigmas, 0, options)).toBe(Math.SQRT2 - 1);
  });

  test('acts between s_tmin and s_tmax, both included and compared in float32', () => {
    const within = (sTmin: number, sTmax: number): boolean[] =>
      [0, 1, 2, 3].map((i) => gammaAt(sigmas, i, { ...options, sTmin, sTmax }) > 0);
    expect(within(2, 4)).toEqual([false, true, true, false]);
    // 0.1 as a float32 is above the double 0.1, and 0.3 as one is above 0.3, 0.7 below 0.7.
    const levels = Float32Array.from([0.7, 0.3, 0.1, 0]);
    expect(gammaAt(levels, 2, { ...options, sTmax: 0.1 })).toBeGreaterThan(0);
    expect(gammaAt(levels, 0, { ...options, sTmin: 0.7 })).toBeGreaterThan(0);
    expect(levels[2] <= 0.1 || levels[0] >= 0.7).toBe(false);
  });
});

describe('eta', () => {
  test('0 makes Euler ancestral the plain Euler method', async () => {
    const plain = await sampling({ sampler: 'EulerEDMSampler' }).run({ network, shape, noise });
    const ancestral = sampling({ sampler: { name: 'EulerAncestralSampler', overrides: { eta: 0 } } });
    expect(await ancestral.run({ network, shape, noise })).toEqual(plain);
  });

  test.each(['EulerAncestralSampler', 'DPMPP2SAncestralSampler'])(
    'so large that the noise takes the step makes %s end each at D + s_noise * sigma * noise',
    async (name) => {
      const run = sampling({ sampler: { name, params: { eta: 1e6, s_noise: 0.5 } }, steps: 3 });
      const draws: Float32Array[] = [];
      const source = new TorchRandom(8);
      let denoised = new Float32Array();
      await run.run({
        network,
        shape,
        noise,
        random: {
          fillNormal: (out) => {
            source.fillNormal(out);
            draws.push(out.slice());
          },
        },
        onEvaluation: (event) => {
          denoised = event.denoised.slice();
        },
        onStep: ({ x, sigma, step }) => {
          x.forEach((value, i) => {
            const expected = denoised[i] + 0.5 * sigma * draws[step - 1][i];
            expect(Math.abs(value - expected)).toBeLessThan(2e-5 * Math.max(1, sigma));
          });
        },
      });
      expect(draws).toHaveLength(3);
    },
  );
});

describe('the weights of linear multistep', () => {
  test('integrate polynomials of the degree exactly', () => {
    const sigmas = Float32Array.from([700, 200, 55.5, 13, 2.5, 0.4, 0]);
    checkSchedule(sigmas);
    for (let i = 0; i < 6; i++) {
      for (let count = 1; count <= i + 1; count++) {
        const weights = adamsBashforth(sigmas, i, count);
        for (let degree = 0; degree < count; degree++) {
          const sum = weights.reduce((a, w, j) => a + w * (sigmas[i - j] / 700) ** degree, 0);
          const exact =
            (700 / (degree + 1)) *
            ((sigmas[i + 1] / 700) ** (degree + 1) - (sigmas[i] / 700) ** (degree + 1));
          expect(Math.abs(sum - exact)).toBeLessThan(1e-9 * 700);
        }
      }
    }
  });

  test('of one slope are Euler’s step, of two on even levels 3/2 and -1/2', () => {
    const sigmas = Float32Array.from([3, 2, 1, 0]);
    expect(adamsBashforth(sigmas, 1, 1)[0]).toBeCloseTo(-1, 12);
    const [now, before] = adamsBashforth(sigmas, 1, 2);
    expect(now).toBeCloseTo(-1.5, 12);
    expect(before).toBeCloseTo(0.5, 12);
    const four = [55, -59, 37, -9].map((w) => -w / 24);
    adamsBashforth(Float32Array.from([5, 4, 3, 2, 1]), 3, 4).forEach((w, j) =>
      expect(w).toBeCloseTo(four[j], 12),
    );
  });

  test('an order beyond the number of steps is the highest they allow', async () => {
    const of = (order: number) =>
      sampling({ sampler: { name: 'LinearMultistepSampler', overrides: { order } }, steps: 5 });
    const five = await of(5).run({ network, shape, noise });
    expect(await of(1000).run({ network, shape, noise })).toEqual(five);
    expect(await of(4).run({ network, shape, noise })).not.toEqual(five);
  });
});

describe('parameters without a meaning', () => {
  const churn = { sChurn: 0, sTmin: 0, sTmax: 1, sNoise: 1 };
  test.each<[string, () => unknown]>([
    ['s_churn', () => eulerEDM({ ...churn, sChurn: -1 })],
    ['s_tmin', () => heunEDM({ ...churn, sTmin: NaN })],
    ['s_noise', () => heunEDM({ ...churn, sNoise: -0.1 })],
    ['eta', () => eulerAncestral({ eta: -0.1, sNoise: 1 })],
    ['s_noise', () => dpmpp2sAncestral({ eta: 1, sNoise: NaN })],
    ['order', () => linearMultistep({ order: 0 })],
    ['order', () => linearMultistep({ order: 1.5 })],
  ])('are refused by name: %s', (field, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'invalid_parameter', field }));
  });
});
