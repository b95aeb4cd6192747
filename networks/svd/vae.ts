import { computed, readValues } from '../checkpoint/index.js';
import type { SourceTensor } from '../checkpoint/index.js';
import type { Affine, Area } from '../layers/index.js';
import { integers, reshape, sizesOf } from '../onnx/index.js';
import type { Value } from '../onnx/index.js';
import type { VaeConfiguration } from './configuration.js';
import { areaOf, doubled } from './network.js';
import type { Network } from './network.js';
import { spatialHalf, spatioTemporalBlock } from './res-block.js';

const EPSILON = 1e-6;
const TEMPORAL_EPSILON = 1e-5;

/**
 * The VAE's encoder: image [1, 3, H, W] in −1…1 → the latent's mean (mode) [1, C, h, w], unscaled. The 1×1 quant_conv
 * behind the last convolution is folded into it, and only the mean's half is computed.
 */
export function buildVaeEncoder(net: Network, { encoder, latentChannels }: VaeConfiguration): void {
  const { g, layers } = net;
  const { channels } = encoder;
  const image = g.input('image', 'float32', ['n', 3, 'H', 'W']);
  let x = net.conv3(layers.enter(image), 'encoder.conv_in', 3, channels[0]);
  channels.forEach((outputs, i) => {
    const at = `encoder.down_blocks.${i}`;
    for (let l = 0; l < encoder.layers; l++) {
      const inputs = l === 0 ? channels[Math.max(0, i - 1)] : outputs;
      x = spatialHalf(net, x, { name: `${at}.resnets.${l}`, inputs, outputs, epsilon: EPSILON });
    }
    if (i === channels.length - 1) return;
    // Zeros to the right and below only.
    const affine = net.affine(`${at}.downsamplers.0.conv`, [outputs, outputs, 3, 3]);
    x = layers.conv(x, affine, { stride: 2, pads: [0, 0, 1, 1] });
  });
  const width = channels[channels.length - 1];
  const middle = { inputs: width, outputs: width, epsilon: EPSILON };
  x = spatialHalf(net, x, { ...middle, name: 'encoder.mid_block.resnets.0' });
  x = middleAttention(
    net,
    x,
    'encoder.mid_block.attentions.0',
    width,
    encodedArea(net, image, channels.length),
  );
  x = spatialHalf(net, x, { ...middle, name: 'encoder.mid_block.resnets.1' });
  const norm = net.affine('encoder.conv_norm_out', [width]);
  x = layers.groupNorm(x, norm, { epsilon: EPSILON, silu: true });
  const latent = layers.leave(meanConvolution(net, x, width, latentChannels));
  g.output('latent', latent, ['n', latentChannels, 'h', 'w']);
}

/** The latent's size. Each halving pads one pixel at the far side, so it rounds down. */
function encodedArea({ g }: Network, image: Value, levels: number): Area {
  const divisor = integers(g, [2 ** (levels - 1)]);
  const size = (axis: number) => g.op('Div', sizesOf(g, image, axis, axis + 1), divisor);
  return areaOf(g, size(2), size(3));
}

/** The last 3×3 convolution and the 1×1 one behind it, W_q·(W·x + b) + b_q, for the first half of the outputs. */
function meanConvolution(net: Network, x: Value, width: number, latent: number): Value {
  const conv = net.affine('encoder.conv_out', [2 * latent, width, 3, 3]);
  const quant = net.affine('quant_conv', [2 * latent, 2 * latent, 1, 1]);
  /** Rows of W_q times a matrix of 2·latent rows. */
  const mixed = (matrix: SourceTensor | null, start: SourceTensor | null) => () => {
    if (matrix === null) return new Float32Array();
    const [factors, values] = [readValues(quant.weight), readValues(matrix)];
    const added = start === null ? null : readValues(start);
    const columns = values.length / (2 * latent);
    return Float32Array.from({ length: latent * columns }, (_, at) => {
      const [row, column] = [Math.floor(at / columns), at % columns];
      let sum = added === null ? 0 : added[row];
      for (let k = 0; k < 2 * latent; k++)
        sum += factors[row * 2 * latent + k] * values[k * columns + column];
      return sum;
    });
  };
  const mean: Affine = {
    name: 'encoder.mean',
    weight: computed('encoder.mean.weight', [latent, width, 3, 3], mixed(conv.weight, null)),
    bias: computed('encoder.mean.bias', [latent], mixed(conv.bias, quant.bias)),
  };
  return net.layers.conv(x, mean, { pads: [1, 1, 1, 1] });
}

