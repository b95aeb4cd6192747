import { setImmediate } from 'node:timers/promises';
import { Tensor } from 'onnxruntime-node';
import { onlyNames, type Model } from './model.js';
import { framesToRgb } from './picture.js';
import type { LatentShape } from './unet-network.js';

/**
 * Decodes latents [F,C,h,w] (in the sampler's scale) to frames, `chunk` at a time: a chunk's frames see only each
 * other in a temporal decoder, and a chunk is what memory is needed for.
 *
 * Yields each frame as rgb24, height × width × 3 bytes.
 */
export async function* decodeFrames(
  model: Model,
  latents: Float32Array,
  [frames, channels, height, width]: LatentShape,
  chunk: number,
): AsyncGenerator<Uint8Array> {
  const { input, output } = onlyNames(model.vaeDecoder);
  const { scale, divisor } = model.manifest.latent;
  const latent = channels * height * width;
  const frameBytes = 3 * height * divisor * width * divisor;
  for (let first = 0; first < frames; first += chunk) {
    const n = Math.min(chunk, frames - first);
    const scaled = latents.slice(first * latent, (first + n) * latent);
    for (let i = 0; i < scaled.length; i++) scaled[i] /= scale;
    const decoded = await model.vaeDecoder.run({
      [input]: new Tensor('float32', scaled, [n, channels, height, width]),
    });
    await setImmediate(); // run() held the thread: let a cancel come in
    const rgb = framesToRgb(decoded[output].data as Float32Array, width * divisor, height * divisor);
    for (let f = 0; f < n; f++) yield rgb.subarray(f * frameBytes, (f + 1) * frameBytes);
  }
}
