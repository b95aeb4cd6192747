import { linspace32 } from '../float32.js';
import { type GuidanceInterval, type Guider, guiderOf } from './guider.js';

/** Scales of the guiders that change along the frames. */
export interface PredictionScales {
  readonly maxCfgScale: number;
  readonly minGuidanceScale: number;
}

/**
 * LinearPredictionGuider, Blattmann et al. (2023): from the minimum at the first frame, which the picture fixes
 * anyway, evenly up to the maximum at the last. A single frame gets the minimum.
 */
export function linearPredictionGuider(
  { minGuidanceScale, maxCfgScale }: PredictionScales,
  frames: number,
  interval?: GuidanceInterval,
): Guider {
  return guiderOf(linspace32(minGuidanceScale, maxCfgScale, frames), interval);
}
