import type { Area, Clip } from '../layers/index.js';
import type { Value } from '../onnx/index.js';
import type { Network } from './network.js';
import type { ResBlock } from './topology.js';

/** Projections of the embedding, added between a half's convolutions. */
export interface EmbeddingRows {
  /** One row for each picture: [B·F, C]. */
  readonly spatial: Value;
  /** One row for each clip: [B, C]. */
  readonly temporal: Value;
}

export interface SpatialHalf {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly epsilon: number;
}

/** shortcut(x) + conv2(SiLU(norm2(conv1(SiLU(norm1 x)) + rows))): a residual block on single pictures. */
export function spatialHalf(net: Network, x: Value, half: SpatialHalf, rows?: Value): Value {
  const { layers } = net;
  const { name, inputs, outputs, epsilon } = half;
  const first = layers.groupNorm(x, net.affine(`${name}.norm1`, [inputs]), { epsilon, silu: true });
  const middle = net.conv3(first, `${name}.conv1`, inputs, outputs);
  const informed = rows === undefined ? middle : layers.addRows(middle, rows);
  const second = layers.groupNorm(informed, net.affine(`${name}.norm2`, [outputs]), { epsilon, silu: true });
  const change = net.conv3(second, `${name}.conv2`, outputs, outputs);
  const shortcut =
    inputs === outputs ? x : layers.conv(x, net.affine(`${name}.conv_shortcut`, [outputs, inputs, 1, 1]));
  return net.add(shortcut, change);
}

/** How the temporal half's share of the result follows from σ(mix_factor). */
export type TemporalShare = (alpha: number) => number;

/**
 * Spatio-temporal residual block. With s the spatial half and s + v the temporal one, the blend (1−w)·s + w·(s + v) is
 * s + w·v: the weight w of the temporal half goes into the last convolution of v.
 */
export function spatioTemporalBlock(
  net: Network,
  x: Value,
  block: ResBlock,
  place: { readonly clip: Clip; readonly area: Area },
  share: TemporalShare,
  rows?: EmbeddingRows,
): Value {
  const { layers } = net;
  const { name, outputs: channels, temporalEpsilon: epsilon } = block;
  const weight = share(net.mix(`${name}.time_mixer`));
  const spatial = spatialHalf(net, x, { ...block, name: `${name}.spatial_res_block` }, rows?.spatial);
  const at = `${name}.temporal_res_block`;
  const overTime = (part: string, scale: number) =>
    net.affine(`${at}.${part}`, [channels, channels, 3, 1, 1], scale);
  const pads = [1, 0, 1, 0] as const;

  const clips = layers.overFrames(spatial, channels, place.clip);
  const first = layers.groupNorm(clips, net.affine(`${at}.norm1`, [channels]), { epsilon, silu: true });
  const middle = layers.conv(first, overTime('conv1', 1), { pads });
  const informed = rows === undefined ? middle : layers.addRows(middle, rows.temporal);
  const second = layers.groupNorm(informed, net.affine(`${at}.norm2`, [channels]), { epsilon, silu: true });
  const change = layers.conv(second, overTime('conv2', weight), { pads });
  return net.add(spatial, layers.perFrame(change, channels, place.area));
}
