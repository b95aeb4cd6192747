import { f32 } from '../float32.js';
import { eulerInto, heunInto, slopeInto } from '../kernels.js';
import { type ChurnOptions, checkChurn, churnInto, gammaAt, sigmaHatAt } from './churn.js';
import { isZero, type Sampler } from './sampler.js';

/** HeunEDMSampler. Karras et al. (2022), Algorithm 2 (k-diffusion: sample_heun). 2n - 1 evaluations. */
export function heunEDM(options: ChurnOptions): Sampler {
  checkChurn(options);
  return {
    remembers: 0,
    levelsAt(sigmas, i) {
      const sigmaHat = sigmaHatAt(sigmas, i, options);
      return isZero(sigmas[i + 1]) ? [sigmaHat] : [sigmaHat, sigmas[i + 1]];
    },
    drawsAt: (sigmas, i) => (gammaAt(sigmas, i, options) > 0 ? 1 : 0),
    async step(run, i) {
      const next = run.sigmas[i + 1];
      const sigmaHat = churnInto(run, i, options);
      const denoised = await run.denoise(run.x, sigmaHat);
      const dt = f32(next - sigmaHat);
      if (isZero(next)) {
        eulerInto(run.x, run.x, denoised, sigmaHat, dt);
        return;
      }
      const x2 = run.scratch(0);
      const d = run.scratch(1);
      eulerInto(x2, run.x, denoised, sigmaHat, dt);
      slopeInto(d, run.x, denoised, sigmaHat);
      const denoised2 = await run.denoise(x2, next);
      heunInto(run.x, d, x2, denoised2, next, dt);
    },
  };
}
