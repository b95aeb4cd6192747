import { join } from 'node:path';
import { NonFiniteError, TorchRandom, type Sampling } from '../samplers/index.js';
import type { ClipJob, ClipProgress, ClipResult, ClipStage, ClipVideo } from './clip-job.js';
import type { ClipParams } from './clip-params.js';
import { encodePicture } from './conditioning.js';
import { decodeFrames } from './decode.js';
import { isOutOfMemory } from './device-errors.js';
import { PipelineError } from './errors.js';
import { planEvaluations, prepareSampling, shareDone } from './evaluation-plan.js';
import type { Ffmpeg } from './ffmpeg.js';
import { GridBuilder } from './grid.js';
import { MemoryFallbacks } from './memory-fallbacks.js';
import type { Model } from './model.js';
import { fitPicture, toTensor, writePng } from './picture.js';
import { unetNetwork, type LatentShape } from './unet-network.js';
import { writeVideo } from './video-file.js';

export interface ClipContext {
  readonly model: Model;
  readonly ffmpeg: Ffmpeg;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ClipProgress) => void;
}

/** Where each stage begins on the way from 0 to 1; decoding and writing go hand in hand. */
const STARTS: Readonly<Record<ClipStage, number>> = { encode: 0, sample: 0.03, decode: 0.88, write: 0.99 };
const ENDS: Readonly<Record<ClipStage, number>> = { encode: 0.03, sample: 0.88, decode: 0.99, write: 1 };

/** A frame stream that stands still this long has a fault; the clip's own time limit is the caller's. */
const ENCODING_LIMIT_MS = 3_600_000;

/**
 * Makes the clips of a job: picture → conditioning → latents → frames → video files in the job's folder. Variation i
 * has the seed `seed + i` and is the clip that this seed gives alone.
 *
 * Where memory is short, guidance and decoding take less of it at a time; that is told in the result's warnings.
 *
 * @throws PipelineError; `cancelled` within one evaluation after an abort, `out_of_memory` when no fallback is left
 */
export async function runClip(job: ClipJob, context: ClipContext): Promise<ClipResult> {
  const clock = new StageClock();
  try {
    return await makeClip(job, context, clock);
  } catch (error) {
    throw isOutOfMemory(error) ? tooLarge(job.params, clock.stage, error) : error;
  }
}

async function makeClip(job: ClipJob, context: ClipContext, clock: StageClock): Promise<ClipResult> {
  const { params, folder } = job;
  const memory = new MemoryFallbacks(context.model.halfBatch);
  const { manifest } = context.model;
  const sampling = prepareSampling(params, manifest);
  const plan = planEvaluations(params, manifest);
  const fitted = await fitPicture(job.picture, params.W, params.H);
  const picture = toTensor(fitted.rgb);
  const grid =
    params.num_cols > 1 ? new GridBuilder(params.num_cols, params.W, params.H, params.T) : undefined;
  const videos: ClipVideo[] = [];
  for (let index = 0; index < params.num_cols; index++) {
    const report: Report = (stage, step, steps) => {
      clock.enter(stage);
      const done = stage === 'sample' ? shareDone(plan, step) : step / steps;
      const within = STARTS[stage] + (ENDS[stage] - STARTS[stage]) * done;
      context.onProgress({ stage, step, steps, progress: (index + within) / params.num_cols });
    };
    const variation = { index, params, folder, picture, sampling, grid, memory, report };
    videos.push(await makeVariation(variation, context));
  }
  const { warnings } = memory;
  const evaluations = { full: plan.full * params.num_cols, shallow: plan.shallow * params.num_cols };
  if (!grid) return { videos, warnings, evaluations, milliseconds: clock.stop() };
  clock.enter('write');
  const { width, height } = grid.layout;
  await writeVideo({
    ffmpeg: context.ffmpeg.path,
    frames: grid.frames(),
    width,
    height,
    fps: params.fps,
    count: params.T,
    target: join(folder, 'grid.mp4'),
    signal: context.signal,
    timeoutMs: ENCODING_LIMIT_MS,
  });
  return { videos, grid: 'grid.mp4', warnings, evaluations, milliseconds: clock.stop() };
}

type Report = (stage: ClipStage, step: number, steps: number) => void;

