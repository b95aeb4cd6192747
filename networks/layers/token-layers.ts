import { rows } from '../checkpoint/index.js';
import { float } from '../onnx/index.js';
import type { Value } from '../onnx/index.js';
import type { Affine, Layers } from './layers.js';
import { biasOf, scaled } from './weights.js';
import type { GraphWeights } from './weights.js';

export type TokenLayers = Pick<
  Layers,
  'linear' | 'projections' | 'layerNorm' | 'gatedGelu' | 'attention' | 'gelu' | 'swish' | 'constant'
>;

/** The layers on tokens, which have one layout everywhere. Weights stay [out, in] as published: nothing is transposed. */
export function tokenLayers(weights: GraphWeights): TokenLayers {
  const { g } = weights;
  const gelu = (x: Value) => g.node({ op: 'Gelu', domain: 'com.microsoft', inputs: [x] })[0];
  const linear = (x: Value, affine: Affine | readonly Affine[]) => {
    const all = 'name' in affine ? [affine] : affine;
    const [first] = all;
    const outputs = all.reduce((sum, { weight }) => sum + weight.dims[0], 0);
    const dims = [outputs, first.weight.dims[1]];
    const parts = all.map(({ weight, scale }) => scaled(weight, scale));
    const weight = weights.store(`${first.name}.weight`, dims, parts);
    if (first.bias === null) return g.op('Gemm', x, weight, { transB: 1 });
    const biases = all.map((layer) => scaled(biasOf(layer), layer.scale));
    return g.op('Gemm', x, weight, weights.store(`${first.name}.bias`, [outputs], biases), { transB: 1 });
  };
  return {
    linear,
    // A product each: on the CPU one product and a split cost the copy of its result.
    projections: (x, affines) => affines.map((affine) => linear(x, affine)),
    gelu,
    constant: (name, source) => weights.store(name, source.dims, [{ source }]),
    layerNorm: (x, affine, epsilon) =>
      g.op('LayerNormalization', x, weights.weight(affine), weights.bias(affine), {
        axis: -1,
        epsilon: float(epsilon),
      }),
    gatedGelu(x, affine) {
      // Two products instead of one and a split: no copy of the larger half of the network's activations.
      const [value, gate] = halves(affine);
      return g.op('Mul', linear(x, value), gelu(linear(x, gate)));
    },
    attention: (q, k, v, heads) =>
      g.node({
        op: 'MultiHeadAttention',
        domain: 'com.microsoft',
        inputs: [q, k, v],
        attributes: { num_heads: heads },
      })[0],
    swish: (x, factor = 1) =>
      g.node({
        op: 'QuickGelu',
        domain: 'com.microsoft',
        inputs: [x],
        attributes: { alpha: float(factor) },
      })[0],
  };
}

/** A linear layer's outputs in two equal parts. */
export function halves(affine: Affine): readonly [Affine, Affine] {
  const { name, weight } = affine;
  const bias = biasOf(affine);
  const half = weight.dims[0] / 2;
  const part = (suffix: string, from: number, to: number): Affine => ({
    ...affine,
    name: `${name}.${suffix}`,
    weight: rows(weight, from, to),
    bias: rows(bias, from, to),
  });
  return [part('value', 0, half), part('gate', half, 2 * half)];
}
