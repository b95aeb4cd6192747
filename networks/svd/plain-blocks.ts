import type { Area, Clip } from '../layers/index.js';
import { counting, expand, reshape, transpose, unsqueeze } from '../onnx/index.js';
import type { Value } from '../onnx/index.js';
import type { Conditions, UnetBlocks } from './blocks.js';
import type { UnetConfiguration } from './configuration.js';
import { conditionEmbedding, sinusoid, twoLayers } from './embedding.js';
import type { Network } from './network.js';
import { spatialHalf } from './res-block.js';
import type { ResBlock, Transformer } from './topology.js';
import { LAYER_NORM_EPSILON, TRANSFORMER_NORM_EPSILON } from './transformer.js';

/**
 * The UNet's blocks as the published code has them, without any saving: embeddings and context repeated for each
 * frame, both attentions, blends written out, convolutions over frames in three dimensions.
 */
export function plainBlocks(
  net: Network,
  configuration: UnetConfiguration,
  clip: Clip,
  conditions: Conditions,
): UnetBlocks {
  const { g, layers } = net;
  const width = 4 * configuration.levels[0].channels;
  const embedding = conditionEmbedding(net, configuration, conditions.timestep, conditions.ids);
  const perPicture = repeat(net, embedding, clip.frames, [clip.batch, width]);
  const project = (name: string, outputs: number) =>
    layers.linear(layers.swish(perPicture), net.affine(`${name}.time_emb_proj`, [outputs, width]));
  const wide = layers.toCompute(conditions.context);
  return {
    resBlock(x, block, area) {
      const spatialName = `${block.name}.spatial_res_block`;
      const rows = project(spatialName, block.outputs);
      const spatial = spatialHalf(net, x, { ...block, name: spatialName }, rows);
      const temporalRows = project(`${block.name}.temporal_res_block`, block.outputs);
      const clips = toClips(net, spatial, block.outputs, clip, area);
      const temporal = temporalHalf(
        net,
        clips,
        block,
        reshape(g, temporalRows, [clip.batch, clip.frames, -1]),
      );
      const blended = blend(net, clips, temporal, net.mix(`${block.name}.time_mixer`));
      return reshape(g, transpose(g, blended, [0, 2, 1, 3, 4]), [-1, block.outputs, area.height, area.width]);
    },
    transformer: (x, transformer, area) =>
      plainTransformer(net, x, transformer, { clip, area, context: wide }),
  };
}

/** [B, …] → [B·count, …], each row `count` times in a row. */
function repeat({ g }: Network, x: Value, count: Value, [batch, width]: readonly [Value, number]): Value {
  return reshape(g, expand(g, unsqueeze(g, x, [1]), [batch, count, width]), [-1, width]);
}

/** [B·F, C, h, w] → [B, C, F, h, w]. */
function toClips(
  { g }: Network,
  x: Value,
  channels: number,
  { batch, frames }: Clip,
  { height, width }: Area,
): Value {
  return transpose(g, reshape(g, x, [batch, frames, channels, height, width]), [0, 2, 1, 3, 4]);
}

const blend = ({ g }: Network, a: Value, b: Value, alpha: number): Value =>
  g.op('Add', g.op('Mul', a, alpha), g.op('Mul', b, 1 - alpha));

function temporalHalf(net: Network, clips: Value, block: ResBlock, rows: Value): Value {
  const { g, layers } = net;
  const { outputs: channels, temporalEpsilon: epsilon } = block;
  const name = `${block.name}.temporal_res_block`;
  const conv = (x: Value, part: string) => {
    const { weight, bias } = net.affine(`${name}.${part}`, [channels, channels, 3, 1, 1]);
    const parameters = [weight, ...(bias === null ? [] : [bias])].map((source, i) =>
      layers.constant(`${name}.${part}.${i === 0 ? 'weight' : 'bias'}`, source),
    );
    return g.op('Conv', x, ...parameters, { kernel_shape: [3, 1, 1], pads: [1, 0, 0, 1, 0, 0] });
  };
  // The statistics of a group do not depend on how its places are arranged.
  const norm = (x: Value, part: string) => {
    const flat = reshape(g, x, [0, channels, -1, 1]);
    const normal = layers.groupNorm(flat, net.affine(`${name}.${part}`, [channels]), { epsilon, silu: true });
    return g.op('Reshape', normal, g.op('Shape', x));
  };
  const middle = conv(norm(clips, 'norm1'), 'conv1');
  const informed = g.op('Add', middle, unsqueeze(g, transpose(g, rows, [0, 2, 1]), [3, 4]));
  return net.add(clips, conv(norm(informed, 'norm2'), 'conv2'));
}

interface Place {
  readonly clip: Clip;
  readonly area: Area;
  /** [B, 1, C'] */
  readonly context: Value;
}

