import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import { f32, linspace32, pow32 } from '../float32.js';
import type { Discretization } from './schedule.js';

export interface EDMParameters {
  /** Last level before 0. */
  readonly sigmaMin: number;
  /** First level. */
  readonly sigmaMax: number;
  /** Above 1 it puts more of the levels near `sigmaMin`. */
  readonly rho: number;
}

/**
 * EDMDiscretization. Karras et al. (2022), eq. 5: levels evenly spaced in sigma^(1/rho), both ends included; a
 * single level is `sigmaMax`. Rounded to float32 after every operation, as in the reference.
 */
export function edmDiscretization({ sigmaMin, sigmaMax, rho }: EDMParameters): Discretization {
  if (!(rho > 0 && rho < Infinity)) throw new InvalidParameterError('rho', rho, 'a number above 0');
  if (!(sigmaMin > 0)) throw new InvalidParameterError('sigma_min', sigmaMin, 'a number above 0');
  if (!(sigmaMax > sigmaMin && sigmaMax < Infinity)) {
    throw new InvalidParameterError('sigma_max', sigmaMax, `a number above sigma_min (${sigmaMin})`);
  }
  const top = sigmaMax ** (1 / rho);
  const bottom = sigmaMin ** (1 / rho);
  const span = f32(bottom - top);
  return (n) => linspace32(0, 1, n).map((ramp) => pow32(f32(f32(top) + f32(ramp * span)), rho));
}
