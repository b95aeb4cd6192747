import type { Clip } from '../layers/index.js';
import { expand, reshape, split, squeeze, unsqueeze } from '../onnx/index.js';
import type { Value } from '../onnx/index.js';
import type { Conditions, UnetBlocks } from './blocks.js';
import type { UnetConfiguration } from './configuration.js';
import { conditionEmbedding } from './embedding.js';
import type { Network } from './network.js';
import { spatioTemporalBlock } from './res-block.js';
import type { EmbeddingRows } from './res-block.js';
import type { ResBlock } from './topology.js';
import { spatioTemporalTransformer } from './transformer.js';

/**
 * The UNet's blocks with every saving that is exact in real arithmetic: cross-attention to one token without attention,
 * blends folded into the last layer of the temporal half, all projections of the embedding in one product for each
 * clip, the frame embeddings as tables.
 */
export function savingBlocks(
  net: Network,
  configuration: UnetConfiguration,
  clip: Clip,
  conditions: Conditions,
  resBlocks: readonly ResBlock[],
  maxFrames: number,
): UnetBlocks {
  const { layers, g } = net;
  const embedding = conditionEmbedding(net, configuration, conditions.timestep, conditions.ids);
  const rows = embeddingRows(
    net,
    layers.swish(embedding),
    4 * configuration.levels[0].channels,
    resBlocks,
    clip,
  );
  const context = layers.toCompute(squeeze(g, conditions.context, [1]));
  return {
    resBlock: (x, block, area) =>
      spatioTemporalBlock(net, x, block, { clip, area }, (alpha) => 1 - alpha, rows.get(block.name)),
    transformer: (x, transformer, area) =>
      spatioTemporalTransformer(net, x, transformer, { clip, area, context, maxFrames }),
  };
}

/** The embedding's projections of all blocks as one product, spatial halves first, cut apart afterwards. */
function embeddingRows(
  net: Network,
  embedding: Value,
  width: number,
  blocks: readonly ResBlock[],
  { batch, frames }: Clip,
): Map<string, EmbeddingRows> {
  const { g } = net;
  const half = (part: string) =>
    blocks.map(({ name, outputs }) => net.affine(`${name}.${part}.time_emb_proj`, [outputs, width]));
  const all = net.layers.linear(embedding, [...half('spatial_res_block'), ...half('temporal_res_block')]);
  const sizes = blocks.map(({ outputs }) => outputs);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const [spatial, temporal] = split(g, all, 1, [total, total]);
  const perPicture = expand(g, unsqueeze(g, spatial, [1]), [batch, frames, total]);
  const spatialRows = split(g, reshape(g, perPicture, [-1, total]), 1, sizes);
  const temporalRows = split(g, temporal, 1, sizes);
  return new Map(blocks.map(({ name }, i) => [name, { spatial: spatialRows[i], temporal: temporalRows[i] }]));
}
