import { exp32, expm132, f32, log32 } from '../float32.js';
import { exponentialInto, exponentialMultistepInto } from '../kernels.js';
import { isZero, type Sampler } from './sampler.js';

/**
 * DPMPP2MSampler. Lu et al. (2022), DPM-Solver++(2M) (k-diffusion: sample_dpmpp_2m). Second order for one evaluation
 * a step: it extrapolates from the denoised latents of the step before.
 */
export function dpmpp2m(): Sampler {
  return {
    remembers: 1,
    levelsAt: (sigmas, i) => [sigmas[i]],
    drawsAt: () => 0,
    async step(run, i) {
      const { sigmas, x } = run;
      const denoised = await run.denoise(x, sigmas[i]);
      const t = -log32(sigmas[i]);
      const tNext = -log32(sigmas[i + 1]);
      const h = f32(tNext - t);
      const a = f32(exp32(-tNext) / exp32(-t));
      const b = expm132(-h);
      // The last step is tested first: with h infinite r would be 0 and its inverse infinite.
      if (i === 0 || isZero(sigmas[i + 1])) {
        exponentialInto(x, x, denoised, a, b);
      } else {
        const r = f32(f32(t + log32(sigmas[i - 1])) / h);
        const before = f32(1 / f32(2 * r));
        exponentialMultistepInto(x, denoised, run.history[0], { a, b, now: f32(1 + before), before });
      }
      run.remember(1);
    },
  };
}
