import type { Sigmas } from '../discretizations/schedule.js';
import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import { f32, sqrt32, square32 } from '../float32.js';
import { addNoiseInto } from '../kernels.js';
import type { Run } from './sampler.js';

/** Karras et al. (2022), Algorithm 2: noise put back before a step. */
export interface ChurnOptions {
  /** Amount over the whole run; 0 makes the sampler deterministic. */
  readonly sChurn: number;
  /** Lowest sigma at which noise is put back. */
  readonly sTmin: number;
  /** Highest sigma at which noise is put back. */
  readonly sTmax: number;
  /** Standard deviation of that noise; a little above 1 makes up for detail lost by the denoiser. */
  readonly sNoise: number;
}

export function checkChurn({ sChurn, sTmin, sTmax, sNoise }: ChurnOptions): void {
  const fields: readonly (readonly [string, number])[] = [
    ['s_churn', sChurn],
    ['s_tmin', sTmin],
    ['s_tmax', sTmax],
    ['s_noise', sNoise],
  ];
  for (const [field, value] of fields) {
    if (!(value >= 0)) throw new InvalidParameterError(field, value, 'a number of at least 0');
  }
}

const MAX_GAMMA = 2 ** 0.5 - 1;

/** gamma, by which sigma grows before step i. The thresholds are compared in float32, as the sigmas are. */
export function gammaAt(sigmas: Sigmas, i: number, { sChurn, sTmin, sTmax }: ChurnOptions): number {
  const inside = f32(sTmin) <= sigmas[i] && sigmas[i] <= f32(sTmax);
  return inside ? Math.min(sChurn / (sigmas.length - 1), MAX_GAMMA) : 0;
}

/** The level to which sigmas[i] is raised before step i. */
export const sigmaHatAt = (sigmas: Sigmas, i: number, options: ChurnOptions): number =>
  f32(sigmas[i] * f32(gammaAt(sigmas, i, options) + 1));

/** Raises run.x from sigmas[i] to sigmaHat. One draw, only when gamma > 0. Returns sigmaHat. */
export function churnInto(run: Run, i: number, options: ChurnOptions): number {
  const gamma = gammaAt(run.sigmas, i, options);
  const sigma = run.sigmas[i];
  const sigmaHat = sigmaHatAt(run.sigmas, i, options);
  if (gamma > 0) {
    const spread = sqrt32(f32(square32(sigmaHat) - square32(sigma)));
    addNoiseInto(run.x, run.drawNormal(), options.sNoise, spread);
  }
  return sigmaHat;
}
