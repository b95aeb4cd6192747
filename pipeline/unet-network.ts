import { Tensor } from './onnx-runtime.js';
import type { Branches, Network } from '../samplers/index.js';
import type { Conditioning } from './conditioning.js';
import { isOutOfMemory } from './device-errors.js';
import { MemoryFallbacks } from './memory-fallbacks.js';
import type { Model } from './model.js';

/** Latents of one clip: frames, channels, height, width. */
export type LatentShape = readonly [frames: number, channels: number, height: number, width: number];

/** A network that may know where a run of it cannot be resumed. */
export interface UnetNetwork extends Network {
  /** False where the next evaluation builds on an earlier one, so that a run cannot be resumed there. */
  readonly resumable?: () => boolean;
}

/** One row of the network's batch: the unconditional row has zeros for picture and context. */
type Row = 'uncond' | 'cond';

/**
 * The UNet as the samplers see it: takes c_in·x [F,C,h,w], puts the picture's latent beside it on the channels, and
 * gives the raw output, [2,F,C,h,w] for `both` and [F,C,h,w] for `cond`.
 *
 * Rows of a batch never interact, so where both do not fit into memory they are evaluated one after the other.
 * @throws PipelineError `out_of_memory` when a single row does not fit
 */
export function unetNetwork(
  model: Model,
  conditioning: Conditioning,
  shape: LatentShape,
  memory = new MemoryFallbacks(model.halfBatch),
): UnetNetwork {
  const batchOf = (rows: readonly Row[]): Batch => new Batch(rows, conditioning, shape);
  const batches: { both?: Batch | undefined; uncond?: Batch; cond?: Batch } = {};
  let joined: Float32Array | undefined;

  const run = (batch: Batch, input: Float32Array, cNoise: number): Promise<Float32Array> =>
    model.unet.run(batch.feeds(input, cNoise));

  async function evaluateBoth(input: Float32Array, cNoise: number): Promise<Float32Array> {
    if (!memory.halfBatches) {
      try {
        // The uncond half is row 0: guiders rely on the order.
        return await run((batches.both ??= batchOf(['uncond', 'cond'])), input, cNoise);
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        memory.halveBatches();
        batches.both = undefined;
      }
    }
    joined ??= new Float32Array(2 * input.length);
    joined.set(await run((batches.uncond ??= batchOf(['uncond'])), input, cNoise));
    joined.set(await run((batches.cond ??= batchOf(['cond'])), input, cNoise), input.length);
    return joined;
  }

  return {
    evaluate: (input: Float32Array, cNoise: number, branches: Branches) =>
      branches === 'both'
        ? evaluateBoth(input, cNoise)
        : run((batches.cond ??= batchOf(['cond'])), input, cNoise),
  };
}

/** The inputs of some rows: made once for a clip, of which an evaluation changes the noisy latents and the time. */
class Batch {
  readonly #rows: number;
  readonly #shape: LatentShape;
  readonly #sample: Float32Array;
  readonly #feeds: Readonly<Record<string, Tensor>>;

  constructor(rows: readonly Row[], { concat, context, addedTimeIds }: Conditioning, shape: LatentShape) {
    const [frames, channels, height, width] = shape;
    const latent = channels * height * width;
    const count = rows.length;
    const sample = new Float32Array(count * frames * 2 * latent);
    const tokens = new Float32Array(count * context.length);
    rows.forEach((row, r) => {
      if (row === 'uncond') return;
      for (let f = 0; f < frames; f++) sample.set(concat, ((r * frames + f) * 2 + 1) * latent);
      tokens.set(context, r * context.length);
    });
    const added = Float32Array.from(rows.flatMap(() => addedTimeIds));
    this.#rows = count;
    this.#shape = shape;
    this.#sample = sample;
    this.#feeds = {
      sample: new Tensor('float32', sample, [count, frames, 2 * channels, height, width]),
      encoder_hidden_states: new Tensor('float32', tokens, [count, 1, context.length]),
      added_time_ids: new Tensor('float32', added, [count, addedTimeIds.length]),
    };
  }

  /** Every row gets the same noisy latents. The tensors are valid until the next call. */
  feeds(input: Float32Array, cNoise: number): Readonly<Record<string, Tensor>> {
    const [frames, channels, height, width] = this.#shape;
    const latent = channels * height * width;
    for (let place = 0; place < this.#rows * frames; place++) {
      const from = (place % frames) * latent;
      this.#sample.set(input.subarray(from, from + latent), place * 2 * latent);
    }
    return { ...this.#feeds, timestep: new Tensor('float32', Float32Array.of(cNoise), [1]) };
  }
}
