import { computed, readValues } from '../checkpoint/index.js';
import { cast, concat, float, reshape, shape, sizesOf, split, transpose, unsqueeze } from '../onnx/index.js';
import type { Dim, Value } from '../onnx/index.js';
import { GROUPS } from './layers.js';
import type { Affine, Layers } from './layers.js';
import { nearest, portableLayers } from './portable.js';
import { tokenLayers } from './token-layers.js';
import { biasOf, scaled } from './weights.js';
import type { GraphWeights } from './weights.js';

const TO_LAST = [0, 2, 3, 1] as const;
const TO_FIRST = [0, 3, 1, 2] as const;
/** The widths (value and gate together) for which the runtime has the fused kernel. */
const SPLIT_GELU_WIDTHS = new Set([2560, 5120, 10240]);
const MAX_GROUP_CHANNELS = 512;

/**
 * Layers for CUDA: [n, h, w, C], and the runtime's fused operators, which have no kernel on the CPU (onnxruntime,
 * contrib operators NhwcConv, GroupNorm, BiasSplitGelu). With channels last a map over frames is [B, F, hw, C], a view
 * of [B·F, h, w, C], and so are tokens: nothing is ever transposed but the regrouping for attention over frames.
 */
export function channelsLastLayers(weights: GraphWeights): Layers {
  const { g } = weights;
  const { compute } = weights.settings;
  const tokens = tokenLayers(weights);
  const channelsFirst = portableLayers(weights);
  const fused = (op: string, inputs: readonly Value[], attributes = {}) =>
    g.node({ op, domain: 'com.microsoft', inputs, attributes })[0];
  const type = (x: Value, to: typeof compute) => (x.type === to ? x : cast(g, x, to));
  return {
    ...tokens,
    g,
    enter: (x) => transpose(g, type(x, compute), TO_LAST),
    leave: (x) => type(transpose(g, x, TO_FIRST), 'float32'),
    mapInput: (name, channels) => g.input(name, compute, mapDims(name, channels)),
    mapOutput: (name, x, channels) => g.output(name, x, mapDims(name, channels)),
    toCompute: (x) => type(x, compute),
    fromCompute: (x) => type(x, 'float32'),
    conv(x, affine, { stride = 1, pads = [0, 0, 0, 0] } = {}) {
      const kernel = channelsLastKernel(weights, affine);
      const attributes = { kernel_shape: affine.weight.dims.slice(2, 4), strides: [stride, stride], pads };
      return fused('NhwcConv', [x, kernel, weights.bias(affine)], attributes);
    },
    groupNorm(x, affine, { epsilon, silu = false }) {
      const [channels] = affine.weight.dims;
      const perGroup = channels / GROUPS;
      if (perGroup % 2 === 1 || perGroup > MAX_GROUP_CHANNELS) {
        const normal = channelsFirst.groupNorm(transpose(g, x, TO_FIRST), affine, { epsilon, silu });
        return transpose(g, normal, TO_LAST);
      }
      // The kernel wants these two in float32 whatever x is.
      const gamma = weights.store32(`${affine.name}.weight`, [channels], [scaled(affine.weight)]);
      const beta = weights.store32(`${affine.name}.bias`, [channels], [scaled(biasOf(affine))]);
      const attributes = {
        epsilon: float(epsilon),
        groups: GROUPS,
        activation: silu ? 1 : 0,
        channels_last: 1,
      };
      return fused('GroupNorm', [x, gamma, beta], attributes);
    },
    addRows: (x, rows) => g.op('Add', x, unsqueeze(g, rows, [1, 2])),
    joinChannels: (a, b) => concat(g, [a, b], 3),
    upsample: (x, channels, { height, width }) =>
      nearest(g, x, shape(g, [sizesOf(g, x, 0, 1), height, width, channels])),
    overFrames: (x, channels, { batch, frames }) => reshape(g, x, [batch, frames, -1, channels]),
    perFrame: (x, channels, { height, width }) => reshape(g, x, [-1, height, width, channels]),
    tokens: (x, channels) => reshape(g, x, [-1, channels]),
    image: (x, channels, { height, width }) => reshape(g, x, [-1, height, width, channels]),
    // Packed into one product: a GPU is busier with one large one than with three.
    projections: (x, affines) => split(g, tokens.linear(x, affines), 1, affines.map(widthOf)),
    gatedGelu(x, affine) {
      const [width] = affine.weight.dims;
      if (!SPLIT_GELU_WIDTHS.has(width)) return tokens.gatedGelu(x, affine);
      const both = tokens.linear(x, { ...affine, bias: null });
      const result = fused('BiasSplitGelu', [unsqueeze(g, both, [0]), weights.bias(affine)]);
      return reshape(g, result, [-1, width / 2]);
    },
  };
}

const mapDims = (name: string, channels: number): readonly Dim[] => [
  `${name}.n`,
  `${name}.h`,
  `${name}.w`,
  channels,
];

const widthOf = ({ weight }: Affine): number => weight.dims[0];

/** [O, I, h, w] → [O, h, w, I]. */
function channelsLastKernel(weights: GraphWeights, { name, weight, scale = 1 }: Affine): Value {
  const [out, inputs, height, width] = weight.dims;
  const plane = height * width;
  const compute = () => {
    const from = readValues(weight);
    const to = new Float32Array(from.length);
    for (let o = 0, t = 0; o < out; o++) {
      for (let p = 0; p < plane; p++) {
        for (let i = 0; i < inputs; i++) to[t++] = from[(o * inputs + i) * plane + p];
      }
    }
    return to;
  };
  const dims = [out, height, width, inputs];
  return weights.store(`${name}.weight`, dims, [{ source: computed(name, dims, compute), scale }]);
}
