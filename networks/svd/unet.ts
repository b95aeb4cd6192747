import type { Area, Clip } from '../layers/index.js';
import { reshape, sizesOf } from '../onnx/index.js';
import type { Value } from '../onnx/index.js';
import type { Conditions, UnetBlocks } from './blocks.js';
import { outputOf, shallowPart } from './branches.js';
import type { UnetConfiguration } from './configuration.js';
import { areaOf, halved } from './network.js';
import type { Network } from './network.js';
import { resBlocksOf, unetTopology } from './topology.js';
import type { InputBlock, OutputBlock, ResBlock, UnetTopology } from './topology.js';

/** Norm before the last convolution, in both code bases. */
const OUT_EPSILON = 1e-5;

/** Makes the blocks of a network that has these residual blocks. */
export type BlockMaker = (clip: Clip, conditions: Conditions, resBlocks: readonly ResBlock[]) => UnetBlocks;

/** A map on its way through the network. */
interface Place {
  readonly map: Value;
  readonly area: Area;
}

interface Entrance {
  readonly clip: Clip;
  readonly blocks: UnetBlocks;
  /** What `conv_in` gives. */
  readonly first: Place;
}

/** Name of what the network gives. */
export const SAMPLE = 'out_sample';

/** Name of what a branch keeps, where it leaves one graph and enters the other. */
export const featureName = (branch: number): string => `feature_b${branch}`;

/**
 * UNetSpatioTemporalConditionModel (VideoUNet): sample [B, F, 2C, h, w], timestep [1], encoder_hidden_states [B, 1, Cc],
 * added_time_ids [B, 3] → [B, F, C, h, w]. Height and width that are no multiples of 2^(levels − 1) work
 * as in diffusers, by cropping after each doubling; generative-models refuses them.
 * @param branches whose features are further outputs, for `buildShallowUnet`
 */
export function buildUnet(
  net: Network,
  configuration: UnetConfiguration,
  makeBlocks: BlockMaker,
  branches: readonly number[] = [],
): void {
  const topology = unetTopology(configuration);
  const { clip, blocks, first } = enter(net, configuration, makeBlocks, topology);
  const skips = goDown(net, blocks, topology.inputs, first);
  const deepest = skips[skips.length - 1];
  const mid = net.g.scope('middle', () => throughMiddle(blocks, topology, deepest));
  const features = new Map<number, Value>();
  const last = goUp(net, blocks, topology.outputs, mid, skips, ({ map }, i) => features.set(i, map));
  leave(net, configuration, clip, last);
  for (const branch of branches) {
    const at = outputOf(configuration, topology, branch);
    const feature = features.get(at);
    if (feature === undefined) throw new RangeError(`The network has no branch ${branch}`);
    net.layers.mapOutput(featureName(branch), feature, channelsBefore(configuration, topology, at));
  }
}

/**
 * The same network above a branch's cut: takes the feature that the whole one gave at an earlier step in the place of
 * everything below.
 */
export function buildShallowUnet(
  net: Network,
  configuration: UnetConfiguration,
  makeBlocks: BlockMaker,
  branch: number,
): void {
  const whole = unetTopology(configuration);
  const part = shallowPart(configuration, whole, branch);
  const { clip, blocks, first } = enter(net, configuration, makeBlocks, part);
  const channels = channelsBefore(configuration, whole, outputOf(configuration, whole, branch));
  const feature = net.layers.mapInput(featureName(branch), channels);
  const skips = goDown(net, blocks, part.inputs, first);
  const { area } = skips[skips.length - 1];
  leave(net, configuration, clip, goUp(net, blocks, part.outputs, { map: feature, area }, skips));
}

