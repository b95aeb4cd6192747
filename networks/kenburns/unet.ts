import type { Value } from '../onnx/index.js';
import {
  concat,
  counting,
  Graph,
  meanOver,
  reshape,
  sizesOf,
  slice,
  squeeze,
  sumOver,
  transpose,
  unsqueeze,
} from '../onnx/index.js';
import { cameraTracks, PATHS } from './moves.js';
import { resampleRows } from './resample.js';
import { CONTEXT_CHANNELS, LATENT_CHANNELS, LATENT_SCALE } from './settings.js';

/**
 * The denoiser of a world that knows nothing but camera moves over the given picture: D(x; σ) = Σ_k w_k·m_k with
 * w = softmax_k(−‖x − m_k‖² / 2σ²), where m_k is the clip of move k. This is the exact minimiser of the denoising loss
 * for that set of clips (Karras et al. 2022, appendix B.3), with SVD's inputs and its v-prediction as output:
 * sample [B, F, 2C, h, w], timestep [1] = ¼·ln σ, encoder_hidden_states [B, 1, …], added_time_ids [B, 3] → [B, F, C, h, w].
 */
export function denoiserGraph(): Graph {
  const g = new Graph('kenburns-unet');
  const sample = g.input('sample', 'float32', ['B', 'F', 2 * LATENT_CHANNELS, 'h', 'w']);
  const timestep = g.input('timestep', 'float32', [1]);
  // The picture says it all: the embedding and the first and last of the ids are part of the contract only.
  g.input('encoder_hidden_states', 'float32', ['B', 1, CONTEXT_CHANNELS]);
  const ids = g.input('added_time_ids', 'float32', ['B', 3]);

  const sigma = g.op('Exp', g.op('Mul', timestep, 4));
  const norm = g.op('Sqrt', g.op('Add', g.op('Mul', sigma, sigma), 1));
  const noisy = slice(g, sample, 2, 0, LATENT_CHANNELS);
  const picture = firstPicture(g, sample);
  const mean = meanOver(g, picture, [1, 2, 3, 4]);

  const clips = g.scope('clips', () =>
    cameraClips(g, g.op('Sub', picture, mean), sizesOf(g, sample, 1, 2), slice(g, ids, 1, 1, 2)),
  );
  // In units of the picture and around its mean, where sums of squares lose the least.
  const x = g.op('Sub', g.op('Mul', noisy, g.op('Div', norm, LATENT_SCALE)), mean);
  const denoised = g.op(
    'Add',
    g.scope('mixture', () => expectedClip(g, x, clips, sigma)),
    mean,
  );

  // VScalingWithEDMcNoise solved for the network's output: v = (c_skip·x − D)·√(σ²+1)/σ with x = √(σ²+1)·sample.
  const scaled = g.op('Mul', denoised, g.op('Mul', norm, LATENT_SCALE));
  const v = g.op('Div', g.op('Sub', noisy, scaled), sigma);
  g.output('out_sample', v, ['B', 'F', LATENT_CHANNELS, 'h', 'w']);
  return g;
}

/** The picture's latent, from the first frame's second half: [B, 1, C, h, w]. */
const firstPicture = (g: Graph, sample: Value): Value =>
  slice(g, slice(g, sample, 1, 0, 1), 2, LATENT_CHANNELS, 2 * LATENT_CHANNELS);

