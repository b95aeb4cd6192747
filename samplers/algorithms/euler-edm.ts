import { f32 } from '../float32.js';
import { eulerInto } from '../kernels.js';
import { type ChurnOptions, checkChurn, churnInto, gammaAt, sigmaHatAt } from './churn.js';
import type { Sampler } from './sampler.js';

/** EulerEDMSampler. Karras et al. (2022), Algorithm 2 without the correction (k-diffusion: sample_euler). */
export function eulerEDM(options: ChurnOptions): Sampler {
  checkChurn(options);
  return {
    remembers: 0,
    levelsAt: (sigmas, i) => [sigmaHatAt(sigmas, i, options)],
    drawsAt: (sigmas, i) => (gammaAt(sigmas, i, options) > 0 ? 1 : 0),
    async step(run, i) {
      const sigmaHat = churnInto(run, i, options);
      const denoised = await run.denoise(run.x, sigmaHat);
      const dt = f32(run.sigmas[i + 1] - sigmaHat);
      eulerInto(run.x, run.x, denoised, sigmaHat, dt);
    },
  };
}
