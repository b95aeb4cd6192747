import { countOperations } from '../onnx/index.js';
import type { Graph } from '../onnx/index.js';
import type { UnetConfiguration } from './configuration.js';
import { featureName } from './unet.js';

/** Size of one evaluation: frames, height and width of the latents. */
export interface EvaluationSize {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

/** Sizes of the UNet's inputs: 2 rows with guidance, 1 without. */
export const evaluationInputs = (
  { inChannels, middle, scalars }: UnetConfiguration,
  { frames, height, width }: EvaluationSize,
  rows: number,
) => ({
  sample: [rows, frames, inChannels, height, width],
  timestep: [1],
  encoder_hidden_states: [rows, 1, middle.contextChannels],
  added_time_ids: [rows, scalars],
});

/** Those of the graph that takes the UNet's feature at a branch. @param outputs sizes of the UNet's outputs */
export const shallowInputs = (
  inputs: ReturnType<typeof evaluationInputs>,
  branch: number,
  outputs: Readonly<Record<string, readonly number[]>>,
) => ({ ...inputs, [featureName(branch)]: outputs[featureName(branch)] });

/**
 * What a shallow evaluation of each branch costs as a part of a whole one, by the operations that the graphs need for
 * a guided clip of this size.
 */
export function shallowCosts(
  { unet, shallow }: { readonly unet: Graph; readonly shallow: ReadonlyMap<number, Graph> },
  configuration: UnetConfiguration,
  size: EvaluationSize,
): ReadonlyMap<number, number> {
  const inputs = evaluationInputs(configuration, size, 2);
  const whole = countOperations(unet, inputs);
  return new Map(
    [...shallow].map(([branch, graph]) => {
      const { operations } = countOperations(graph, shallowInputs(inputs, branch, whole.outputs));
      return [branch, operations / whole.operations];
    }),
  );
}
