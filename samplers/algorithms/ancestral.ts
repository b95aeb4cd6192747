import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import { f32, sqrt32, square32 } from '../float32.js';
import { addNoiseInto } from '../kernels.js';
import type { Run } from './sampler.js';

/** How much of each step is replaced by fresh noise. */
export interface AncestralOptions {
  /** 0 is deterministic, 1 the full ancestral step; larger values end where all structure is redrawn. */
  readonly eta: number;
  /** Standard deviation of the fresh noise. */
  readonly sNoise: number;
}

export function checkAncestral({ eta, sNoise }: AncestralOptions): void {
  if (!(eta >= 0)) throw new InvalidParameterError('eta', eta, 'a number of at least 0');
  if (!(sNoise >= 0)) throw new InvalidParameterError('s_noise', sNoise, 'a number of at least 0');
}

/** A step to `next` as a deterministic part down to `down` and noise of size `up`: next^2 = down^2 + up^2. */
export function ancestralStep(sigma: number, next: number, eta: number): { down: number; up: number } {
  if (eta === 0) return { down: next, up: 0 };
  const from = square32(sigma);
  const to = square32(next);
  const share = sqrt32(f32(f32(to * f32(from - to)) / from));
  const up = Math.min(next, f32(f32(eta) * share));
  return { down: sqrt32(f32(to - square32(up))), up };
}

/**
 * Adds the noise of size `up`. One draw for every step, the last one included: there it is thrown away, but the
 * reference draws it, so what is drawn from the generator afterwards agrees. None at all with eta = 0.
 */
export function addAncestralNoise(
  run: Run,
  next: number,
  up: number,
  { eta, sNoise }: AncestralOptions,
): void {
  if (eta === 0) return;
  const noise = run.drawNormal();
  if (next > 0) addNoiseInto(run.x, noise, sNoise, up);
}
