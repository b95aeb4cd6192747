import type { Middleware } from 'koa';
import { clipMemory, type MemorySettings } from '../../pipeline/clip-memory.js';
import { resolveClip } from '../../pipeline/clip-request.js';
import type { ClipParams } from '../../pipeline/clip-params.js';
import { planEvaluations } from '../../pipeline/evaluation-plan.js';
import type { ModelManifest } from '../../pipeline/manifest.js';
import type { WorkerPool } from '../../pipeline/worker-pool.js';
import type { Admission } from '../admission/admission.js';
import { inGigabytes } from '../admission/task-limits.js';
import type { TaskRunner } from '../tasks/runner.js';
import type { FormReader } from './form.js';

export interface EstimateOptions {
  readonly readForm: FormReader;
  readonly manifest: ModelManifest;
  readonly runner: TaskRunner;
  readonly config: MemorySettings;
  readonly admission: Admission;
  readonly workers: Pick<WorkerPool, 'largestDevice'>;
}

/**
 * POST /estimate: checks and resolves the parameters of a clip as a submission would, makes nothing, and says what to
 * expect: network evaluations (and how many are of the whole network and of its outer part), seconds of work and of waiting
 * (null while nothing tells how long clips take: neither the device's warm-up nor a clip), bytes of the device's memory at
 * the most (null where they are not known for the model).
 */
export const estimate =
  ({ readForm, manifest, runner, config, admission, workers }: EstimateOptions): Middleware =>
  async (ctx) => {
    const { fields } = await readForm(ctx);
    const { params, warnings } = resolveClip(fields, manifest);
    admission.check({ kind: 'clip', source: { type: 'upload' }, params });
    const memory = clipMemory(params, manifest, config);
    const { workSeconds, waitSeconds } = runner.expectation(params);
    ctx.set('Cache-Control', 'no-store');
    ctx.body = {
      params,
      warnings: [...warnings, ...memoryWarnings(memory, workers.largestDevice?.memoryBytes)],
      ...evaluationsOf(params, manifest),
      seconds: workSeconds,
      wait_seconds: waitSeconds,
      memory_bytes: memory ?? null,
    };
  };

function memoryWarnings(needed: number | undefined, there: number | undefined): readonly string[] {
  if (needed === undefined || there === undefined || needed <= there) return [];
  return [
    `It may take more than the ${inGigabytes(there)} of the device: then the branches of guidance are evaluated one ` +
      'after the other, and fewer frames are decoded at a time',
  ];
}

function evaluationsOf(params: ClipParams, manifest: ModelManifest) {
  const plan = planEvaluations(params, manifest);
  const [full, shallow] = [plan.full, plan.shallow].map((count) => count * params.num_cols);
  return { evaluations: full + shallow, full, shallow };
}
