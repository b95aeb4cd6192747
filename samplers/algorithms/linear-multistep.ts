import type { Sigmas } from '../discretizations/schedule.js';
import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import { addCombinationInto, slopeInto } from '../kernels.js';
import { gaussLegendre, integrate } from './gauss-legendre.js';
import type { Sampler } from './sampler.js';

export interface LinearMultistepOptions {
  /** Slopes that are combined, the current one included. Each one more than the first is one more buffer to keep. */
  readonly order: number;
}

/**
 * LinearMultistepSampler. Adams-Bashforth on uneven steps (k-diffusion: sample_lms). The first steps, with fewer
 * slopes at hand, have a lower order.
 */
export function linearMultistep({ order }: LinearMultistepOptions): Sampler {
  if (!Number.isInteger(order) || order < 1) {
    throw new InvalidParameterError('order', order, 'an integer of at least 1');
  }
  return {
    remembers: order - 1,
    levelsAt: (sigmas, i) => [sigmas[i]],
    drawsAt: () => 0,
    async step(run, i) {
      const d = await run.denoise(run.x, run.sigmas[i]);
      slopeInto(d, run.x, d, run.sigmas[i]);
      const slopes = [d, ...run.history];
      addCombinationInto(run.x, adamsBashforth(run.sigmas, i, slopes.length), slopes);
      run.remember(order - 1);
    },
  };
}

/**
 * Weights of the slopes at sigmas[i], sigmas[i - 1], ...: the integrals, from sigmas[i] to sigmas[i + 1], of the
 * Lagrange polynomials through those levels. The quadrature is exact for their degree.
 */
export function adamsBashforth(sigmas: Sigmas, i: number, count: number): number[] {
  const rule = gaussLegendre(Math.ceil(count / 2));
  return Array.from({ length: count }, (_, j) => {
    const lagrange = (tau: number): number => {
      let product = 1;
      for (let k = 0; k < count; k++) {
        if (k !== j) product *= (tau - sigmas[i - k]) / (sigmas[i - j] - sigmas[i - k]);
      }
      return product;
    };
    return integrate(lagrange, sigmas[i], sigmas[i + 1], rule);
  });
}