function enter(
  net: Network,
  configuration: UnetConfiguration,
  makeBlocks: BlockMaker,
  topology: UnetTopology,
): Entrance {
  const { g, layers } = net;
  const { inChannels, levels, middle, scalars } = configuration;
  const sample = g.input('sample', 'float32', ['B', 'F', inChannels, 'h', 'w']);
  const timestep = g.input('timestep', 'float32', [1]);
  const context = g.input('encoder_hidden_states', 'float32', ['B', 1, middle.contextChannels]);
  const ids = g.input('added_time_ids', 'float32', ['B', scalars]);
  const clip = { batch: sizesOf(g, sample, 0, 1), frames: sizesOf(g, sample, 1, 2) };
  const area = areaOf(g, sizesOf(g, sample, 3, 4), sizesOf(g, sample, 4, 5));
  const blocks = g.scope('embedding', () =>
    makeBlocks(clip, { timestep, ids, context }, resBlocksOf(topology)),
  );
  const pictures = reshape(g, sample, [-1, inChannels, area.height, area.width]);
  const map = net.conv3(layers.enter(pictures), 'conv_in', inChannels, levels[0].channels);
  return { clip, blocks, first: { map, area } };
}

function leave(
  net: Network,
  { levels: [{ channels }], outChannels }: UnetConfiguration,
  { batch, frames }: Clip,
  { map, area }: Place,
): void {
  const { g, layers } = net;
  const norm = net.affine('conv_norm_out', [channels]);
  const normal = layers.groupNorm(map, norm, { epsilon: OUT_EPSILON, silu: true });
  const result = layers.leave(net.conv3(normal, 'conv_out', channels, outChannels));
  const clips = reshape(g, result, [batch, frames, outChannels, area.height, area.width]);
  g.output(SAMPLE, clips, ['B', 'F', outChannels, 'h', 'w']);
}

/** The maps to be taken back on the way up, the deepest last. */
function goDown(net: Network, blocks: UnetBlocks, inputs: readonly InputBlock[], first: Place): Place[] {
  const skips = [first];
  for (const input of inputs) {
    const { map, area } = skips[skips.length - 1];
    const next = net.g.scope(`down.${input.stage}`, () => {
      if ('block' in input) return { map: throughLayer(blocks, map, input, area), area };
      const { channels, downsampler } = input;
      return { area: halved(net.g, area), map: net.conv3(map, downsampler, channels, channels, 2) };
    });
    skips.push(next);
  }
  return skips;
}

function throughMiddle(blocks: UnetBlocks, { middle }: UnetTopology, { map, area }: Place): Place {
  if (middle === null) throw new RangeError('The network has no middle');
  const [before, transformer, after] = middle;
  const x = blocks.transformer(blocks.resBlock(map, before, area), transformer, area);
  return { map: blocks.resBlock(x, after, area), area };
}

/** @param onBlock told what enters each output block, before the map from the way down is joined to it */
function goUp(
  net: Network,
  blocks: UnetBlocks,
  outputs: readonly OutputBlock[],
  from: Place,
  skips: Place[],
  onBlock: (place: Place, i: number) => void = () => undefined,
): Place {
  const goThrough = (place: Place, output: OutputBlock, i: number): Place => {
    onBlock(place, i);
    const skip = skips.pop();
    if (skip === undefined) throw new RangeError(`No map is left for ${output.block.name}`);
    const joined = net.layers.joinChannels(place.map, skip.map);
    const map = throughLayer(blocks, joined, output, place.area);
    if (output.upsampler === null) return { map, area: place.area };
    // The size on the way down, which may have been odd: then a halving rounded up.
    const { area } = skips[skips.length - 1];
    const channels = output.block.outputs;
    const large = net.layers.upsample(map, channels, area);
    return { map: net.conv3(large, output.upsampler, channels, channels), area };
  };
  return outputs.reduce(
    (place, output, i) => net.g.scope(`up.${output.stage}`, () => goThrough(place, output, i)),
    from,
  );
}

function throughLayer(
  blocks: UnetBlocks,
  x: Value,
  { block, transformer }: Pick<OutputBlock, 'block' | 'transformer'>,
  area: Area,
): Value {
  const map = blocks.resBlock(x, block, area);
  return transformer === null ? map : blocks.transformer(map, transformer, area);
}

/** Channels of the map that enters an output block from below. */
function channelsBefore({ levels }: UnetConfiguration, { outputs }: UnetTopology, i: number): number {
  return i === 0 ? levels[levels.length - 1].channels : outputs[i - 1].block.outputs;
}
