import type { Area, Clip } from '../layers/index.js';
import { reshape, transpose, unsqueeze } from '../onnx/index.js';
import type { Value } from '../onnx/index.js';
import { frameTable } from './frame-table.js';
import type { FrameTable } from './frame-table.js';
import type { Network } from './network.js';
import type { Transformer } from './topology.js';

export const LAYER_NORM_EPSILON = 1e-5;
/** Of the group norm before a transformer, in both code bases. */
export const TRANSFORMER_NORM_EPSILON = 1e-6;

interface Surroundings {
  readonly clip: Clip;
  readonly area: Area;
  /** [B, C'] */
  readonly context: Value;
  readonly maxFrames: number;
}

/** One transformer block's place in the network, with what it needs of the sizes. */
interface BlockSite extends Surroundings {
  readonly name: string;
  readonly channels: number;
  readonly heads: number;
  readonly contextChannels: number;
}

/**
 * Spatio-temporal transformer: each spatial block attends within a frame, the temporal one after it within a pixel over
 * the frames, and α·spatial + (1−α)·temporal goes on.
 */
export function spatioTemporalTransformer(
  net: Network,
  x: Value,
  transformer: Transformer,
  surroundings: Surroundings,
): Value {
  const { layers } = net;
  const { name, channels, depth } = transformer;
  const alpha = net.mix(`${name}.time_mixer`);
  const norm = layers.groupNorm(x, net.affine(`${name}.norm`, [channels]), {
    epsilon: TRANSFORMER_NORM_EPSILON,
  });
  const linear = (part: string) => net.affine(`${name}.${part}`, [channels, channels]);
  const table = frameTable(net, `${name}.time_pos_embed`, channels, surroundings.maxFrames);
  let a = layers.linear(layers.tokens(norm, channels), linear('proj_in'));
  for (let d = 0; d < depth; d++) {
    const site = { ...transformer, ...surroundings };
    a = spatialBlock(net, a, { ...site, name: `${name}.transformer_blocks.${d}` });
    a = temporalBlock(
      net,
      a,
      { ...site, name: `${name}.temporal_transformer_blocks.${d}` },
      { alpha, table },
    );
  }
  return net.add(layers.image(layers.linear(a, linear('proj_out')), channels, surroundings.area), x);
}

/** Attention within a frame, the context, feed-forward: [B·F·hw, C]. */
function spatialBlock(net: Network, a: Value, site: BlockSite): Value {
  const { g, layers } = net;
  const { channels, area } = site;
  const normal = layerNorm(net, a, site, 'norm1');
  const [q, k, v] = queryKeyValue(net, normal, site).map((x) => reshape(g, x, [-1, area.pixels, channels]));
  const attended = layers.attention(q, k, v, site.heads, channels);
  const b = addAttended(net, a, reshape(g, attended, [-1, channels]), site);
  return net.add(b, feedForward(net, layerNorm(net, b, site, 'norm3'), site, 'ff'));
}

/** Position in time, feed-forward, attention over the frames, the context, feed-forward, and the blend. */
function temporalBlock(
  net: Network,
  a: Value,
  site: BlockSite,
  { alpha, table }: { readonly alpha: number; readonly table: FrameTable },
): Value {
  const { g, layers } = net;
  const { channels, clip, area } = site;
  const { batch, frames } = clip;
  const placed = net.add(reshape(g, a, [batch, frames, -1, channels]), table.rows(frames));
  const m1 = reshape(g, placed, [-1, channels]);
  const m2 = net.add(m1, feedForward(net, layerNorm(net, m1, site, 'norm_in'), site, 'ff_in'));

  // Everything but the attention itself works on single tokens, so only its inputs and its output are regrouped.
  const normal = reshape(g, layerNorm(net, m2, site, 'norm1'), [batch, frames, -1, channels]);
  const perPixel = reshape(g, transpose(g, normal, [0, 2, 1, 3]), [-1, channels]);
  const [q, k, v] = queryKeyValue(net, perPixel, site).map((x) => reshape(g, x, [-1, frames, channels]));
  const attended = layers.attention(q, k, v, site.heads, channels);
  const perFrame = transpose(g, reshape(g, attended, [batch, area.pixels, frames, channels]), [0, 2, 1, 3]);
  const m3 = addAttended(net, m2, reshape(g, perFrame, [-1, channels]), site);

  // α·a + (1−α)·(m3 + ff) with the weight of ff in its last layer.
  const change = feedForward(net, layerNorm(net, m3, site, 'norm3'), site, 'ff', 1 - alpha);
  const blend = net.add(g.op('Mul', a, weightOf(net, alpha)), g.op('Mul', m3, weightOf(net, 1 - alpha)));
  return net.add(blend, change);
}

/** The three inputs of a self-attention, [T, C] each. */
function queryKeyValue(net: Network, x: Value, { name, channels }: BlockSite): readonly Value[] {
  const parts = ['to_q', 'to_k', 'to_v'];
  return net.layers.projections(
    x,
    parts.map((part) => net.linear(`${name}.attn1.${part}`, [channels, channels])),
  );
}

const weightOf = (net: Network, weight: number): Value =>
  net.layers.toCompute(net.g.scalar('float32', weight));

const layerNorm = (net: Network, x: Value, { name, channels }: BlockSite, part: string): Value =>
  net.layers.layerNorm(x, net.affine(`${name}.${part}`, [channels]), LAYER_NORM_EPSILON);

function feedForward(net: Network, x: Value, { name, channels }: BlockSite, part: string, scale = 1): Value {
  const inner = net.layers.gatedGelu(x, net.affine(`${name}.${part}.net.0.proj`, [8 * channels, channels]));
  return net.layers.linear(inner, net.affine(`${name}.${part}.net.2`, [channels, 4 * channels], scale));
}

/**
 * x + the self-attention's output layer + the cross-attention. The context is one token, over which a softmax is 1: the
 * cross-attention is to_out(to_v(context)), the same for every query, and its norm2, to_q and to_k decide nothing.
 */
function addAttended(net: Network, x: Value, attended: Value, site: BlockSite): Value {
  const { g, layers } = net;
  const { name, channels, contextChannels, context, clip } = site;
  const out = net.affine(`${name}.attn1.to_out.0`, [channels, channels]);
  net.unneeded(`${name}.norm2`, [channels], true);
  net.unneeded(`${name}.attn2.to_q`, [channels, channels], false);
  net.unneeded(`${name}.attn2.to_k`, [channels, contextChannels], false);
  const value = layers.linear(context, net.linear(`${name}.attn2.to_v`, [channels, contextChannels]));
  const fromContext = layers.linear(value, net.affine(`${name}.attn2.to_out.0`, [channels, channels]));
  // Both constants of the layer in one row for each clip: [B, 1, C].
  const bias = out.bias === null ? [] : [layers.constant(`${out.name}.bias`, out.bias)];
  const row = unsqueeze(
    g,
    [fromContext, ...bias].reduce((a, b) => net.add(a, b)),
    [1],
  );
  const projected = reshape(g, layers.linear(attended, { ...out, bias: null }), [clip.batch, -1, channels]);
  return net.add(x, reshape(g, net.add(projected, row), [-1, channels]));
}
