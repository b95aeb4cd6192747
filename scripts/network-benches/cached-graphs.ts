import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GraphWeights, portableLayers } from '../../networks/layers/index.js';
import { encodeModel, Graph } from '../../networks/onnx/index.js';
import type { StoredTensor } from '../../networks/onnx/index.js';
import {
  buildShallowUnet,
  buildUnet,
  Network,
  savingBlocks,
  shallowCosts,
  shallowFile,
} from '../../networks/svd/index.js';
import type { BlockMaker, UnetConfiguration } from '../../networks/svd/index.js';
import { WeightFile } from '../../networks/weights/index.js';
import { RANDOM } from './middle-sized-unet.js';
import { unrolledSteps } from './unrolled-steps.js';

/** What is to be written. */
export interface CachedGraphs {
  readonly configuration: UnetConfiguration;
  readonly clip: { readonly frames: number; readonly height: number; readonly width: number };
  /** Where the network is cut. */
  readonly branches: readonly number[];
  /** Steps of the unrolled graphs, which are cut at the first branch. */
  readonly unrolled: readonly number[];
}

/** The file of so many steps in one graph. */
export const unrolledFile = (steps: number): string => `unrolled-${steps}.onnx`;

/**
 * Writes the graphs of a UNet with random weights into a folder, all over one file of weights. Gives the cost of each
 * branch's shallow evaluation as a part of a whole one.
 */
export async function writeCachedGraphs(
  folder: string,
  { configuration, clip, branches, unrolled }: CachedGraphs,
): Promise<ReadonlyMap<number, number>> {
  const file = new WeightFile('weights.data');
  const stored = new Map<string, StoredTensor>();
  const build = (name: string, describe: (net: Network, makeBlocks: BlockMaker) => void): Graph => {
    const g = new Graph(name);
    const weights = new GraphWeights(g, { file, stored, storage: 'float32', compute: 'float32' });
    const net = new Network(portableLayers(weights), RANDOM);
    describe(net, (place, conditions, resBlocks) =>
      savingBlocks(net, configuration, place, conditions, resBlocks, clip.frames),
    );
    return g;
  };
  const unet = build('unet', (net, blocks) => buildUnet(net, configuration, blocks, branches));
  const shallow = new Map(
    branches.map((branch) => [
      branch,
      build(`unet-shallow-b${branch}`, (net, blocks) => buildShallowUnet(net, configuration, blocks, branch)),
    ]),
  );
  await file.write(join(folder, file.fileName), () => undefined);
  const write = (name: string, g: Graph) =>
    writeFile(join(folder, name), encodeModel(g, { producer: 'bench', version: '1' }));
  await write('unet.onnx', unet);
  for (const [branch, g] of shallow) await write(shallowFile(branch), g);
  const [[branch, outer]] = shallow;
  for (const steps of unrolled) {
    await write(unrolledFile(steps), unrolledSteps({ unet, shallow: outer }, branch, steps, configuration));
  }
  return shallowCosts({ unet, shallow }, configuration, clip);
}