/** Attention of one head over the pixels of a picture, with a residual: both halves of the VAE have it. */
function middleAttention(net: Network, x: Value, name: string, width: number, area: Area): Value {
  const { g, layers } = net;
  const norm = layers.groupNorm(x, net.affine(`${name}.group_norm`, [width]), { epsilon: EPSILON });
  const tokens = layers.tokens(norm, width);
  const [q, k, v] = ['to_q', 'to_k', 'to_v'].map((part) =>
    reshape(g, layers.linear(tokens, net.affine(`${name}.${part}`, [width, width])), [
      -1,
      area.pixels,
      width,
    ]),
  );
  const attended = reshape(g, layers.attention(q, k, v, 1, width), [-1, width]);
  const out = layers.linear(attended, net.affine(`${name}.to_out.0`, [width, width]));
  return net.add(layers.image(out, width, area), x);
}

/**
 * The VAE's temporal decoder: latent [n, C, h, w], unscaled → frames [n, 3, H, W] in about −1…1. The n frames are one
 * stretch of a clip and see each other. Widths beyond the last level's are those of diffusers: its middle has as many
 * residual blocks as a level, runs attention before the second only, and never runs what lies beyond that.
 */
export function buildVaeDecoder(net: Network, { decoder, latentChannels }: VaeConfiguration): void {
  const { g, layers } = net;
  const latent = g.input('latent', 'float32', ['n', latentChannels, 'h', 'w']);
  const clip = { batch: integers(g, [1]), frames: sizesOf(g, latent, 0, 1) };
  let area = areaOf(g, sizesOf(g, latent, 2, 3), sizesOf(g, latent, 3, 4));
  const widths = decoder.channels.toReversed();
  const block = (map: Value, name: string, inputs: number, outputs: number) => {
    const sizes = { name, inputs, outputs, epsilon: EPSILON, temporalEpsilon: TEMPORAL_EPSILON };
    return spatioTemporalBlock(net, map, sizes, { clip, area }, (alpha) => alpha);
  };
  let x = net.conv3(layers.enter(latent), 'decoder.conv_in', latentChannels, widths[0]);
  x = g.scope('middle', () => decoderMiddle(net, x, widths[0], decoder.middleBlocks, area, block));
  widths.forEach((outputs, i) => {
    const at = `decoder.up_blocks.${i}`;
    for (let l = 0; l <= decoder.layers; l++) {
      const inputs = l === 0 ? widths[Math.max(0, i - 1)] : outputs;
      x = g.scope(`up.${i}`, () => block(x, `${at}.resnets.${l}`, inputs, outputs));
    }
    if (i === widths.length - 1) return;
    area = doubled(g, area);
    x = net.conv3(layers.upsample(x, outputs, area), `${at}.upsamplers.0.conv`, outputs, outputs);
  });
  const width = widths[widths.length - 1];
  const norm = net.affine('decoder.conv_norm_out', [width]);
  const pictures = net.conv3(
    layers.groupNorm(x, norm, { epsilon: EPSILON, silu: true }),
    'decoder.conv_out',
    width,
    3,
  );
  const timeConv = net.affine('decoder.time_conv_out', [3, 3, 3, 1, 1]);
  const clips = layers.conv(layers.overFrames(pictures, 3, clip), timeConv, { pads: [1, 0, 1, 0] });
  g.output('frames', layers.leave(layers.perFrame(clips, 3, area)), ['n', 3, 'H', 'W']);
}

type DecoderBlock = (x: Value, name: string, inputs: number, outputs: number) => Value;

function decoderMiddle(
  net: Network,
  x: Value,
  width: number,
  blocks: number,
  area: Area,
  block: DecoderBlock,
): Value {
  const at = 'decoder.mid_block';
  const first = block(x, `${at}.resnets.0`, width, width);
  if (blocks === 1) {
    bookAttention(net, `${at}.attentions.0`, width);
    return first;
  }
  for (let unused = 2; unused < blocks; unused++) bookBlock(net, `${at}.resnets.${unused}`, width);
  return block(
    middleAttention(net, first, `${at}.attentions.0`, width, area),
    `${at}.resnets.1`,
    width,
    width,
  );
}

function bookAttention(net: Network, name: string, width: number): void {
  net.unneeded(`${name}.group_norm`, [width], true);
  for (const part of ['to_q', 'to_k', 'to_v', 'to_out.0'])
    net.unneeded(`${name}.${part}`, [width, width], true);
}

function bookBlock(net: Network, name: string, width: number): void {
  net.mix(`${name}.time_mixer`);
  for (const [half, kernel] of [
    ['spatial_res_block', [3, 3]],
    ['temporal_res_block', [3, 1, 1]],
  ] as const) {
    for (const n of [1, 2]) {
      net.unneeded(`${name}.${half}.norm${n}`, [width], true);
      net.unneeded(`${name}.${half}.conv${n}`, [width, width, ...kernel], true);
    }
  }
}
