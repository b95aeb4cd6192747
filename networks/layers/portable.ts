import {
  cast,
  concat,
  float,
  float32,
  reshape,
  shape,
  sizesOf,
  squeeze,
  transpose,
  unsqueeze,
} from '../onnx/index.js';
import type { Dim, Graph, Value } from '../onnx/index.js';
import { GROUPS } from './layers.js';
import type { Layers } from './layers.js';
import { tokenLayers } from './token-layers.js';
import type { GraphWeights } from './weights.js';

/**
 * Layers for any device: [n, C, h, w] and operators with a kernel on the CPU. Maps over frames are [B, C, F, hw], so
 * that three-tap convolutions over frames are plain two-dimensional ones.
 */
export function portableLayers(weights: GraphWeights): Layers {
  const { g } = weights;
  const { compute } = weights.settings;
  const tokens = tokenLayers(weights);
  const type = (x: Value, to: typeof compute) => (x.type === to ? x : cast(g, x, to));
  return {
    ...tokens,
    g,
    enter: (x) => type(x, compute),
    leave: (x) => type(x, 'float32'),
    mapInput: (name, channels) => g.input(name, compute, mapDims(name, channels)),
    mapOutput: (name, x, channels) => g.output(name, x, mapDims(name, channels)),
    toCompute: (x) => type(x, compute),
    fromCompute: (x) => type(x, 'float32'),
    conv(x, affine, { stride = 1, pads = [0, 0, 0, 0] } = {}) {
      const dims = affine.weight.dims.slice(0, 4);
      const attributes = { kernel_shape: dims.slice(2), strides: [stride, stride], pads };
      return g.op('Conv', x, weights.weight(affine, dims), weights.bias(affine), attributes);
    },
    groupNorm(x, affine, { epsilon, silu = false }) {
      const [channels] = affine.weight.dims;
      const [ones, zeros] = [1, 0].map((n) =>
        g.initializer(float32([GROUPS], new Array<number>(GROUPS).fill(n))),
      );
      // Sums over a whole clip are beyond half precision.
      const groups = reshape(g, type(x, 'float32'), [0, GROUPS, -1]);
      const normal = g.op('InstanceNormalization', groups, ones, zeros, { epsilon: float(epsilon) });
      const back = g.op('Reshape', type(normal, compute), g.op('Shape', x));
      const scaled = g.op('Mul', back, weights.weight(affine, [channels, 1, 1]));
      const shifted = g.op('Add', scaled, weights.bias(affine, [channels, 1, 1]));
      return silu ? tokens.swish(shifted) : shifted;
    },
    layerNorm(x, affine, epsilon) {
      // With nothing to skip: on the CPU this kernel is several times as fast as LayerNormalization's.
      const [channels] = affine.weight.dims;
      const nothing = type(g.initializer(float32([1, 1, channels], new Float32Array(channels))), compute);
      const inputs = [unsqueeze(g, x, [1]), nothing, weights.weight(affine), weights.bias(affine)];
      const attributes = { epsilon: float(epsilon) };
      const fused = g.node({ op: 'SkipLayerNormalization', domain: 'com.microsoft', inputs, attributes });
      return squeeze(g, fused[0], [1]);
    },
    addRows: (x, rows) => g.op('Add', x, unsqueeze(g, rows, [2, 3])),
    joinChannels: (a, b) => concat(g, [a, b], 1),
    upsample: (x, channels, { height, width }) =>
      nearest(g, x, shape(g, [sizesOf(g, x, 0, 1), channels, height, width])),
    overFrames(x, channels, { batch, frames }) {
      return transpose(g, reshape(g, x, [batch, frames, channels, -1]), [0, 2, 1, 3]);
    },
    perFrame(x, channels, { height, width }) {
      return reshape(g, transpose(g, x, [0, 2, 1, 3]), [-1, channels, height, width]);
    },
    tokens(x, channels) {
      return reshape(g, transpose(g, reshape(g, x, [0, channels, -1]), [0, 2, 1]), [-1, channels]);
    },
    image(x, channels, { height, width, pixels }) {
      const pictures = g.op('Reshape', x, shape(g, [-1, pixels, channels]));
      return reshape(g, transpose(g, pictures, [0, 2, 1]), [-1, channels, height, width]);
    },
  };
}

/** Sizes under names of their own: another size by the same name would have to be equal. */
const mapDims = (name: string, channels: number): readonly Dim[] => [
  `${name}.n`,
  channels,
  `${name}.h`,
  `${name}.w`,
];

/** x at other sizes, int64 [rank], each number the nearest one before its place. */
export const nearest = (g: Graph, x: Value, sizes: Value): Value =>
  g.op('Resize', x, null, null, sizes, {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
