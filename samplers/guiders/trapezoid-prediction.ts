import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import { linspace32 } from '../float32.js';
import { type GuidanceInterval, type Guider, guiderOf } from './guider.js';
import type { PredictionScales } from './linear-prediction.js';

export interface TrapezoidParameters extends PredictionScales {
  /** Part of the clip taken by each ramp, 0 to 0.5. Default 0.1. */
  readonly edgePerc?: number;
}

/**
 * TrapezoidPredictionGuider: a ramp from the minimum to the maximum, a plateau, and the ramp mirrored.
 *
 * The plateau is 1, not the maximum, as in the reference; so most frames of a clip are not guided at all, and a ramp
 * of one frame is the minimum alone.
 */
export function trapezoidPredictionGuider(
  { minGuidanceScale, maxCfgScale, edgePerc = 0.1 }: TrapezoidParameters,
  frames: number,
  interval?: GuidanceInterval,
): Guider {
  if (!(edgePerc >= 0 && edgePerc <= 0.5)) {
    throw new InvalidParameterError('edge_perc', edgePerc, 'a number from 0 to 0.5');
  }
  const edge = Math.trunc(frames * edgePerc);
  const rise = linspace32(minGuidanceScale, maxCfgScale, edge);
  const scales = new Float32Array(frames).fill(1);
  scales.set(rise);
  scales.set(rise.toReversed(), frames - edge);
  return guiderOf(scales, interval);
}
