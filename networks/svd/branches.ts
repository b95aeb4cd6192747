import type { UnetConfiguration } from './configuration.js';
import type { UnetTopology } from './topology.js';

/**
 * DeepCache (Ma et al. 2023) cuts a UNet at one of its skip connections: what lies deeper changes slowly from step to step,
 * so the map that comes up from there is kept for some steps, and only what lies above the cut is evaluated. A cut is named
 * by its branch, 3 · block + layer, both counted from the outermost (as in DeepCache's extension of diffusers).
 */
const LAYERS_PER_BLOCK = 3;

/** The branches that a network has, outermost first. */
export const branchesOf = ({ levels }: UnetConfiguration): number[] =>
  levels.flatMap(({ layers }, block) =>
    Array.from(
      { length: Math.min(layers + 1, LAYERS_PER_BLOCK) },
      (_, layer) => LAYERS_PER_BLOCK * block + layer,
    ),
  );

/** Place of the branch's skip connection among the maps kept on the way down, that of `conv_in` being 0. */
export function skipOf({ levels }: UnetConfiguration, branch: number): number {
  const block = Math.floor(branch / LAYERS_PER_BLOCK);
  const outer = levels.slice(0, block).reduce((sum, { layers }) => sum + layers + 1, 0);
  return outer + (branch % LAYERS_PER_BLOCK);
}

/** The output block that takes what the branch keeps. */
export const outputOf = (
  configuration: UnetConfiguration,
  { outputs }: UnetTopology,
  branch: number,
): number => outputs.length - 1 - skipOf(configuration, branch);

/** What is evaluated above the cut. */
export const shallowPart = (
  configuration: UnetConfiguration,
  whole: UnetTopology,
  branch: number,
): UnetTopology => ({
  inputs: whole.inputs.slice(0, skipOf(configuration, branch)),
  middle: null,
  outputs: whole.outputs.slice(outputOf(configuration, whole, branch)),
});
