import type { ClipParams } from './clip-params.js';
import { resolveClip } from './clip-request.js';
import { planEvaluations } from './evaluation-plan.js';
import type { ModelManifest } from './manifest.js';

/** What a clip costs in pixels × evaluations: proportional to its time on one device, good for estimates. */
export function clipCost(params: ClipParams, manifest: ModelManifest): number {
  const { W, H, T, num_cols } = params;
  const { stepCosts } = planEvaluations(params, manifest);
  return W * H * T * num_cols * stepCosts.reduce((sum, cost) => sum + cost, 0);
}

/** What the clip of the model's own recipe costs. */
export const recipeCost = (manifest: ModelManifest): number =>
  clipCost(resolveClip({}, manifest).params, manifest);
