import { Tensor } from './onnx-runtime.js';
import type { Network } from '../samplers/index.js';
import { CacheSchedule } from './cache-schedule.js';
import type { Conditioning } from './conditioning.js';
import { PipelineError } from './errors.js';
import { isOutOfMemory } from './device-errors.js';
import { FeatureStore, type Row } from './feature-store.js';
import { MemoryFallbacks } from './memory-fallbacks.js';
import type { Model } from './model.js';
import type { Feeds } from './sessions.js';

/** Latents of one clip: frames, channels, height, width. */
export type LatentShape = readonly [frames: number, channels: number, height: number, width: number];

/** Where the network is cut, and how often the whole of it is evaluated. */
export interface CacheSettings {
  readonly branch: number;
  readonly interval: number;
}

/** What is used of a model. */
export type UnetModel = Pick<Model, 'unet' | 'shallow' | 'halfBatch'>;

/** The UNet as the samplers see it. */
export interface UnetNetwork extends Network {
  /** Whether a run can be resumed at a step, from 0: whether its evaluations need nothing of earlier steps. */
  readonly resumableAt: (step: number) => boolean;
}

/**
 * Takes c_in·x [F,C,h,w], puts the picture's latent beside it on the channels, and gives the raw output, [2,F,C,h,w] for
 * `both` and [F,C,h,w] for `cond`.
 *
 * Rows of a batch never interact, so where both do not fit into memory they are evaluated one after the other.
 *
 * With `cache` only some evaluations are of the whole network (DeepCache); the rest take the feature that the last one
 * gave to the graph of its branch. One network serves one run.
 * @throws PipelineError `out_of_memory` when a single row does not fit
 */
export function unetNetwork(
  model: UnetModel,
  conditioning: Conditioning,
  shape: LatentShape,
  memory = new MemoryFallbacks(model.halfBatch),
  cache?: CacheSettings,
): UnetNetwork {
  const batches = new Map<string, Batch>();
  const batchOf = (rows: readonly Row[]): Batch => {
    const key = rows.join();
    const batch = batches.get(key) ?? new Batch(rows, conditioning, shape);
    batches.set(key, batch);
    return batch;
  };
  const runRows = cache === undefined ? wholeRuns(model) : cachedRuns(model, cache.branch);
  const schedule = new CacheSchedule(cache?.interval ?? 1);
  let joined: Float32Array | undefined;

  async function evaluateBoth(
    run: (rows: readonly Row[]) => Promise<Float32Array>,
    size: number,
  ): Promise<Float32Array> {
    if (!memory.halfBatches) {
      try {
        // The uncond half is row 0: guiders rely on the order.
        return await run(BOTH);
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        memory.halveBatches();
        batches.clear();
      }
    }
    joined ??= new Float32Array(2 * size);
    joined.set(await run(['uncond']));
    joined.set(await run(['cond']), size);
    return joined;
  }

  return {
    evaluate(input, cNoise, branches, place) {
      const isShallow = schedule.isShallow(place, branches);
      const begun = runRows(place.slot, isShallow);
      const run = (rows: readonly Row[]) => begun(rows, batchOf(rows).feeds(input, cNoise));
      return branches === 'both' ? evaluateBoth(run, input.length) : run(['cond']);
    },
    resumableAt: (step) => schedule.startsWhole(step),
  };
}

const BOTH: readonly Row[] = ['uncond', 'cond'];

/** Begins one evaluation, which runs some rows at a time. */
type BeginEvaluation = (
  slot: number,
  isShallow: boolean,
) => (rows: readonly Row[], feeds: Feeds) => Promise<Float32Array>;

const wholeRuns =
  ({ unet }: UnetModel): BeginEvaluation =>
  () =>
  (_, feeds) =>
    unet.run(feeds);

function cachedRuns({ unet, shallow }: UnetModel, branch: number): BeginEvaluation {
  const outer = shallow.get(branch);
  if (outer === undefined) throw new PipelineError('invalid_parameter', `The model has no branch ${branch}`);
  const name = `feature_b${branch}`;
  const features = new FeatureStore();
  return (slot, isShallow) => {
    if (isShallow) return (rows, feeds) => outer.run({ ...feeds, [name]: features.get(slot, rows) });
    features.clear(slot);
    return async (rows, feeds) => {
      const { values, kept } = await unet.runKeeping(feeds, name);
      features.keep(slot, rows, kept);
      return values;
    };
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
