import { computed } from '../../../networks/checkpoint/index.js';
import {
  channelsLastLayers,
  GraphWeights,
  plainLayers,
  portableLayers,
} from '../../../networks/layers/index.js';
import { Graph } from '../../../networks/onnx/index.js';
import {
  buildShallowUnet,
  buildUnet,
  Network,
  NORM_EPSILONS,
  plainBlocks,
  savingBlocks,
} from '../../../networks/svd/index.js';
import type { BlockMaker, UnetConfiguration } from '../../../networks/svd/index.js';
import { WeightFile } from '../../../networks/weights/index.js';

/** The published UNet. */
export const SVD: UnetConfiguration = {
  inChannels: 8,
  outChannels: 4,
  levels: [320, 640, 1280, 1280].map((channels, i) => ({
    channels,
    layers: 2,
    heads: channels / 64,
    depth: 1,
    contextChannels: 1024,
    attendsDown: i < 3,
    attendsUp: i < 3,
  })),
  middle: { heads: 20, depth: 1, contextChannels: 1024 },
  scalarWidth: 256,
  scalars: 3,
  epsilons: NORM_EPSILONS.sgm,
};

export type Form = 'plain' | 'portable' | 'cuda';

/** Its graphs without their weights' values. */
export function publishedUnet(form: Form, branches: readonly number[]) {
  const build = (describe: (net: Network, blocks: BlockMaker) => void): Graph => {
    const g = new Graph('unet');
    const compute = form === 'cuda' ? 'float16' : 'float32';
    const weights = new GraphWeights(g, { file: new WeightFile('w'), storage: compute, compute });
    const layers = { plain: plainLayers, portable: portableLayers, cuda: channelsLastLayers }[form](weights);
    const net = new Network(layers, {
      take: (name, dims) => computed(name, dims, () => new Float32Array(1)),
    });
    describe(net, (clip, conditions, resBlocks) =>
      form === 'plain'
        ? plainBlocks(net, SVD, clip, conditions)
        : savingBlocks(net, SVD, clip, conditions, resBlocks, 32),
    );
    return g;
  };
  const shallow = branches.map(
    (branch) => [branch, build((net, blocks) => buildShallowUnet(net, SVD, blocks, branch))] as const,
  );
  return { unet: build((net, blocks) => buildUnet(net, SVD, blocks, branches)), shallow: new Map(shallow) };
}

/** Of a guided evaluation at 1024×576. */
export const inputs = (frames: number) => ({
  sample: [2, frames, 8, 72, 128],
  timestep: [1],
  encoder_hidden_states: [2, 1, 1024],
  added_time_ids: [2, 3],
});
