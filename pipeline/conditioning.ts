import { Tensor } from './onnx-runtime.js';
import { CLIP_SIZE, clipNormalise, clipResize } from './clip-preprocess.js';
import type { ClipParams } from './clip-params.js';
import { requireFinite } from './finite.js';
import type { Model } from './model.js';
import type { ModelGraph } from './sessions.js';

/** A source of normal numbers: torch's CPU generator in a clip. */
export interface NormalSource {
  fillNormal(out: Float32Array): void;
}

/** The parameters of a clip that its conditioning depends on. */
export type ConditioningParams = Pick<ClipParams, 'W' | 'H' | 'fps' | 'motion_bucket_id' | 'cond_aug'>;

/** What the network is conditioned on; the unconditional branch sees zeros for the first two and the same scalars. */
export interface Conditioning {
  /** The picture's latent, unscaled: [C,h,w]. */
  readonly concat: Float32Array;
  /** The picture's embedding, one context token: [Cc]. */
  readonly context: Float32Array;
  /** fps_id (fps − 1), motion bucket, cond_aug. */
  readonly addedTimeIds: readonly [number, number, number];
}

/**
 * Turns the fitted picture [1,3,H,W] in [−1,1] into the network's conditioning (svd's embedders). The VAE sees the
 * picture with noise of size cond_aug, CLIP sees it clean.
 *
 * Draws the picture's noise [1,3,H,W] from `random` even when cond_aug is 0, so that the draws that follow do not
 * depend on it.
 * @throws PipelineError `not_finite` naming the encoder, `out_of_memory`
 */
export async function encodePicture(
  model: Model,
  picture: Float32Array,
  params: ConditioningParams,
  random: NormalSource,
): Promise<Conditioning> {
  const { W, H, fps, motion_bucket_id, cond_aug } = params;
  const noisy = new Float32Array(picture.length);
  random.fillNormal(noisy);
  for (let i = 0; i < noisy.length; i++) noisy[i] = picture[i] + cond_aug * noisy[i];

  const pixels = clipNormalise(clipResize(picture, H, W));
  const concat = await encode(model.vaeEncoder, new Tensor('float32', noisy, [1, 3, H, W]), 'VAE');
  const small = new Tensor('float32', pixels, [1, 3, CLIP_SIZE, CLIP_SIZE]);
  const context = await encode(model.imageEncoder, small, 'image');
  return { concat, context, addedTimeIds: [fps - 1, motion_bucket_id, cond_aug] };
}

async function encode(graph: ModelGraph, input: Tensor, name: string): Promise<Float32Array> {
  try {
    const encoded = await graph.run(input);
    requireFinite(encoded, `The ${name} encoder's output`);
    return encoded;
  } finally {
    await graph.leave();
  }
}
