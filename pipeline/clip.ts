import { join } from 'node:path';
import { NonFiniteError, TorchRandom, type Sampling } from '../samplers/index.js';
import { budgetFor, Checkpoints, nameOfClip, type Budget } from './checkpoints.js';
import type { ClipJob, ClipNote, ClipProgress, ClipResult, ClipStage, ClipVideo } from './clip-job.js';
import type { ClipParams } from './clip-params.js';
import { StageClock } from './clip-stages.js';
import { encodePicture } from './conditioning.js';
import { decodeFrames } from './decode.js';
import { isOutOfMemory } from './device-errors.js';
import { PipelineError } from './errors.js';
import { planEvaluations, prepareSampling, shareOfClip } from './evaluation-plan.js';
import type { Ffmpeg } from './ffmpeg.js';
import { GridBuilder } from './grid.js';
import { MemoryFallbacks } from './memory-fallbacks.js';
import type { Model } from './model.js';
import { fitPicture, toTensor, writePng } from './picture.js';
import type { Previewer } from './preview.js';
import { unetNetwork, type LatentShape } from './unet-network.js';
import { writeVideo } from './video-file.js';

export interface ClipContext {
  readonly model: Model;
  readonly ffmpeg: Ffmpeg;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ClipProgress) => void;
  readonly onNote?: (note: ClipNote) => void;
  /** Decides when checkpoints are saved. */
  readonly budget?: Budget;
  readonly preview?: Previewer;
}

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
  const fitted = await fitPicture(job.picture, params.W, params.H, params.fit);
  const picture = toTensor(fitted.rgb);
  const checkpoints = await openCheckpoints(job, context);
  const grid =
    params.num_cols > 1 ? new GridBuilder(params.num_cols, params.W, params.H, params.T) : undefined;
  const videos: ClipVideo[] = [];
  for (let index = 0; index < params.num_cols; index++) {
    const report: Report = (stage, step, steps) => {
      clock.enter(stage);
      const progress = (index + shareOfClip(plan, stage, step, steps)) / params.num_cols;
      context.onProgress({ stage, part: index + 1, parts: params.num_cols, step, steps, progress });
    };
    const variation = { index, params, folder, picture, sampling, grid, memory, checkpoints, report };
    videos.push(await makeVariation(variation, context));
  }
  const resumedSteps = checkpoints?.resumedSteps ?? 0;
  const result = {
    videos,
    warnings: memory.warnings,
    evaluations: { full: plan.full * params.num_cols, shallow: plan.shallow * params.num_cols },
    ...(resumedSteps > 0 ? { resumedSteps } : {}),
  };
  if (!grid) return { ...result, milliseconds: clock.stop() };
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
  return { ...result, grid: 'grid.mp4', milliseconds: clock.stop() };
}

export type Report = (stage: ClipStage, step: number, steps: number) => void;

/** What the latents of a clip are sampled by. */
export interface SampledClip {
  /** The number by which checkpoints know it. */
  readonly index: number;
  readonly params: ClipParams;
  /** The fitted picture, [1,3,H,W] in [−1,1]. */
  readonly picture: Float32Array;
  readonly sampling: Sampling;
  /** All variations' alike: they are of one size. */
  readonly memory: MemoryFallbacks;
  readonly checkpoints: Checkpoints | undefined;
  readonly report: Report;
}

interface Variation extends SampledClip {
  readonly folder: string;
  readonly grid: GridBuilder | undefined;
}

