import { Tensor } from 'onnxruntime-node';
import { clipNormalise, clipResize } from './clip-preprocess.js';
import type { ClipParams } from './clip-params.js';
import { onlyNames, type Model } from './model.js';

/** A source of normal numbers: torch's CPU generator in a clip. */
export interface NormalSource {
  fillNormal(out: Float32Array): void;
}

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
 * Turns the fitted picture [1,3,H,W] in [−1,1] into the network's conditioning (svd's embedders).
 *
 * Draws the picture's noise [1,3,H,W] from `random` even when cond_aug is 0, so that the draws that follow do not
 * depend on it.
 */
export async function encodePicture(
  model: Model,
  picture: Float32Array,
  params: ClipParams,
  random: NormalSource,
): Promise<Conditioning> {
  const { W, H, fps, motion_bucket_id, cond_aug } = params;
  const noisy = new Float32Array(picture.length);
  random.fillNormal(noisy);
  for (let i = 0; i < noisy.length; i++) noisy[i] = picture[i] + cond_aug * noisy[i];

  const vae = onlyNames(model.vaeEncoder);
  const encoded = await model.vaeEncoder.run({ [vae.input]: new Tensor('float32', noisy, [1, 3, H, W]) });
  const clip = onlyNames(model.imageEncoder);
  const pixels = clipNormalise(clipResize(picture, H, W));
  const embedded = await model.imageEncoder.run({
    [clip.input]: new Tensor('float32', pixels, [1, 3, 224, 224]),
  });
  return {
    concat: encoded[vae.output].data as Float32Array,
    context: embedded[clip.output].data as Float32Array,
    addedTimeIds: [fps - 1, motion_bucket_id, cond_aug],
  };
}
