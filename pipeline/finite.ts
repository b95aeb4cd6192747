import { PipelineError } from './errors.js';

/** @throws PipelineError `not_finite` saying that `what` is, when a value is NaN or infinite */
export function requireFinite(values: Float32Array, what: string): void {
  let broken = 0; // x − x is NaN for NaN and the infinities, else 0
  for (let i = 0; i < values.length; i++) broken += values[i] - values[i];
  if (broken === 0) return;
  throw new PipelineError('not_finite', `${what} is not finite: it holds NaN or infinite values`);
}