async function makeVariation(variation: Variation, context: ClipContext): Promise<ClipVideo> {
  const { index, params, folder, report, grid, memory } = variation;
  const { model, ffmpeg, signal } = context;
  const { W, H, T, fps, decoding_t, decoding_overlap: overlap } = params;
  const shape = latentShape(params, model);
  const seed = params.seed + index;

  const latents = await sampleLatents(variation, shape, seed, context);

  const file = `video-${index}.mp4`;
  const thumbnail = `thumbnail-${index}.png`;
  const gif = params.outputs === 'mp4+gif' ? `video-${index}.gif` : undefined;
  report('decode', 0, T);
  const { bytes } = await writeVideo({
    ffmpeg: ffmpeg.path,
    frames: decodeFrames(model, latents, shape, decoding_t, { overlap, memory }),
    width: W,
    height: H,
    fps,
    count: T,
    target: join(folder, file),
    ...(gif === undefined ? {} : { gif: join(folder, gif) }),
    signal,
    timeoutMs: ENCODING_LIMIT_MS,
    onFrame: async (frame, f) => {
      if (f === 0) await writePng({ rgb: frame, width: W, height: H }, join(folder, thumbnail));
      await grid?.add(index, f, frame);
      report('decode', f + 1, T);
    },
  });
  report('write', 1, 1);
  return { file, thumbnail, ...(gif === undefined ? {} : { gif }), seed, frames: T, bytes };
}

/**
 * One generator gives every random number of a variation, in the reference's order: the picture's noise, the starting
 * latents, then the sampler's own draws. A resumed variation is conditioned anew and takes up the generator where it was.
 */
export async function sampleLatents(
  clip: SampledClip,
  shape: LatentShape,
  seed: number,
  { model, signal, preview }: ClipContext,
): Promise<Float32Array> {
  const { index, params, picture, sampling, memory, checkpoints, report } = clip;
  const random = new TorchRandom(seed);
  report('encode', 0, 1);
  if (signal.aborted) throw new PipelineError('cancelled', 'Cancelled');
  const conditioning = await encodePicture(model, picture, params, random);
  const network = unetNetwork(model, conditioning, shape, memory, cacheOf(params));
  const { steps } = sampling;
  const resume = await checkpoints?.load(index, (state) => sampling.checkState(state, shape));
  report('sample', resume?.step ?? 0, steps);
  try {
    return await sampling.run({
      network,
      shape,
      random,
      signal,
      onEvaluation: ({ denoised }) => preview?.(denoised, shape),
      resume,
      onStep: async ({ step, save }) => {
        report('sample', step, steps);
        if (step === steps || network.resumableAt(step)) await checkpoints?.offer(index, save);
      },
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

const cacheOf = ({ deepcache_interval: interval, deepcache_branch: branch }: ClipParams) =>
  branch === undefined ? undefined : { interval, branch };

export function latentShape({ W, H, T }: ClipParams, { manifest }: Model): LatentShape {
  const { channels, divisor } = manifest.latent;
  return [T, channels, H / divisor, W / divisor];
}

/** Bytes of the latents of a clip. */
export const latentBytes = (params: ClipParams, model: Model): number =>
  latentShape(params, model).reduce((product, side) => product * side) * Float32Array.BYTES_PER_ELEMENT;

/** Checkpoints in the job's folder for them, if it has one. */
export async function openCheckpoints(
  job: Pick<ClipJob, 'picture' | 'params' | 'checkpoints'>,
  context: ClipContext,
): Promise<Checkpoints | undefined> {
  if (job.checkpoints === undefined) return undefined;
  const name = await nameOfClip(job, context.model);
  const budget = context.budget ?? budgetFor(latentBytes(job.params, context.model));
  return new Checkpoints(job.checkpoints, name, (note) => context.onNote?.(note), budget);
}

const DOING: Readonly<Record<ClipStage, string>> = {
  encode: 'encoding the picture',
  sample: 'sampling',
  decode: 'decoding',
  write: 'writing the video',
};

export function tooLarge({ W, H, T }: ClipParams, stage: ClipStage, cause: unknown): PipelineError {
  const message =
    `The device ran out of memory while ${DOING[stage]} (${T} frames of ${W}×${H}), and nothing is left to try;` +
    ' fewer frames or a smaller size may fit';
  return new PipelineError('out_of_memory', message, { cause });
}
