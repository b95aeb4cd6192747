import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import { f32 } from '../float32.js';

/** Sigmas, both ends included, at which guidance is applied. Outside only the conditional prediction is made. */
export interface GuidanceInterval {
  readonly low: number;
  readonly high: number;
}

/**
 * How the unconditional prediction u and the conditional c become one: u + s * (c - u), with one scale s for each
 * frame. `null` scales stand for c alone.
 */
export interface Guider {
  /** One scale for each frame, float32, or null for no guidance. */
  readonly scales: Float32Array | null;
  /** Whether the unconditional prediction has any say at this sigma; without it an evaluation costs half. */
  readonly needsUnconditional: (sigma: number) => boolean;
}

/**
 * A guider from its scales. When all are exactly 1 the answer is c, so the unconditional prediction is not asked for.
 * Restricting guidance to an interval of sigmas follows Kynkäänniemi et al. (2024).
 */
export function guiderOf(scales: Float32Array, interval?: GuidanceInterval): Guider {
  for (const scale of scales) {
    if (!Number.isFinite(scale)) throw new InvalidParameterError('guidance scale', scale, 'a finite number');
  }
  if (scales.every((scale) => scale === 1)) return { scales: null, needsUnconditional: () => false };
  if (interval === undefined) return { scales, needsUnconditional: () => true };
  const low = f32(interval.low);
  const high = f32(interval.high);
  if (!(low <= high)) {
    throw new InvalidParameterError(
      'guidance_sigma_max',
      interval.high,
      `at least ${interval.low}, the low end`,
    );
  }
  return { scales, needsUnconditional: (sigma) => sigma >= low && sigma <= high };
}
