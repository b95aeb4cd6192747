import { computed, readValues } from '../checkpoint/index.js';
import { slice, unsqueeze } from '../onnx/index.js';
import type { Value } from '../onnx/index.js';
import { sinusoidOf } from './embedding.js';
import type { Network } from './network.js';

/** A transformer's embedding of the frame's number, for all numbers there may be. */
export interface FrameTable {
  /** The first rows: [F, 1, C]. */
  rows(frames: Value): Value;
}

/**
 * P₂·SiLU(P₁·sinusoid(f) + b₁) + b₂ for f = 0 … count − 1, computed when the weights are written: the embedding depends
 * on nothing else, and two matrices of 4C·C values shrink to one of count·C.
 */
export function frameTable(net: Network, name: string, channels: number, count: number): FrameTable {
  const first = net.affine(`${name}.linear_1`, [4 * channels, channels]);
  const second = net.affine(`${name}.linear_2`, [channels, 4 * channels]);
  const compute = () => {
    const [w1, w2] = [readValues(first.weight), readValues(second.weight)];
    const [b1, b2] = [first, second].map(({ bias }) =>
      bias === null ? new Float32Array() : readValues(bias),
    );
    const table = new Float32Array(count * channels);
    for (let f = 0; f < count; f++) {
      const hidden = product(w1, sinusoidOf(f, channels), b1).map((z) => z / (1 + Math.exp(-z)));
      table.set(product(w2, hidden, b2), f * channels);
    }
    return table;
  };
  const table = net.layers.constant(`${name}.table`, computed(name, [count, channels], compute));
  return { rows: (frames) => unsqueeze(net.g, slice(net.g, table, 0, 0, frames), [1]) };
}

/** W·x + b for W [b.length, x.length]. */
function product(weight: Float32Array, x: Float64Array, bias: Float32Array): Float64Array {
  const y = Float64Array.from(bias);
  const width = x.length;
  for (let o = 0, w = 0; o < y.length; o++) {
    let sum = 0;
    for (let i = 0; i < width; i++, w++) sum += weight[w] * x[i];
    y[o] += sum;
  }
  return y;
}
