import {
  concat,
  expand,
  float32,
  Graph,
  int64,
  reshape,
  shape,
  sizesOf,
  slice,
  type Value,
} from '../../../networks/onnx/index.js';

/** Floats that no machine has room for: 2^46. */
const TOO_MANY = 2 ** 46;

/** Where a tiny graph asks for more memory than there is. */
export interface Hunger {
  /** More entries of the first dimension than this do not fit. Default: any number fits. */
  readonly fits?: number;
}

/** x + 0, by way of a tensor that fits into memory only while x has at most `fits` entries in its first dimension. */
function hungry(g: Graph, x: Value, { fits = Infinity }: Hunger): Value {
  if (fits === Infinity) return x;
  const excess = g.op('Sub', sizesOf(g, x, 0, 1), g.initializer(int64([1], [fits])));
  const beyond = g.op('Max', excess, g.initializer(int64([1], [0])));
  const elements = g.op('Add', g.op('Mul', beyond, g.initializer(int64([1], [TOO_MANY]))), 1);
  const zeros = g.op('Expand', g.initializer(float32([1], [0])), elements);
  return g.op('Add', x, g.op('ReduceMax', zeros, { keepdims: 0 }));
}

/**
 * A network that shows what it was given, with the contract of SVD's UNet over 4 latent channels and a context of 3:
 * 0.5·latents + 0.2·their mean over the frames + 0.3·picture + 0.1·mean(context) + 0.01·mean(added) + 0.05·timestep.
 * It has a second output, as graphs with more abilities do.
 */
export function tinyUnet(hunger: Hunger = {}): Graph {
  const g = new Graph('tiny-unet');
  const sample = g.input('sample', 'float32', ['B', 'F', 8, 'h', 'w']);
  const timestep = g.input('timestep', 'float32', [1]);
  const context = g.input('encoder_hidden_states', 'float32', ['B', 1, 3]);
  const added = g.input('added_time_ids', 'float32', ['B', 3]);
  const latents = slice(g, sample, 2, 0, 4);
  const overFrames = g.op('ReduceMean', latents, { axes: [1], keepdims: 1 });
  const perRow = (x: Value): Value => reshape(g, x, [-1, 1, 1, 1, 1]);
  const terms = [
    g.op('Mul', latents, 0.5),
    g.op('Mul', overFrames, 0.2),
    g.op('Mul', slice(g, sample, 2, 4, 8), 0.3),
    perRow(g.op('Mul', g.op('ReduceMean', context, { axes: [1, 2], keepdims: 0 }), 0.1)),
    perRow(g.op('Mul', g.op('ReduceMean', added, { axes: [1], keepdims: 0 }), 0.01)),
    g.op('Mul', timestep, 0.05),
  ];
  const sum = terms.reduce((a, b) => g.op('Add', a, b));
  g.output('out_sample', hungry(g, sum, hunger), ['B', 'F', 4, 'h', 'w']);
  g.output('features', g.op('Neg', overFrames), ['B', 1, 4, 'h', 'w']);
  return g;
}

export interface DecoderOptions extends Hunger {
  /** Mixes each frame with the one before and after, zeros beyond the ends, as temporal convolutions do. */
  readonly temporal?: boolean;
}

/** latent [n,4,h,w] → frames [n,3,2h,2w]: the first three channels, each value as 2×2 pixels. */
export function tinyDecoder({ temporal = true, ...hunger }: DecoderOptions = {}): Graph {
  const g = new Graph('tiny-vae-decoder');
  const latent = g.input('latent', 'float32', ['n', 4, 'h', 'w']);
  const colours = slice(g, latent, 1, 0, 3);
  const mixed = temporal ? mixNeighbours(g, colours) : colours;
  const frames = g.op('DepthToSpace', concat(g, [mixed, mixed, mixed, mixed], 1), {
    blocksize: 2,
    mode: 'DCR',
  });
  g.output('frames', hungry(g, frames, hunger), ['n', 3, 'H', 'W']);
  return g;
}

/** Along the first dimension: 0.25·before + 0.5·x + 0.25·after. */
function mixNeighbours(g: Graph, x: Value): Value {
  const nothing = expand(g, g.initializer(float32([1], [0])), [shape(g, [1, sizesOf(g, x, 1)])]);
  const before = concat(g, [nothing, slice(g, x, 0, 0, -1)], 0);
  const after = concat(g, [slice(g, x, 0, 1, 2 ** 31), nothing], 0);
  return g.op('Add', g.op('Mul', x, 0.5), g.op('Mul', g.op('Add', before, after), 0.25));
}

/** image [1,3,H,W] → latent [1,4,H/2,W/2]: 2×2 means, and their mean over the colours. */
export function tinyEncoder(): Graph {
  const g = new Graph('tiny-vae-encoder');
  const image = g.input('image', 'float32', [1, 3, 'H', 'W']);
  const small = g.op('AveragePool', image, { kernel_shape: [2, 2], strides: [2, 2] });
  const grey = g.op('ReduceMean', small, { axes: [1], keepdims: 1 });
  g.output('latent', concat(g, [small, grey], 1), [1, 4, 'h', 'w']);
  return g;
}

/** pixel_values [1,3,224,224] → image_embeds [1,3]: the mean colour. */
export function tinyImageEncoder(): Graph {
  const g = new Graph('tiny-image-encoder');
  const pixels = g.input('pixel_values', 'float32', [1, 3, 224, 224]);
  g.output('image_embeds', g.op('ReduceMean', pixels, { axes: [2, 3], keepdims: 0 }), [1, 3]);
  return g;
}
