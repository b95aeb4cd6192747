import { encodePicture, type ConditioningParams } from './conditioning.js';
import { decodeFrames } from './decode.js';
import { PipelineError } from './errors.js';
import type { Model } from './model.js';
import { unetNetwork, type LatentShape } from './unet-network.js';

/** The shortest clip that is still one, so that temporal layers have neighbours to look at. */
const SMALLEST = { side: 64, frames: 2 };

/**
 * Runs every graph once, on nothing, as a clip does, so that a graph or a device that does not work is found now and
 * not by the first client.
 *
 * On CUDA at the size of the model's recipe: kernels are loaded, and cuDNN searches for the fastest convolutions, at
 * the first run of each shape, which is worth tens of seconds to whoever comes first. The CPU knows no such search;
 * there the smallest size does, which brings mapped weights into memory.
 * @throws what running a graph throws, unless memory or precision is at fault: then the clip itself decides
 */
export async function warmUp(model: Model): Promise<void> {
  const { latent, recipe, abilities } = model.manifest;
  const { W, H, T } = model.device === 'cpu' ? smallestClip(model) : recipe;
  const params: ConditioningParams = { ...recipe, W, H };
  const shape: LatentShape = [T, latent.channels, H / latent.divisor, W / latent.divisor];
  const nothing = new Float32Array(shape.reduce((a, b) => a * b));
  try {
    const picture = new Float32Array(3 * H * W);
    const conditioning = await encodePicture(model, picture, params, { fillNormal: (out) => out.fill(0) });
    const network = unetNetwork(model, conditioning, shape);
    await network.evaluate(nothing, 0, abilities.guidance ? 'both' : 'cond', { step: 0, slot: 0 });
    for await (const frame of decodeFrames(model, nothing, shape, recipe.decoding_t)) void frame;
  } catch (error) {
    const isUndecided =
      error instanceof PipelineError && (error.code === 'out_of_memory' || error.code === 'not_finite');
    if (!isUndecided) throw error;
  }
}

function smallestClip({ manifest: { limits, picture } }: Model): { W: number; H: number; T: number } {
  const side = Math.ceil(SMALLEST.side / picture.divisor) * picture.divisor;
  return { W: side, H: side, T: Math.min(SMALLEST.frames, limits.T) };
}
