import { Tensor } from './onnx-runtime.js';
import { isOutOfMemory } from './device-errors.js';
import { requireFinite } from './finite.js';
import { MemoryFallbacks } from './memory-fallbacks.js';
import type { Model } from './model.js';
import { framesToRgb } from './picture.js';
import type { LatentShape } from './unet-network.js';

export interface DecodeOptions {
  /** Neighbour frames on either side that are decoded with each chunk and dropped. Default 0. */
  readonly overlap?: number;
  /** What to do with less memory than it would take. Default: a clip of its own. */
  readonly memory?: MemoryFallbacks;
}

/** Frames `from`…`to` are decoded, of which `first`…`end` are kept; ends are exclusive. */
interface Window {
  readonly from: number;
  readonly first: number;
  readonly end: number;
  readonly to: number;
}

/**
 * Decodes latents [F,C,h,w] (in the sampler's scale) to frames, `chunk` at a time. A temporal decoder sees the frames
 * of one run only and zeros beyond them, which shows as a seam: `overlap` gives it real neighbours there. The memory
 * needed grows with chunk + 2 · overlap; where it is short, smaller chunks are tried.
 *
 * Yields each frame as rgb24, height × width × 3 bytes.
 * @throws PipelineError `out_of_memory` when a single frame does not fit, `not_finite` naming the frame
 */
export async function* decodeFrames(
  model: Model,
  latents: Float32Array,
  shape: LatentShape,
  chunk: number,
  { overlap = 0, memory = new MemoryFallbacks() }: DecodeOptions = {},
): AsyncGenerator<Uint8Array> {
  const [frames, , latentHeight, latentWidth] = shape;
  const { divisor } = model.manifest.latent;
  const [height, width] = [latentHeight * divisor, latentWidth * divisor];
  const size = 3 * height * width;
  try {
    for (let first = 0; first < frames;) {
      const { chunk: n, overlap: neighbours } = memory.decodeSize({ chunk, overlap });
      const end = Math.min(first + n, frames);
      const from = Math.max(0, first - neighbours);
      const window = { from, first, end, to: Math.min(frames, end + neighbours) };
      const decoded = await tryWindow(model, latents, shape, window, memory);
      if (!decoded) continue; // now with a smaller chunk
      for (let f = first; f < end; f++) {
        const frame = decoded.subarray((f - from) * size, (f - from + 1) * size);
        requireFinite(frame, `The decoder's output for frame ${f + 1} of ${frames}`);
        yield framesToRgb(frame, width, height);
      }
      first = end;
    }
  } finally {
    await model.vaeDecoder.leave();
  }
}

/** The decoded window, [to − from,3,H,W]; undefined when it did not fit and a smaller one is to be tried. */
async function tryWindow(
  model: Model,
  latents: Float32Array,
  [, channels, height, width]: LatentShape,
  { from, first, end, to }: Window,
  memory: MemoryFallbacks,
): Promise<Float32Array | undefined> {
  const latent = channels * height * width;
  const scaled = latents.slice(from * latent, to * latent);
  for (let i = 0; i < scaled.length; i++) scaled[i] /= model.manifest.latent.scale;
  try {
    return await model.vaeDecoder.run(new Tensor('float32', scaled, [to - from, channels, height, width]));
  } catch (error) {
    if (!isOutOfMemory(error)) throw error;
    const tried = { chunk: end - first, overlap: Math.max(first - from, to - end) };
    if (!memory.shrinkDecode(tried)) throw error;
    return undefined;
  }
}
