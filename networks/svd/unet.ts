import type { Area, Clip } from '../layers/index.js';
import { reshape, sizesOf } from '../onnx/index.js';
import type { Value } from '../onnx/index.js';
import type { Conditions, UnetBlocks } from './blocks.js';
import type { UnetConfiguration } from './configuration.js';
import { areaOf, halved } from './network.js';
import type { Network } from './network.js';
import { unetTopology } from './topology.js';
import type { UnetStage } from './topology.js';

/** Norm before the last convolution, in both code bases. */
const OUT_EPSILON = 1e-5;

export type BlockMaker = (clip: Clip, conditions: Conditions) => UnetBlocks;

interface Skip {
  readonly map: Value;
  readonly area: Area;
}

/**
 * UNetSpatioTemporalConditionModel (VideoUNet): sample [B, F, 2C, h, w], timestep [1], encoder_hidden_states [B, 1, Cc],
 * added_time_ids [B, 3] → [B, F, C, h, w]. Height and width that are no multiples of 2^(levels − 1) work
 * as in diffusers, by cropping after each doubling; generative-models refuses them.
 */
export function buildUnet(net: Network, configuration: UnetConfiguration, makeBlocks: BlockMaker): void {
  const { g, layers } = net;
  const { inChannels, outChannels, levels, middle, scalars } = configuration;
  const sample = g.input('sample', 'float32', ['B', 'F', inChannels, 'h', 'w']);
  const timestep = g.input('timestep', 'float32', [1]);
  const context = g.input('encoder_hidden_states', 'float32', ['B', 1, middle.contextChannels]);
  const ids = g.input('added_time_ids', 'float32', ['B', scalars]);

  const [batch, frames] = [sizesOf(g, sample, 0, 1), sizesOf(g, sample, 1, 2)];
  const area = areaOf(g, sizesOf(g, sample, 3, 4), sizesOf(g, sample, 4, 5));
  const blocks = g.scope('embedding', () => makeBlocks({ batch, frames }, { timestep, ids, context }));
  const topology = unetTopology(configuration);
  const [{ channels }] = levels;

  const pictures = reshape(g, sample, [-1, inChannels, area.height, area.width]);
  const first = net.conv3(layers.enter(pictures), 'conv_in', inChannels, channels);
  const skips: Skip[] = [{ map: first, area }];
  topology.down.forEach((stage, i) => g.scope(`down.${i}`, () => goDown(net, blocks, stage, skips)));

  const deepest = skips[skips.length - 1];
  const [before, transformer, after] = topology.middle;
  const mid = g.scope('middle', () => {
    const x = blocks.resBlock(deepest.map, before, deepest.area);
    return blocks.resBlock(blocks.transformer(x, transformer, deepest.area), after, deepest.area);
  });
  const last = topology.up.reduce(
    (x, stage, i) => g.scope(`up.${i}`, () => goUp(net, blocks, stage, x, skips)),
    { map: mid, area: deepest.area },
  );

  const norm = net.affine('conv_norm_out', [channels]);
  const normal = layers.groupNorm(last.map, norm, { epsilon: OUT_EPSILON, silu: true });
  const result = layers.leave(net.conv3(normal, 'conv_out', channels, outChannels));
  const clips = reshape(g, result, [batch, frames, outChannels, area.height, area.width]);
  g.output('out_sample', clips, ['B', 'F', outChannels, 'h', 'w']);
}

function goDown(net: Network, blocks: UnetBlocks, stage: UnetStage, skips: Skip[]): void {
  let { map, area } = skips[skips.length - 1];
  for (const { block, transformer } of stage.layers) {
    map = blocks.resBlock(map, block, area);
    if (transformer !== null) map = blocks.transformer(map, transformer, area);
    skips.push({ map, area });
  }
  if (stage.resample === null) return;
  area = halved(net.g, area);
  skips.push({ map: net.conv3(map, stage.resample, stage.channels, stage.channels, 2), area });
}

/** Each block takes back the newest map from the way down, behind its own channels. */
function goUp(net: Network, blocks: UnetBlocks, stage: UnetStage, from: Skip, skips: Skip[]): Skip {
  let { map, area } = from;
  for (const { block, transformer } of stage.layers) {
    const skip = skips.pop();
    if (skip === undefined) throw new RangeError(`No map is left for ${block.name}`);
    map = blocks.resBlock(net.layers.joinChannels(map, skip.map), block, area);
    if (transformer !== null) map = blocks.transformer(map, transformer, area);
  }
  if (stage.resample === null) return { map, area };
  // The size on the way down, which may have been odd: then a halving rounded up.
  area = skips[skips.length - 1].area;
  const large = net.layers.upsample(map, stage.channels, area);
  return { map: net.conv3(large, stage.resample, stage.channels, stage.channels), area };
}
