import { exp32, expm132, f32, log32 } from '../float32.js';
import { eulerInto, exponentialInto } from '../kernels.js';
import { addAncestralNoise, type AncestralOptions, ancestralStep, checkAncestral } from './ancestral.js';
import { isZero, type Sampler } from './sampler.js';

/**
 * DPMPP2SAncestralSampler. Lu et al. (2022), DPM-Solver++(2S), with ancestral noise (k-diffusion:
 * sample_dpmpp_2s_ancestral). Two evaluations for each step whose deterministic part stops above 0.
 */
export function dpmpp2sAncestral(options: AncestralOptions): Sampler {
  checkAncestral(options);
  return {
    remembers: 0,
    levelsAt(sigmas, i) {
      const { down } = ancestralStep(sigmas[i], sigmas[i + 1], options.eta);
      return isZero(down) ? [sigmas[i]] : [sigmas[i], midpoint(sigmas[i], down).mid];
    },
    drawsAt: () => (options.eta === 0 ? 0 : 1),
    async step(run, i) {
      const sigma = run.sigmas[i];
      const next = run.sigmas[i + 1];
      const { down, up } = ancestralStep(sigma, next, options.eta);
      const denoised = await run.denoise(run.x, sigma);
      if (isZero(down)) {
        eulerInto(run.x, run.x, denoised, sigma, f32(down - sigma));
      } else {
        const { mid, toMid, toDown } = midpoint(sigma, down);
        const x2 = run.scratch(0);
        exponentialInto(x2, run.x, denoised, toMid.a, toMid.b);
        const denoised2 = await run.denoise(x2, mid);
        exponentialInto(run.x, run.x, denoised2, toDown.a, toDown.b);
      }
      addAncestralNoise(run, next, up, options);
    },
  };
}

interface Weights {
  readonly a: number;
  readonly b: number;
}

/** The level halfway in t = -ln sigma, and the weights of the exponential steps to it and past it to `down`. */
function midpoint(sigma: number, down: number): { mid: number; toMid: Weights; toDown: Weights } {
  const t = -log32(sigma);
  const tNext = -log32(down);
  const h = f32(tNext - t);
  const mid = exp32(-f32(t + f32(0.5 * h)));
  const start = exp32(-t);
  return {
    mid,
    toMid: { a: f32(mid / start), b: expm132(f32(-0.5 * h)) },
    toDown: { a: f32(exp32(-tNext) / start), b: expm132(-h) },
  };
}
