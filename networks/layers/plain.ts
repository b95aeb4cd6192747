import { reshape, transpose } from '../onnx/index.js';
import type { Value } from '../onnx/index.js';
import type { Affine, Layers } from './layers.js';
import { portableLayers } from './portable.js';
import { tokenLayers } from './token-layers.js';
import type { GraphWeights } from './weights.js';

/**
 * The portable layers without fused operators, as an exporter would write them: attention with its matrix of scores, layer norms of the standard set,
 * SiLU of two nodes, the gated feed-forward cut in two. To compare with, in result and in speed.
 */
export function plainLayers(weights: GraphWeights): Layers {
  const { g } = weights;
  const layers = portableLayers(weights);
  const swish = (x: Value, factor = 1) =>
    g.op('Mul', x, g.op('Sigmoid', factor === 1 ? x : g.op('Mul', x, factor)));
  return {
    ...layers,
    layerNorm: tokenLayers(weights).layerNorm,
    swish,
    groupNorm(x, affine, { epsilon, silu = false }) {
      const normal = layers.groupNorm(x, affine, { epsilon });
      return silu ? swish(normal) : normal;
    },
    attention(q, k, v, heads, channels) {
      const width = channels / heads;
      const apart = (x: Value, perm: readonly number[]) =>
        transpose(g, reshape(g, x, [0, -1, heads, width]), perm);
      const scores = g.op('MatMul', apart(q, [0, 2, 1, 3]), apart(k, [0, 2, 3, 1]));
      const weighed = g.op('Softmax', g.op('Mul', scores, width ** -0.5), { axis: -1 });
      const result = g.op('MatMul', weighed, apart(v, [0, 2, 1, 3]));
      return reshape(g, transpose(g, result, [0, 2, 1, 3]), [0, -1, channels]);
    },
    gatedGelu(x, affine: Affine) {
      const [value, gate] = g.node({
        op: 'Split',
        inputs: [layers.linear(x, affine)],
        attributes: { axis: 1 },
        results: [x.type, x.type],
      });
      return g.op('Mul', value, layers.gelu(gate));
    },
  };
}
