import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import { sqrt32, f32 } from '../float32.js';
import type { Discretization } from './schedule.js';

export interface LegacyDDPMParameters {
  /** First beta of the training schedule. */
  readonly linearStart: number;
  /** Last beta of the training schedule. */
  readonly linearEnd: number;
  /** Levels of the training schedule; no more than that can be asked for. */
  readonly numTimesteps: number;
}

/**
 * LegacyDDPMDiscretization. Ho et al. (2020) with Stable Diffusion's betas: the levels a DDPM was trained on,
 * sqrt((1 - alphaBar) / alphaBar), taken at roughly equal steps from the noisiest down.
 * @throws InvalidParameterError for `steps` when more levels are asked for than were trained
 */
export function legacyDDPMDiscretization(parameters: LegacyDDPMParameters): Discretization {
  const { numTimesteps } = parameters;
  const alphasCumprod = cumulativeAlphas(parameters);
  return (n) => {
    if (n > numTimesteps) throw new InvalidParameterError('steps', n, `from 1 to ${numTimesteps}`);
    return Float32Array.from({ length: n }, (_, k) => {
      const alpha = alphasCumprod[timestep(k, n, numTimesteps)];
      return sqrt32(f32((1 - alpha) / alpha));
    });
  };
}

/** Position k of n from the noisiest level. The quotient is rounded before it is multiplied: numpy truncates so. */
function timestep(k: number, n: number, numTimesteps: number): number {
  if (n === numTimesteps) return numTimesteps - 1 - k;
  return Math.trunc(k * ((0 - (numTimesteps - 1)) / n) + (numTimesteps - 1));
}

/** Running product of 1 - beta, in double precision; sqrt(beta) is evenly spaced. */
function cumulativeAlphas({ linearStart, linearEnd, numTimesteps }: LegacyDDPMParameters): Float64Array {
  if (!Number.isInteger(numTimesteps) || numTimesteps < 1) {
    throw new InvalidParameterError('num_timesteps', numTimesteps, 'an integer of at least 1');
  }
  if (!(linearStart > 0 && linearStart < 1)) {
    throw new InvalidParameterError('linear_start', linearStart, 'a number between 0 and 1');
  }
  if (!(linearEnd >= linearStart && linearEnd < 1)) {
    throw new InvalidParameterError('linear_end', linearEnd, `from linear_start (${linearStart}) to below 1`);
  }
  const from = Math.sqrt(linearStart);
  const to = Math.sqrt(linearEnd);
  const step = numTimesteps > 1 ? (to - from) / (numTimesteps - 1) : 0;
  const out = new Float64Array(numTimesteps);
  let product = 1;
  for (let i = 0; i < numTimesteps; i++) {
    const root = i < Math.floor(numTimesteps / 2) ? from + step * i : to - step * (numTimesteps - 1 - i);
    product *= 1 - root * root;
    out[i] = product;
  }
  return out;
}
