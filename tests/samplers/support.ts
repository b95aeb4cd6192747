import {
  type ComponentChoice,
  createSampling,
  type Network,
  type Sampling,
  type SamplingRequest,
  vScalingWithEDMcNoise,
} from '../../samplers/index.js';

/** Every sampler in a deterministic and, where it has one, a stochastic form. */
export const SAMPLERS: readonly (readonly [label: string, choice: ComponentChoice])[] = [
  ['Euler', 'EulerEDMSampler'],
  ['Euler with churn', { name: 'EulerEDMSampler', overrides: { s_churn: 3, s_tmin: 0.1, s_noise: 1.003 } }],
  ['Heun', 'HeunEDMSampler'],
  ['Heun with churn', { name: 'HeunEDMSampler', overrides: { s_churn: 3, s_tmax: 10 } }],
  ['Euler ancestral', 'EulerAncestralSampler'],
  ['DPM++ 2S ancestral', { name: 'DPMPP2SAncestralSampler', overrides: { eta: 0.7 } }],
  ['DPM++ 2M', 'DPMPP2MSampler'],
  ['linear multistep', 'LinearMultistepSampler'],
];

/** The exact denoiser of data from N(mean, deviation^2), every value independent. */
export const gaussianDenoiser =
  (mean: number, deviation: number) =>
  (x: number, sigma: number): number =>
    mean + (deviation ** 2 / (deviation ** 2 + sigma ** 2)) * (x - mean);

/** A network that, wrapped in SVD's scaling, is the given denoiser. One output for both branches. */
export function networkOf(denoise: (x: number, sigma: number) => number): Network {
  return {
    evaluate: (input, cNoise, branches) => {
      const sigma = Math.exp(4 * cNoise);
      const { cIn, cOut, cSkip } = vScalingWithEDMcNoise(sigma);
      const rows = branches === 'both' ? 2 : 1;
      const out = new Float32Array(rows * input.length);
      for (let i = 0; i < out.length; i++) {
        const x = input[i % input.length] / cIn;
        out[i] = (denoise(x, sigma) - cSkip * x) / cOut;
      }
      return Promise.resolve(out);
    },
  };
}

export const IDENTITY = { name: 'IdentityGuider', params: {} };
export const edm = (sigma_min: number, sigma_max: number, rho = 7) => ({
  name: 'EDMDiscretization',
  params: { sigma_min, sigma_max, rho },
});

export const sampling = (request: Partial<SamplingRequest>, frames = 1): Sampling =>
  createSampling(
    { steps: 6, sampler: 'EulerEDMSampler', discretization: edm(0.02, 80), guider: IDENTITY, ...request },
    { frames },
  );
