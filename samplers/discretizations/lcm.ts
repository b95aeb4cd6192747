import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import { edmDiscretization, type EDMParameters } from './edm.js';
import type { Discretization } from './schedule.js';

export interface LCMParameters extends EDMParameters {
  /** Levels that the model was distilled at; no more than that can be asked for. */
  readonly numTimesteps: number;
}

/**
 * LCMDiscretization. The levels of a consistency model (Song et al. 2023; AnimateLCM's scheduler): of the `numTimesteps`
 * levels of EDM at which it was distilled every floor(numTimesteps / n)-th, from the noisiest down.
 * @throws InvalidParameterError for `steps` when more levels are asked for than there are
 */
export function lcmDiscretization({ numTimesteps, ...edm }: LCMParameters): Discretization {
  if (!Number.isInteger(numTimesteps) || numTimesteps < 1) {
    throw new InvalidParameterError('num_timesteps', numTimesteps, 'an integer of at least 1');
  }
  const levels = edmDiscretization(edm)(numTimesteps);
  return (n) => {
    if (n > numTimesteps) throw new InvalidParameterError('steps', n, `from 1 to ${numTimesteps}`);
    const stride = Math.floor(numTimesteps / n);
    return Float32Array.from({ length: n }, (_, k) => levels[k * stride]);
  };
}
