import type { Middleware } from 'koa';
import { resolveClip } from '../../pipeline/clip-request.js';
import type { ClipParams } from '../../pipeline/clip-params.js';
import { planEvaluations } from '../../pipeline/evaluation-plan.js';
import type { ModelManifest } from '../../pipeline/manifest.js';
import type { TaskRunner } from '../tasks/runner.js';
import type { FormReader } from './form.js';

export interface EstimateOptions {
  readonly readForm: FormReader;
  readonly manifest: ModelManifest;
  readonly runner: TaskRunner;
}

/**
 * POST /estimate: checks and resolves the parameters of a clip as a submission would, makes nothing, and says what to
 * expect: network evaluations, seconds of work and of waiting (null until this process has made a clip), bytes of memory
 * (null where they are not known for the model).
 */
export const estimate =
  ({ readForm, manifest, runner }: EstimateOptions): Middleware =>
  async (ctx) => {
    const { fields } = await readForm(ctx);
    const { params, warnings } = resolveClip(fields, manifest);
    const { workSeconds, waitSeconds } = runner.expectation(params);
    ctx.set('Cache-Control', 'no-store');
    ctx.body = {
      params,
      warnings,
      evaluations: evaluationsOf(params, manifest),
      seconds: workSeconds,
      wait_seconds: waitSeconds,
      memory_bytes: memoryOf(params, manifest),
    };
  };

function evaluationsOf(params: ClipParams, manifest: ModelManifest): number {
  const { full, shallow } = planEvaluations(params, manifest);
  return (full + shallow) * params.num_cols;
}

const memoryOf = ({ W, H, T }: ClipParams, { memory }: ModelManifest): number | null =>
  memory ? W * H * T * memory.bytes_per_pixel : null;
