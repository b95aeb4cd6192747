import { setImmediate } from 'node:timers/promises';
import { Tensor } from 'onnxruntime-node';
import type { Conditioning } from './conditioning.js';
import { onlyNames, type Model } from './model.js';

/** `both`: unconditional (row 0) and conditional (row 1) together; `cond`: the conditional row alone. */
export type Branches = 'both' | 'cond';

/** Latents of one clip: frames, channels, height, width. */
export type LatentShape = readonly [frames: number, channels: number, height: number, width: number];

/**
 * The UNet as the samplers see it: takes c_in·x [F,C,h,w], puts the picture's latent beside it on the channels, and
 * gives the raw output, [2,F,C,h,w] for `both` and [F,C,h,w] for `cond`.
 */
export function unetNetwork(model: Model, conditioning: Conditioning, shape: LatentShape) {
  const [frames, channels, height, width] = shape;
  const latent = channels * height * width;
  const inputs = { cond: prepareInputs(1), both: undefined as ReturnType<typeof prepareInputs> | undefined };
  const { output } = onlyNames(model.unet);

  function prepareInputs(rows: 1 | 2) {
    const sample = new Float32Array(rows * frames * 2 * latent);
    const context = new Float32Array(rows * conditioning.context.length);
    const added = new Float32Array(rows * 3);
    // The last row is the conditional one; an unconditional row before it keeps zeros for picture and context.
    const last = rows - 1;
    for (let f = 0; f < frames; f++) {
      sample.set(conditioning.concat, ((last * frames + f) * 2 + 1) * latent);
    }
    context.set(conditioning.context, last * conditioning.context.length);
    for (let row = 0; row < rows; row++) added.set(conditioning.addedTimeIds, row * 3);
    return {
      rows,
      sample,
      feeds: {
        sample: new Tensor('float32', sample, [rows, frames, 2 * channels, height, width]),
        encoder_hidden_states: new Tensor('float32', context, [rows, 1, conditioning.context.length]),
        added_time_ids: new Tensor('float32', added, [rows, 3]),
      },
    };
  }

  return {
    async evaluate(input: Float32Array, cNoise: number, branches: Branches): Promise<Float32Array> {
      const prepared = branches === 'cond' ? inputs.cond : (inputs.both ??= prepareInputs(2));
      for (let row = 0; row < prepared.rows; row++) {
        for (let f = 0; f < frames; f++) {
          const from = f * latent;
          prepared.sample.set(input.subarray(from, from + latent), (row * frames + f) * 2 * latent);
        }
      }
      const result = await model.unet.run({
        ...prepared.feeds,
        timestep: new Tensor('float32', Float32Array.of(cNoise), [1]),
      });
      // run() holds the thread, so messages (a cancel among them) wait for a turn of the event loop.
      await setImmediate();
      return result[output].data as Float32Array;
    },
  };
}
