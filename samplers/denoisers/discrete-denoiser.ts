import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import { f32 } from '../float32.js';
import type { Scaling } from './scalings.js';

export interface DiscreteOptions {
  /** The levels the network was trained on, ascending, without a zero; see `tableOf`. */
  readonly table: Float32Array;
  /** Tell the network the index of the level instead of its value. Default true. */
  readonly quantizeCNoise?: boolean;
}

/**
 * DiscreteDenoiser: rounds sigma to the nearest trained level before scaling, and then c_noise to an index. The
 * samplers' own formulas keep the sigma they asked for. The continuous Denoiser needs no wrapper: it is the scaling.
 */
export function discreteDenoiser(
  scaling: Scaling,
  { table, quantizeCNoise = true }: DiscreteOptions,
): Scaling {
  if (table.length === 0) throw new InvalidParameterError('table', table, 'at least one level');
  return (sigma) => {
    const coefficients = scaling(table[nearest(table, sigma)]);
    return quantizeCNoise ? { ...coefficients, cNoise: nearest(table, coefficients.cNoise) } : coefficients;
  };
}

/** Index of the closest level, the first of equals. The distances are float32, so ties fall as in the reference. */
function nearest(table: Float32Array, value: number): number {
  let best = 0;
  let least = Infinity;
  for (let i = 0; i < table.length; i++) {
    const distance = Math.abs(f32(value - table[i]));
    if (distance < least) {
      least = distance;
      best = i;
    }
  }
  return best;
}