function plainTransformer(net: Network, x: Value, transformer: Transformer, place: Place): Value {
  const { g, layers } = net;
  const { name, channels, depth, contextChannels } = transformer;
  const { clip, area } = place;
  const context = reshape(g, place.context, [clip.batch, contextChannels]);
  const perPicture = unsqueeze(g, repeat(net, context, clip.frames, [clip.batch, contextChannels]), [1]);
  const perPixel = unsqueeze(g, repeat(net, context, area.pixels, [clip.batch, contextChannels]), [1]);
  const alpha = net.mix(`${name}.time_mixer`);
  const norm = layers.groupNorm(x, net.affine(`${name}.norm`, [channels]), {
    epsilon: TRANSFORMER_NORM_EPSILON,
  });
  const linear = (part: string) => net.affine(`${name}.${part}`, [channels, channels]);
  const frameNumbers = sinusoid(g, counting(g, clip.frames, 'float32'), channels);
  const position = twoLayers(net, layers.toCompute(frameNumbers), `${name}.time_pos_embed`, [
    channels,
    4 * channels,
    channels,
  ]);
  let a = layers.linear(layers.tokens(norm, channels), linear('proj_in'));
  for (let d = 0; d < depth; d++) {
    const site = { ...transformer, name: `${name}.transformer_blocks.${d}` };
    a = attendAndFeed(net, reshape(g, a, [-1, area.pixels, channels]), perPicture, site);
    const placed = net.add(
      reshape(g, a, [clip.batch, clip.frames, -1, channels]),
      unsqueeze(g, position, [1]),
    );
    const sequences = reshape(g, transpose(g, placed, [0, 2, 1, 3]), [-1, clip.frames, channels]);
    const time = { ...transformer, name: `${name}.temporal_transformer_blocks.${d}` };
    const fed = feed(net, sequences, time, 'norm_in', 'ff_in');
    const m = attendAndFeed(net, fed, perPixel, time);
    const regrouped = reshape(g, m, [clip.batch, area.pixels, clip.frames, channels]);
    const back = reshape(g, transpose(g, regrouped, [0, 2, 1, 3]), [-1, channels]);
    a = blend(net, reshape(g, a, [-1, channels]), back, alpha);
  }
  return net.add(layers.image(layers.linear(a, linear('proj_out')), channels, area), x);
}

/** Self-attention, cross-attention, feed-forward on sequences [n, S, C], each with its norm and residual. */
function attendAndFeed(net: Network, x: Value, context: Value, site: Transformer): Value {
  const self = attend(net, x, null, site, 1);
  return feed(net, attend(net, self, context, site, 2), site, 'norm3', 'ff');
}

function attend(net: Network, x: Value, context: Value | null, site: Transformer, n: 1 | 2): Value {
  const { g, layers } = net;
  const { name, channels, contextChannels } = site;
  const normal = onTokens(net, x, channels, (t) =>
    layers.layerNorm(t, net.affine(`${name}.norm${n}`, [channels]), LAYER_NORM_EPSILON),
  );
  const from = context ?? normal;
  const width = context === null ? channels : contextChannels;
  const project = (part: string, input: Value, inputs: number) =>
    onTokens(
      net,
      input,
      inputs,
      (t) => layers.linear(t, net.linear(`${name}.attn${n}.${part}`, [channels, inputs])),
      channels,
    );
  const attended = layers.attention(
    project('to_q', normal, channels),
    project('to_k', from, width),
    project('to_v', from, width),
    site.heads,
    channels,
  );
  const out = net.affine(`${name}.attn${n}.to_out.0`, [channels, channels]);
  return g.op(
    'Add',
    x,
    onTokens(net, attended, channels, (t) => layers.linear(t, out)),
  );
}

function feed(net: Network, x: Value, { name, channels }: Transformer, norm: string, part: string): Value {
  const { layers } = net;
  return net.add(
    x,
    onTokens(net, x, channels, (t) => {
      const normal = layers.layerNorm(t, net.affine(`${name}.${norm}`, [channels]), LAYER_NORM_EPSILON);
      const inner = layers.gatedGelu(
        normal,
        net.affine(`${name}.${part}.net.0.proj`, [8 * channels, channels]),
      );
      return layers.linear(inner, net.affine(`${name}.${part}.net.2`, [channels, 4 * channels]));
    }),
  );
}

/** Runs `layer` on the tokens of sequences [n, S, inputs]: → [n, S, outputs]. */
function onTokens(
  { g }: Network,
  x: Value,
  inputs: number,
  layer: (tokens: Value) => Value,
  outputs = inputs,
): Value {
  const result = layer(reshape(g, x, [-1, inputs]));
  const [n, s] = [g.op('Shape', x, { start: 0, end: 1 }), g.op('Shape', x, { start: 1, end: 2 })];
  return reshape(g, result, [n, s, outputs]);
}
