import { createSampling, type Sampling } from '../samplers/index.js';
import { CacheSchedule } from './cache-schedule.js';
import type { ClipStage } from './clip-job.js';
import type { ClipParams } from './clip-params.js';
import { recipeFrom } from './clip-request.js';
import { shareDone } from './clip-stages.js';
import type { ModelManifest } from './manifest.js';

/** How many evaluations were of the whole network, and how many of the part above the cut. */
export interface EvaluationCounts {
  readonly full: number;
  readonly shallow: number;
}

/** All that one variation of a clip asks of the network, known before it is made. */
export interface EvaluationPlan extends EvaluationCounts {
  /** What each step costs, in evaluations of the whole network with all the rows that the model can have. */
  readonly stepCosts: readonly number[];
  /** The most rows of one evaluation: 2 where a clip is guided. */
  readonly rows: 1 | 2;
}

/** The sampler of a clip. */
export function prepareSampling(params: ClipParams, { abilities, scaling }: ModelManifest): Sampling {
  const recipe = recipeFrom(params);
  // Without an unconditional branch there is nothing to guide with, whatever the guider: one row says it all.
  const guider = abilities.guidance ? recipe.guider : 'IdentityGuider';
  return createSampling({ ...recipe, guider }, { frames: params.T, scaling });
}

export function planEvaluations(params: ClipParams, manifest: ModelManifest): EvaluationPlan {
  const sampling = prepareSampling(params, manifest);
  const schedule = new CacheSchedule(params.deepcache_interval);
  const share = manifest.shallow[String(params.deepcache_branch)]?.cost ?? 1;
  let [full, shallow, guided] = [0, 0, false];
  const stepCosts = Array.from({ length: sampling.steps }, (_, step) => {
    let cost = 0;
    sampling.branchesAt(step).forEach((branches, slot) => {
      guided ||= branches === 'both';
      const rows = branches === 'both' || !manifest.abilities.guidance ? 1 : 0.5;
      if (schedule.isShallow({ step, slot }, branches)) {
        shallow++;
        cost += rows * share;
      } else {
        full++;
        cost += rows;
      }
    });
    return cost;
  });
  return { full, shallow, stepCosts, rows: guided ? 2 : 1 };
}

/** The share of a clip that is done, 0 to 1, at `step` of `steps` within a stage; steps of sampling go by their cost. */
export function shareOfClip(plan: EvaluationPlan, stage: ClipStage, step: number, steps: number): number {
  if (stage !== 'sample') return shareDone(stage, step, steps);
  const cost = (costs: readonly number[]) => costs.reduce((total, one) => total + one, 0);
  return shareDone(stage, cost(plan.stepCosts.slice(0, step)), cost(plan.stepCosts));
}
