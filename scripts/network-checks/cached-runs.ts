import { z } from 'zod';
import { readValues, SafetensorsFile, tensorsOf, CheckpointError } from '../../networks/checkpoint/index.js';
import type { Model } from '../../pipeline/model.js';
import type { CacheSettings } from '../../pipeline/unet-network.js';
import { largestDeviation } from './deviation.js';
import type { Comparison } from './deviation.js';
import { prepareRun, readDescription, runSchema } from './recorded-run.js';

const cachedSchema = runSchema.extend({
  /** Interval and branch of each run. */
  cases: z.array(z.tuple([z.number().int().min(1), z.number().int().min(0)])).min(1),
});

/** One run, recorded without caching and with several settings of it. */
export type CachedRuns = z.infer<typeof cachedSchema>;

/** @throws CheckpointError for a file that is no description of cached runs */
export const readCachedRuns = (path: string): CachedRuns => readDescription(path, cachedSchema);

/** The branches that the runs are cut at. */
export const branchesOfRuns = ({ cases }: CachedRuns): number[] => [
  ...new Set(cases.map(([, branch]) => branch)),
];

/** Repeats every recorded run and compares the latents with `plain` and `interval<n>.branch<b>` of the recording. */
export async function checkCachedRuns(
  model: Model,
  runs: CachedRuns,
  paths: { readonly picture: string; readonly recorded: string },
  tolerance: number,
): Promise<Comparison[]> {
  const { sample } = await prepareRun(model, runs, paths.picture);
  const file = new SafetensorsFile(paths.recorded);
  try {
    const recorded = tensorsOf(file);
    const compare = async (name: string, cache?: CacheSettings): Promise<Comparison> => {
      const tensor = recorded.get(name);
      if (tensor === undefined) throw new CheckpointError(paths.recorded, [`missing: '${name}'`]);
      const deviation = largestDeviation(await sample(cache), readValues(tensor));
      return { name: `deepcache.${name}`, deviation, tolerance, unit: 'relative' };
    };
    const comparisons = [await compare('plain')];
    for (const [interval, branch] of runs.cases) {
      comparisons.push(await compare(`interval${interval}.branch${branch}`, { interval, branch }));
    }
    return comparisons;
  } finally {
    file.close();
  }
}
