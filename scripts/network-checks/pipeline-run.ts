import { z } from 'zod';
import { CheckpointError, readValues, SafetensorsFile, tensorsOf } from '../../networks/checkpoint/index.js';
import { clipResize } from '../../pipeline/clip-preprocess.js';
import { decodeFrames } from '../../pipeline/decode.js';
import type { Model } from '../../pipeline/model.js';
import { largestDeviation, largestRelativeDeviation, peakSignalToNoise } from './deviation.js';
import type { Comparison } from './deviation.js';
import { prepareRun, readDescription, runSchema } from './recorded-run.js';

const pipelineSchema = runSchema.extend({ decode_chunk_size: z.number().int().min(1) });

/** A recorded run of a whole pipeline. */
export type PipelineRun = z.infer<typeof pipelineSchema>;

/** @throws CheckpointError for a file that is no description of a run */
export const readPipelineRun = (path: string): PipelineRun => readDescription(path, pipelineSchema);

export interface PipelineTolerances {
  readonly module: number;
  readonly latents: number;
  /** dB */
  readonly frames: number;
}

type Comparator = (given: Float32Array, reference: Float32Array) => number;
/** The reference's schedule is rounded to float32 on its way. */
const SIGMA_TOLERANCE = 1e-5;

/** All that a run gives on its way. */
interface PipelineOutput {
  readonly clip_resized: Float32Array;
  readonly image_embeds: Float32Array;
  readonly sigmas: Float32Array;
  readonly latents: Float32Array;
  /** [F,3,H,W] in 0…1 */
  readonly frames: Float32Array;
}

/**
 * Repeats a recorded run with the service's own pipeline and samplers and compares every stage with
 * `pipeline.safetensors`. Recorded tensors with other names are left alone.
 */
export async function checkPipeline(
  model: Model,
  run: PipelineRun,
  paths: { readonly picture: string; readonly recorded: string },
  tolerances: PipelineTolerances,
): Promise<Comparison[]> {
  const output = await runPipeline(model, run, paths.picture);
  const file = new SafetensorsFile(paths.recorded);
  try {
    const recorded = tensorsOf(file);
    const stage = (name: keyof PipelineOutput, compare: Comparator, tolerance: number): Comparison[] => {
      const tensor = recorded.get(name);
      if (tensor === undefined) return [];
      const unit = compare === peakSignalToNoise ? 'dB' : 'relative';
      const deviation = compare(output[name], readValues(tensor));
      return [{ name: `pipeline.${name}`, deviation, tolerance, unit }];
    };
    const comparisons = [
      ...stage('clip_resized', largestDeviation, tolerances.module),
      ...stage('image_embeds', largestDeviation, tolerances.module),
      ...stage('sigmas', largestRelativeDeviation, SIGMA_TOLERANCE),
      ...stage('latents', largestDeviation, tolerances.latents),
      ...stage('frames', peakSignalToNoise, tolerances.frames),
    ];
    if (!recorded.has('latents')) throw new CheckpointError(paths.recorded, [`missing: 'latents'`]);
    return comparisons;
  } finally {
    file.close();
  }
}

async function runPipeline(model: Model, run: PipelineRun, picturePath: string): Promise<PipelineOutput> {
  const { picture, conditioning, sampling, shape, sample } = await prepareRun(model, run, picturePath);
  const latents = await sample();
  const decoded: Uint8Array[] = [];
  for await (const frame of decodeFrames(model, latents, shape, run.decode_chunk_size)) decoded.push(frame);
  return {
    clip_resized: clipResize(picture, run.height, run.width),
    image_embeds: conditioning.context,
    sigmas: Float32Array.from(sampling.sigmas),
    latents,
    frames: planes(decoded, run.width * run.height),
  };
}

/** rgb24 frames → [F,3,H,W] in 0…1. */
function planes(frames: readonly Uint8Array[], plane: number): Float32Array {
  const values = new Float32Array(frames.length * 3 * plane);
  frames.forEach((frame, f) => {
    for (let p = 0; p < plane; p++) {
      for (let c = 0; c < 3; c++) values[(f * 3 + c) * plane + p] = frame[3 * p + c] / 255;
    }
  });
  return values;
}
