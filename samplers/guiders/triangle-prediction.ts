import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import { f32, linspace32 } from '../float32.js';
import { type GuidanceInterval, type Guider, guiderOf } from './guider.js';
import type { PredictionScales } from './linear-prediction.js';

export type PeriodFusing = 'max' | 'mean' | 'multiply';

export interface TriangleParameters extends PredictionScales {
  /** Length of one wave as a part of the clip. Several waves are fused. Default 1. */
  readonly period?: number | readonly number[];
  /** How several waves become one. Default max. */
  readonly periodFusing?: PeriodFusing;
}

/**
 * TrianglePredictionGuider: with period 1 the minimum at both ends of the clip and the maximum in its middle, for
 * clips that return to the first picture.
 */
export function trianglePredictionGuider(
  parameters: TriangleParameters,
  frames: number,
  interval?: GuidanceInterval,
): Guider {
  const { minGuidanceScale, maxCfgScale, period = 1, periodFusing = 'max' } = parameters;
  const periods = typeof period === 'number' ? [period] : period;
  if (periods.length === 0 || !periods.every((p) => p > 0 && p < Infinity)) {
    throw new InvalidParameterError('period', period, 'a number above 0, or several');
  }
  const fuse = FUSIONS[periodFusing];
  if (fuse === undefined) {
    throw new InvalidParameterError('period_fusing', periodFusing, Object.keys(FUSIONS).join(', '));
  }
  const range = f32(maxCfgScale - minGuidanceScale);
  const scales = linspace32(0, 1, frames).map((v) => {
    const wave = fuse(periods.map((p) => triangleWave(v, f32(p))));
    return f32(f32(wave * range) + f32(minGuidanceScale));
  });
  return guiderOf(scales, interval);
}

function triangleWave(value: number, period: number): number {
  const turns = f32(value / period);
  return f32(2 * Math.abs(f32(turns - Math.floor(f32(turns + 0.5)))));
}

const FUSIONS: Readonly<Record<PeriodFusing, (waves: readonly number[]) => number>> = {
  max: (waves) => Math.max(...waves),
  mean: (waves) => f32(waves.reduce((sum, wave) => f32(sum + wave), 0) / waves.length),
  multiply: (waves) => waves.reduce((product, wave) => f32(product * wave), 1),
};
