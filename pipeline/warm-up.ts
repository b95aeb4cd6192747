import { recipeCost } from './clip-cost.js';
import { encodePicture } from './conditioning.js';
import { decodeFrames } from './decode.js';
import { PipelineError } from './errors.js';
import type { Model } from './model.js';
import { unetNetwork, type LatentShape } from './unet-network.js';

/** The shortest clip that is still one, so that temporal layers have neighbours to look at. */
const SMALLEST = { side: 64, frames: 2 };
/** A rehearsal that takes this long says how long clips take. */
const TELLING_MS = 200;

interface ClipSize {
  readonly W: number;
  readonly H: number;
  readonly T: number;
}

interface Rehearsal {
  /** Of one evaluation of the whole network with all its rows. */
  readonly evaluationMs: number;
  /** Of encoding the picture and decoding all frames. */
  readonly codingMs: number;
}

/**
 * Runs every graph on nothing, as a clip does, so that a graph or a device that does not work is found now and not by
 * the first client. Gives the pace that this promises, in milliseconds for each unit of `clipCost`.
 *
 * On CUDA at the size of the model's recipe: kernels are loaded, and cuDNN searches for the fastest convolutions, at
 * the first run of each shape, which is worth tens of seconds to whoever comes first. The CPU knows no such search;
 * there the smallest size does, which brings mapped weights into memory, and then larger ones, as long as they take no time.
 * @throws what running a graph throws, unless memory or precision is at fault: then the clip itself decides, and there is
 *   no pace
 */
export async function warmUp(model: Model): Promise<number | undefined> {
  const { recipe } = model.manifest;
  const sizes = model.device === 'cpu' ? growingSizes(model) : [recipe];
  try {
    await rehearse(model, sizes[0]);
    for (const size of sizes) {
      const rehearsal = await rehearse(model, size);
      const isTelling = rehearsal.evaluationMs + rehearsal.codingMs >= TELLING_MS;
      if (!isTelling && size !== sizes[sizes.length - 1]) continue;
      // What else the processor does makes a rehearsal longer, never shorter.
      const telling = model.device === 'cpu' ? shorter(rehearsal, await rehearse(model, size)) : rehearsal;
      return paceFrom(model, telling, size);
    }
  } catch (error) {
    const isUndecided =
      error instanceof PipelineError && (error.code === 'out_of_memory' || error.code === 'not_finite');
    if (!isUndecided) throw error;
  }
  return undefined;
}

async function rehearse(model: Model, { W, H, T }: ClipSize): Promise<Rehearsal> {
  const { latent, recipe, abilities } = model.manifest;
  const shape: LatentShape = [T, latent.channels, H / latent.divisor, W / latent.divisor];
  const nothing = new Float32Array(shape.reduce((a, b) => a * b));
  const picture = new Float32Array(3 * H * W);
  const start = performance.now();
  const noNoise = { fillNormal: (out: Float32Array) => void out.fill(0) };
  const conditioning = await encodePicture(model, picture, { ...recipe, W, H }, noNoise);
  const encoded = performance.now();
  const network = unetNetwork(model, conditioning, shape);
  await network.evaluate(nothing, 0, abilities.guidance ? 'both' : 'cond', { step: 0, slot: 0 });
  const evaluated = performance.now();
  for await (const frame of decodeFrames(model, nothing, shape, recipe.decoding_t)) void frame;
  const codingMs = encoded - start + performance.now() - evaluated;
  return { evaluationMs: evaluated - encoded, codingMs };
}

const shorter = (a: Rehearsal, b: Rehearsal): Rehearsal => ({
  evaluationMs: Math.min(a.evaluationMs, b.evaluationMs),
  codingMs: Math.min(a.codingMs, b.codingMs),
});

/** Milliseconds for each unit of cost of the recipe's clip: time grows with the pixels, as cost does. */
function paceFrom({ manifest }: Model, { evaluationMs, codingMs }: Rehearsal, size: ClipSize): number {
  const pixels = ({ W, H, T }: ClipSize): number => W * H * T;
  const evaluations = recipeCost(manifest) / pixels(manifest.recipe);
  return (evaluationMs + codingMs / evaluations) / pixels(size);
}

/** From the smallest clip to that of the recipe, each with about eight times the work of the one before. */
function growingSizes({ manifest: { recipe, limits, picture } }: Model): ClipSize[] {
  const side = (pixels: number): number => Math.ceil(pixels / picture.divisor) * picture.divisor;
  const smallest = { W: side(SMALLEST.side), H: side(SMALLEST.side), T: Math.min(SMALLEST.frames, limits.T) };
  const parts = [8, 4, 2, 1].map((part) => ({
    W: side(recipe.W / part),
    H: side(recipe.H / part),
    T: Math.ceil(recipe.T / part),
  }));
  return [smallest, ...parts.filter(({ W, H, T }) => W * H * T > smallest.W * smallest.H * smallest.T)];
}
