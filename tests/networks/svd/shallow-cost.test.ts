import { describe, expect, test } from '@jest/globals';
import { computed } from '../../../networks/checkpoint/index.js';
import {
  channelsLastLayers,
  GraphWeights,
  plainLayers,
  portableLayers,
} from '../../../networks/layers/index.js';
import { Graph } from '../../../networks/onnx/index.js';
import {
  branchesOf,
  buildShallowUnet,
  buildUnet,
  Network,
  NORM_EPSILONS,
  plainBlocks,
  savingBlocks,
  shallowCosts,
} from '../../../networks/svd/index.js';
import type { BlockMaker, UnetConfiguration } from '../../../networks/svd/index.js';
import { countOperations } from '../../../networks/onnx/index.js';
import { WeightFile } from '../../../networks/weights/index.js';

/** The published UNet. */
const SVD: UnetConfiguration = {
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

type Form = 'plain' | 'portable' | 'cuda';

/** The graphs without their weights' values. */
function graphs(form: Form, branches: readonly number[]) {
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

const inputs = (frames: number) => ({
  sample: [2, frames, 8, 72, 128],
  timestep: [1],
  encoder_hidden_states: [2, 1, 1024],
  added_time_ids: [2, 3],
});

describe('the published UNet at 1024×576, guided', () => {
  test('has the twelve branches of DeepCache', () => {
    expect(branchesOf(SVD)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  test.each([
    [25, 159.9],
    [14, 89.6],
  ])('takes the known number of operations for %i frames: %d TFLOP', (frames, expected) => {
    const { operations } = countOperations(graphs('plain', []).unet, inputs(frames));
    expect(operations / 1e12).toBeCloseTo(expected, 1);
  });

  test('costs the known part of that above each branch', () => {
    const costs = shallowCosts(graphs('plain', branchesOf(SVD)), SVD, { frames: 25, height: 72, width: 128 });
    const percent = [...costs.values()].map((cost) => Number((100 * cost).toFixed(1)));
    expect(percent.slice(0, 9)).toEqual([8.5, 24.7, 41.5, 48.9, 59, 69.8, 76.9, 86.1, 95.6]);
  });

  test.each(['portable', 'cuda'] as const)('costs less without what cancels out, in the %s form', (form) => {
    const { unet, shallow } = graphs(form, [0, 1, 3]);
    const { operations } = countOperations(unet, inputs(25));
    expect(operations / 1e12).toBeGreaterThan(153.5);
    expect(operations / 1e12).toBeLessThan(154.5);
    const costs = shallowCosts({ unet, shallow }, SVD, { frames: 25, height: 72, width: 128 });
    const tera = [...costs.values()].map((cost) => (cost * operations) / 1e12);
    [13.1, 38.3, 75.9].forEach((expected, i) => expect(Math.abs(tera[i] - expected)).toBeLessThan(0.15));
  });
});
