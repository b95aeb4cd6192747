import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import { InvalidScheduleError } from '../errors/invalid-schedule-error.js';

/** Chooses n noise levels, float32, descending, without the final zero. */
export type Discretization = (n: number) => Float32Array;

/** Noise levels of a run: n positive ones, strictly decreasing, then 0. Length n + 1. */
export type Sigmas = Float32Array;

/**
 * Asks for n levels and appends the zero, so that every list goes with every sampler.
 * @throws InvalidScheduleError when a level is not finite, not positive or not below the one before
 */
export function scheduleOf(discretization: Discretization, n: number): Sigmas {
  checkCount('steps', n);
  const levels = discretization(n);
  const sigmas = new Float32Array(levels.length + 1);
  sigmas.set(levels);
  checkSchedule(sigmas);
  return sigmas;
}

/** The levels ascending and without a zero: the table a discrete denoiser looks up. */
export function tableOf(discretization: Discretization, n: number): Float32Array {
  checkCount('num_idx', n);
  return discretization(n).reverse();
}

/** @throws InvalidScheduleError unless the levels are finite and fall strictly to a final 0 */
export function checkSchedule(sigmas: Sigmas): void {
  const last = sigmas.length - 1;
  if (last < 1) throw new InvalidScheduleError(0, 'there is no level above 0');
  if (sigmas[last] !== 0) throw new InvalidScheduleError(last, `the last level is ${sigmas[last]}, not 0`);
  for (let i = 0; i < last; i++) {
    if (!Number.isFinite(sigmas[i])) {
      throw new InvalidScheduleError(i, `level ${i} of ${last} is ${sigmas[i]}`);
    }
    if (!(sigmas[i] > sigmas[i + 1])) {
      throw new InvalidScheduleError(
        i + 1,
        `level ${i + 1} of ${last} is ${sigmas[i + 1]}, not below the ${sigmas[i]} before it`,
      );
    }
  }
}

function checkCount(field: string, n: number): void {
  if (!Number.isInteger(n) || n < 1) throw new InvalidParameterError(field, n, 'an integer of at least 1');
}
