import type { ClipParams } from './clip-params.js';

/** Samplers that evaluate the network twice in nearly every step. */
const TWO_EVALUATIONS = new Set(['HeunEDMSampler', 'DPMPP2SAncestralSampler']);

/** What a clip costs in pixels × evaluations: proportional to its time on one model and device, good for estimates. */
export function clipCost({ W, H, T, num_cols, steps, sampler }: ClipParams): number {
  return W * H * T * num_cols * steps * (TWO_EVALUATIONS.has(sampler) ? 2 : 1);
}