/** The forward clip of every path: picture [B, 1, C, h, w] → [B, paths, F, h, C, w]. */
function cameraClips(g: Graph, picture: Value, frames: Value, bucket: Value): Value {
  const [batch, h, w] = [sizesOf(g, picture, 0, 1), sizesOf(g, picture, 3, 4), sizesOf(g, picture, 4, 5)];
  const [height, width] = [g.op('Mul', h, 2), g.op('Mul', w, 2)];
  const tracks = cameraTracks(g, frames, bucket);
  const trackCount = sizesOf(g, tracks.start, 1, 2);
  const row = unsqueeze(g, counting(g, batch, 'int64'), [1]);

  // Latent channels are (by, bx, colour): the picture's columns (w, bx) become rows of (colour, h, by) values.
  const phases = reshape(g, picture, [batch, 2, 2, 3, h, w]);
  const columns = reshape(g, transpose(g, phases, [0, 5, 2, 3, 4, 1]), [-1, g.op('Mul', height, 3)]);
  const across = g.scope('x', () =>
    resampleRows(g, columns, {
      start: tracks.start,
      extent: tracks.extent,
      firstRow: g.op('Expand', g.op('Mul', row, width), g.op('Shape', tracks.start)),
      length: width,
    }),
  );
  // … and back: rows (h, by) of (bx, colour, w) values, so that moved rows lie as the latent wants them.
  const split = reshape(g, across, [batch, trackCount, w, 2, 3, height]);
  const lines = reshape(g, transpose(g, split, [0, 1, 5, 3, 4, 2]), [-1, g.op('Mul', w, 6)]);
  const origin = g.op('Add', g.op('Mul', row, trackCount), tracks.ofX);
  const moved = g.scope('y', () =>
    resampleRows(g, lines, {
      start: g.op('Gather', tracks.start, tracks.ofY, { axis: 1 }),
      extent: g.op('Gather', tracks.extent, tracks.ofY, { axis: 1 }),
      firstRow: g.op('Mul', origin, height),
      length: height,
    }),
  );
  return reshape(g, moved, [batch, PATHS.length, frames, h, LATENT_CHANNELS, w]);
}

/** Σ_k w_k·m_k over all paths, forwards and backwards: x [B, F, C, h, w], clips [B, paths, F, h, C, w] → as x. */
function expectedClip(g: Graph, x: Value, clips: Value, sigma: Value): Value {
  const [batch, frames] = [sizesOf(g, x, 0, 1), sizesOf(g, x, 1, 2)];
  const backwards = g.op('Sub', g.op('Sub', frames, 1), counting(g, frames, 'int64'));
  const reversed = (clip: Value, axis: number) => g.op('Gather', clip, backwards, { axis });

  // ⟨x, m backwards⟩ = ⟨x backwards, m⟩, so no clip is ever stored backwards.
  const rows = transpose(g, x, [0, 1, 3, 2, 4]);
  const both = concat(g, [unsqueeze(g, rows, [1]), unsqueeze(g, reversed(rows, 1), [1])], 1);
  const pixels = g.op('ReduceProd', sizesOf(g, rows, 2), { axes: [0], keepdims: 1 });
  const clipMatrix = reshape(g, clips, [batch, PATHS.length, frames, 1, pixels]);
  const xMatrix = reshape(g, both, [batch, 1, 2, frames, pixels]);
  const xFrames = transpose(g, xMatrix, [0, 1, 3, 4, 2]); // [B, 1, F, pixels, 2]
  const products = sumOver(g, g.op('MatMul', clipMatrix, xFrames), [2]); // [B, paths, 1, 1, 2]
  const energies = g.op('ReduceSumSquare', clipMatrix, { axes: [2, 3, 4], keepdims: 1 });

  const scale = g.op('Div', LATENT_SCALE ** 2, g.op('Mul', sigma, sigma));
  const logits = g.op('Mul', g.op('Sub', products, g.op('Mul', energies, 0.5)), scale);
  const weights = g.op('Softmax', reshape(g, logits, [batch, 1, PATHS.length * 2]), { axis: 2 });
  const perWay = transpose(g, reshape(g, weights, [batch, PATHS.length, 2]), [0, 2, 1]);
  const sums = g.op('MatMul', perWay, reshape(g, clips, [batch, PATHS.length, -1]));
  const ways = reshape(g, sums, [batch, 2, frames, sizesOf(g, rows, 2)]);
  const way = (index: number) => squeeze(g, slice(g, ways, 1, index, index + 1), [1]);
  const clip = g.op('Add', way(0), reversed(way(1), 1));
  return transpose(g, clip, [0, 1, 3, 2, 4]);
}
