import { f32 } from '../float32.js';
import { eulerInto } from '../kernels.js';
import { addAncestralNoise, type AncestralOptions, ancestralStep, checkAncestral } from './ancestral.js';
import type { Sampler } from './sampler.js';

/**
 * EulerAncestralSampler. Song et al. (2021), ancestral sampling in sigma (k-diffusion: sample_euler_ancestral). With
 * an eta so large that the noise takes the whole step it is the multistep sampler of consistency models.
 */
export function eulerAncestral(options: AncestralOptions): Sampler {
  checkAncestral(options);
  return {
    remembers: 0,
    levelsAt: (sigmas, i) => [sigmas[i]],
    drawsAt: () => (options.eta === 0 ? 0 : 1),
    async step(run, i) {
      const sigma = run.sigmas[i];
      const next = run.sigmas[i + 1];
      const { down, up } = ancestralStep(sigma, next, options.eta);
      const denoised = await run.denoise(run.x, sigma);
      eulerInto(run.x, run.x, denoised, sigma, f32(down - sigma));
      addAncestralNoise(run, next, up, options);
    },
  };
}
