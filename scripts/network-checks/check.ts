import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError, SafetensorsFile } from '../../networks/checkpoint/index.js';
import { convertSvd } from '../../networks/svd/index.js';
import type { Conversion, ConversionOptions } from '../../networks/svd/index.js';
import { loadModel } from '../../pipeline/model.js';
import type { Comparison } from './deviation.js';
import { branchesOfRuns, checkCachedRuns, readCachedRuns } from './cached-runs.js';
import { checkModules } from './modules.js';
import { checkPipeline, readPipelineRun } from './pipeline-run.js';
import type { PipelineTolerances } from './pipeline-run.js';

/** Of float32 on the CPU, and of float32 arithmetic with weights rounded to halves. */
const TOLERANCES: Readonly<Record<'fp32' | 'fp16', PipelineTolerances>> = {
  fp32: { module: 2e-4, latents: 2e-3, frames: 50 },
  fp16: { module: 5e-3, latents: 2e-2, frames: 30 },
};

export interface NetworkCheck {
  readonly conversion: Conversion;
  readonly comparisons: readonly Comparison[];
}

/**
 * Converts the pipeline in `folder` (diffusers' layout, or a single file in Stability's) into a folder that is removed
 * afterwards, and compares what the graphs give with the recorded `modules.safetensors` and, where there are
 * `pipeline.json` and `deepcache.json`, with the recorded whole run and the runs with cached features.
 */
export async function checkNetworks(folder: string, options: ConversionOptions = {}): Promise<NetworkCheck> {
  const runPath = join(folder, 'pipeline.json');
  const run = existsSync(runPath) ? readPipelineRun(runPath) : undefined;
  const cachedPath = join(folder, 'deepcache.json');
  const cached = existsSync(cachedPath) ? readCachedRuns(cachedPath) : undefined;
  const temporary = await mkdtemp(join(tmpdir(), 'networks-'));
  try {
    const converted = join(temporary, 'model');
    // The recorded numbers are those of the code base that ran, whatever the layout of the weights.
    const byDiffusers = [run, cached].some((recording) => /diffusers/i.test(recording?.reference ?? ''));
    const conversion = await convertSvd(sourceIn(folder), converted, {
      ...(byDiffusers ? { epsilons: 'diffusers' } : {}),
      ...(cached === undefined ? {} : { branches: branchesOfRuns(cached) }),
      ...options,
    });
    const model = await loadModel(converted, 'cpu');
    try {
      const tolerances = TOLERANCES[conversion.form.precision];
      const comparisons = await checkModules(model, join(folder, 'modules.safetensors'), tolerances.module);
      const picture = join(folder, 'input.png');
      if (run !== undefined) {
        const paths = { picture, recorded: join(folder, 'pipeline.safetensors') };
        comparisons.push(...(await checkPipeline(model, run, paths, tolerances)));
      }
      if (cached !== undefined) {
        const paths = { picture, recorded: join(folder, 'deepcache.safetensors') };
        comparisons.push(...(await checkCachedRuns(model, cached, paths, tolerances.latents)));
      }
      return { conversion, comparisons };
    } finally {
      await model.release();
    }
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The folder itself, or the single file in it that holds a UNet in Stability's layout. */
function sourceIn(folder: string): string {
  if (existsSync(join(folder, 'unet'))) return folder;
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const single = files.filter((name) => name.endsWith('.safetensors') && holdsUnet(join(folder, name)));
  if (single.length === 1) return join(folder, single[0]);
  const found = single.length === 0 ? 'neither' : `${single.length} single files (${single.join(', ')})`;
  throw new CheckpointError(folder, [
    `expected unet/ or one file with model.diffusion_model, found ${found}`,
  ]);
}

function holdsUnet(path: string): boolean {
  const file = new SafetensorsFile(path);
  try {
    return [...file.entries.keys()].some((name) => name.startsWith('model.diffusion_model.'));
  } finally {
    file.close();
  }
}
