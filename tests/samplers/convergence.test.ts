import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ancestralStep, type ComponentChoice, TorchRandom } from '../../samplers/index.js';
import { edm, gaussianDenoiser, networkOf, sampling, SAMPLERS } from './support.js';

/** Where the probability flow carries a point at sigma to, at sigma = 0, for data from N(mean, deviation^2). */
const flow = (x: number, sigma: number, mean: number, deviation: number): number =>
  mean + ((x - mean) * deviation) / Math.hypot(deviation, sigma);

/** Largest distance of a deterministic run from the exact flow. */
async function flowError(
  sampler: ComponentChoice,
  steps: number,
  mean: number,
  deviation: number,
): Promise<number> {
  const noise = new TorchRandom(4).randn(16);
  const run = sampling({ sampler, steps, discretization: edm(0.002, 20) });
  const latents = await run.run({
    network: networkOf(gaussianDenoiser(mean, deviation)),
    shape: [1, 4, 2, 2],
    noise,
  });
  const start = run.sigmas[0];
  const scale = Math.fround(Math.sqrt(1 + start ** 2));
  return Math.max(...latents.map((x, i) => Math.abs(x - flow(noise[i] * scale, start, mean, deviation))));
}

const DETERMINISTIC: readonly (readonly [string, ComponentChoice, number, number])[] = [
  // name, sampler, order it is known for, largest error allowed at 160 steps
  ['Euler', 'EulerEDMSampler', 1, 0.05],
  ['Heun', 'HeunEDMSampler', 2, 2e-3],
  ['Euler ancestral without noise', { name: 'EulerAncestralSampler', overrides: { eta: 0 } }, 1, 0.05],
  ['DPM++ 2S without noise', { name: 'DPMPP2SAncestralSampler', overrides: { eta: 0 } }, 2, 2e-3],
  ['DPM++ 2M', 'DPMPP2MSampler', 2, 2e-3],
  ['linear multistep of order 1', { name: 'LinearMultistepSampler', overrides: { order: 1 } }, 1, 0.05],
  ['linear multistep of order 2', { name: 'LinearMultistepSampler', overrides: { order: 2 } }, 2, 3e-3],
];

describe('on data whose exact denoiser is known', () => {
  test.each(DETERMINISTIC)('%s converges to the exact answer at its order', async (_name, sampler, order) => {
    const [coarse, fine] = [await flowError(sampler, 40, 0.3, 0.7), await flowError(sampler, 80, 0.3, 0.7)];
    const observed = Math.log2(coarse / fine);
    expect(observed).toBeGreaterThan(order - 0.25);
    expect(observed).toBeLessThan(order + 0.6);
  });

  test('linear multistep of order 4 is more exact than order 3, and that than order 2', async () => {
    const errors: number[] = [];
    for (const order of [1, 2, 3, 4]) {
      errors.push(await flowError({ name: 'LinearMultistepSampler', overrides: { order } }, 40, 0.3, 0.7));
    }
    for (let i = 1; i < errors.length; i++) expect(errors[i]).toBeLessThan(errors[i - 1] / 2);
  });

  test.each(DETERMINISTIC)(
    '%s converges for any mean and deviation',
    async (_name, sampler, _order, allowed) => {
      const mean = fc.double({ min: -2, max: 2, noNaN: true });
      const deviation = fc.double({ min: 0.3, max: 2, noNaN: true });
      await fc.assert(
        fc.asyncProperty(mean, deviation, async (m, d) => {
          expect(await flowError(sampler, 160, m, d)).toBeLessThan(allowed * Math.max(1, d));
        }),
        { numRuns: 15 },
      );
    },
  );

  test.each(SAMPLERS)('%s gives the data point when the data is one point', async (_name, sampler) => {
    const run = sampling({ sampler, steps: 12 });
    const network = networkOf(() => 0.75);
    const latents = await run.run({ network, shape: [1, 4, 3, 3], random: new TorchRandom(1) });
    for (const value of latents) expect(value).toBeCloseTo(0.75, 4);
  });
});

describe('stochastic samplers', () => {
  const STOCHASTIC: readonly (readonly [string, ComponentChoice])[] = [
    ['Euler ancestral', 'EulerAncestralSampler'],
    ['Euler ancestral at eta 0.5', { name: 'EulerAncestralSampler', overrides: { eta: 0.5 } }],
    ['DPM++ 2S ancestral', 'DPMPP2SAncestralSampler'],
    ['Heun with churn', { name: 'HeunEDMSampler', overrides: { s_churn: 20 } }],
    ['Euler with churn', { name: 'EulerEDMSampler', overrides: { s_churn: 8 } }],
  ];

  test.each(STOCHASTIC)('%s keeps the mean and the variance of the data', async (_name, sampler) => {
    const [mean, deviation] = [0.4, 0.8];
    const run = sampling({ sampler, steps: 120, discretization: edm(0.002, 20, 5) });
    const latents = await run.run({
      network: networkOf(gaussianDenoiser(mean, deviation)),
      shape: [1, 4, 64, 64],
      random: new TorchRandom(9),
    });
    const average = latents.reduce((a, v) => a + v, 0) / latents.length;
    const variance = latents.reduce((a, v) => a + (v - average) ** 2, 0) / latents.length;
    // 16384 values: the mean is known to 0.006 and the deviation to 0.0045; first-order steps add a little.
    expect(Math.abs(average - mean)).toBeLessThan(0.025);
    expect(Math.abs(Math.sqrt(variance) / deviation - 1)).toBeLessThan(0.04);
  });

  test('too little noise is noticed: s_noise 0.5 loses variance', async () => {
    const sampler = { name: 'EulerAncestralSampler', overrides: { s_noise: 0.5 } };
    const run = sampling({ sampler, steps: 120, discretization: edm(0.002, 20, 5) });
    const network = networkOf(gaussianDenoiser(0, 0.8));
    const latents = await run.run({ network, shape: [1, 4, 32, 32], random: new TorchRandom(9) });
    const deviation = Math.sqrt(latents.reduce((a, v) => a + v * v, 0) / latents.length);
    expect(deviation).toBeLessThan(0.8 * 0.8);
  });

  test('an ancestral step splits the next level into noise and rest: next^2 = down^2 + up^2', () => {
    const level = fc.double({ min: 0.01, max: 100, noNaN: true }).map(Math.fround);
    fc.assert(
      fc.property(level, level, fc.double({ min: 0, max: 3, noNaN: true }), (a, b, eta) => {
        fc.pre(a > b);
        const { down, up } = ancestralStep(a, b, eta);
        expect(up).toBeLessThanOrEqual(b);
        expect(down).toBeLessThanOrEqual(b);
        expect((down ** 2 + up ** 2) / b ** 2).toBeCloseTo(1, 5);
        const exact = Math.min(b, eta * Math.sqrt((b ** 2 * (a ** 2 - b ** 2)) / a ** 2));
        // a^2 - b^2 cancels in float32 when the levels are close.
        const spread = 1 - (b / a) ** 2;
        fc.pre(spread > 1e-3);
        expect(Math.abs(up - exact) / b).toBeLessThan(2e-4);
      }),
    );
  });
});