interface Variation {
  readonly index: number;
  readonly params: ClipParams;
  readonly folder: string;
  /** The fitted picture, [1,3,H,W] in [−1,1]. */
  readonly picture: Float32Array;
  readonly sampling: Sampling;
  readonly grid: GridBuilder | undefined;
  /** All variations' alike: they are of one size. */
  readonly memory: MemoryFallbacks;
  readonly report: Report;
}

async function makeVariation(variation: Variation, context: ClipContext): Promise<ClipVideo> {
  const { index, params, folder, report, grid, memory } = variation;
  const { model, ffmpeg, signal } = context;
  const { W, H, T, fps, decoding_t, decoding_overlap: overlap } = params;
  const { channels, divisor } = model.manifest.latent;
  const shape: LatentShape = [T, channels, H / divisor, W / divisor];
  const seed = params.seed + index;

  const latents = await sampleLatents(variation, shape, seed, context);

  const file = `video-${index}.mp4`;
  const thumbnail = `thumbnail-${index}.png`;
  report('decode', 0, T);
  const { bytes } = await writeVideo({
    ffmpeg: ffmpeg.path,
    frames: decodeFrames(model, latents, shape, decoding_t, { overlap, memory }),
    width: W,
    height: H,
    fps,
    count: T,
    target: join(folder, file),
    signal,
    timeoutMs: ENCODING_LIMIT_MS,
    onFrame: async (frame, f) => {
      if (f === 0) await writePng({ rgb: frame, width: W, height: H }, join(folder, thumbnail));
      await grid?.add(index, f, frame);
      report('decode', f + 1, T);
    },
  });
  report('write', 1, 1);
  return { file, thumbnail, seed, frames: T, bytes };
}

/**
 * One generator gives every random number of a variation, in the reference's order: the picture's noise, the starting
 * latents, then the sampler's own draws.
 */
async function sampleLatents(
  { params, picture, sampling, memory, report }: Variation,
  shape: LatentShape,
  seed: number,
  { model, signal }: ClipContext,
): Promise<Float32Array> {
  const random = new TorchRandom(seed);
  report('encode', 0, 1);
  if (signal.aborted) throw new PipelineError('cancelled', 'Cancelled');
  const conditioning = await encodePicture(model, picture, params, random);
  report('sample', 0, sampling.steps);
  const { deepcache_interval: interval, deepcache_branch: branch } = params;
  const cache = branch === undefined ? undefined : { interval, branch };
  try {
    return await sampling.run({
      network: unetNetwork(model, conditioning, shape, memory, cache),
      shape,
      random,
      signal,
      onStep: ({ step, steps }) => report('sample', step, steps),
    });
  } catch (error) {
    if (signal.aborted) throw new PipelineError('cancelled', 'Cancelled', { cause: error });
    if (error instanceof NonFiniteError)
      throw new PipelineError('not_finite', error.message, { cause: error });
    throw error;
  } finally {
    await model.unet.leave();
  }
}

const DOING: Readonly<Record<ClipStage, string>> = {
  encode: 'encoding the picture',
  sample: 'sampling',
  decode: 'decoding',
  write: 'writing the video',
};

function tooLarge({ W, H, T }: ClipParams, stage: ClipStage, cause: unknown): PipelineError {
  const message =
    `The device ran out of memory while ${DOING[stage]} (${T} frames of ${W}×${H}), and nothing is left to try;` +
    ' fewer frames or a smaller size may fit';
  return new PipelineError('out_of_memory', message, { cause });
}

/** Adds up the time spent in each stage. */
class StageClock {
  readonly #spent: Record<ClipStage, number> = { encode: 0, sample: 0, decode: 0, write: 0 };
  #stage: ClipStage = 'encode';
  #since = performance.now();

  get stage(): ClipStage {
    return this.#stage;
  }

  enter(stage: ClipStage): void {
    const now = performance.now();
    this.#spent[this.#stage] += now - this.#since;
    this.#stage = stage;
    this.#since = now;
  }

  stop(): Record<ClipStage, number> {
    this.enter(this.#stage);
    const rounded = Object.entries(this.#spent).map(([stage, ms]) => [stage, Math.round(ms)]);
    return Object.fromEntries(rounded) as Record<ClipStage, number>;
  }
}
