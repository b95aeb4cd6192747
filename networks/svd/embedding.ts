import { concat, float32, reshape, unsqueeze } from '../onnx/index.js';
import type { Graph, Value } from '../onnx/index.js';
import type { UnetConfiguration } from './configuration.js';
import type { Network } from './network.js';

const PERIOD = 10000;

const frequencies = (width: number): number[] =>
  Array.from({ length: width / 2 }, (_, i) => Math.exp((-Math.log(PERIOD) * i) / (width / 2)));

/** Sinusoids of float32 values [n]: [n, width], the cosines first (Vaswani et al. 2017, with cosine and sine swapped). */
export function sinusoid(g: Graph, values: Value, width: number): Value {
  const angles = g.op(
    'Mul',
    unsqueeze(g, values, [1]),
    g.initializer(float32([width / 2], frequencies(width))),
  );
  return concat(g, [g.op('Cos', angles), g.op('Sin', angles)], 1);
}

/** The same for one number, computed now. */
export function sinusoidOf(value: number, width: number): Float64Array {
  const waves = frequencies(width);
  return Float64Array.from([
    ...waves.map((f) => Math.cos(value * f)),
    ...waves.map((f) => Math.sin(value * f)),
  ]);
}

/**
 * The embedding of noise level and added scalars, one row for each clip: [B, 4·C₀]. It does not depend on the frame.
 */
export function conditionEmbedding(
  net: Network,
  unet: UnetConfiguration,
  timestep: Value,
  ids: Value,
): Value {
  const { layers, g } = net;
  const [{ channels }] = unet.levels;
  const { scalars, scalarWidth } = unet;
  const time = layers.toCompute(sinusoid(g, timestep, channels));
  const waves = sinusoid(g, reshape(g, ids, [-1]), scalarWidth);
  const added = layers.toCompute(reshape(g, waves, [-1, scalars * scalarWidth]));
  return net.add(
    twoLayers(net, time, 'time_embedding', [channels, 4 * channels, 4 * channels]),
    twoLayers(net, added, 'add_embedding', [scalars * scalarWidth, 4 * channels, 4 * channels]),
  );
}

/** Linear, SiLU, linear. */
export function twoLayers(
  net: Network,
  x: Value,
  name: string,
  [inputs, hidden, outputs]: readonly [number, number, number],
): Value {
  const first = net.layers.linear(x, net.affine(`${name}.linear_1`, [hidden, inputs]));
  return net.layers.linear(net.layers.swish(first), net.affine(`${name}.linear_2`, [outputs, hidden]));
}
