import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { CheckpointError, readValues, SafetensorsFile, tensorsOf } from '../../networks/checkpoint/index.js';
import { clipResize } from '../../pipeline/clip-preprocess.js';
import { encodePicture, type ConditioningParams } from '../../pipeline/conditioning.js';
import { decodeFrames } from '../../pipeline/decode.js';
import type { Model } from '../../pipeline/model.js';
import { fitPicture, toTensor } from '../../pipeline/picture.js';
import { unetNetwork } from '../../pipeline/unet-network.js';
import type { LatentShape } from '../../pipeline/unet-network.js';
import { createSampling, TorchRandom } from '../../samplers/index.js';
import { largestDeviation, largestRelativeDeviation, peakSignalToNoise } from './deviation.js';
import type { Comparison } from './deviation.js';

const size = z.number().int().min(1);
const runSchema = z.object({
  height: size,
  width: size,
  num_frames: size,
  num_inference_steps: size,
  min_guidance_scale: z.number(),
  max_guidance_scale: z.number(),
  fps: size,
  motion_bucket_id: z.number(),
  noise_aug_strength: z.number(),
  seed: z.number().int(),
  decode_chunk_size: size,
  reference: z.string().default(''),
});

/** A recorded run of a whole pipeline. */
export type PipelineRun = z.infer<typeof runSchema>;

/** @throws CheckpointError for a file that is no description of a run */
export function readPipelineRun(path: string): PipelineRun {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new CheckpointError(path, ['cannot be read as JSON'], { cause });
  }
  const parsed = runSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new CheckpointError(path, problems);
}

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
  const { width, height, num_frames: frames, num_inference_steps: steps } = run;
  const fitted = await fitPicture(picturePath, width, height);
  const picture = toTensor(fitted.rgb);
  const random = new TorchRandom(run.seed);
  const conditioning = await encodePicture(model, picture, paramsOf(run), random);
  const { channels, divisor } = model.manifest.latent;
  const shape: LatentShape = [frames, channels, height / divisor, width / divisor];
  const { sampler, discretization } = model.manifest.recipe;
  const sampling = createSampling(
    {
      steps,
      sampler,
      discretization,
      guider: {
        name: 'LinearPredictionGuider',
        params: { max_cfg_scale: run.max_guidance_scale, min_guidance_scale: run.min_guidance_scale },
      },
    },
    { frames, scaling: model.manifest.scaling },
  );
  const network = unetNetwork(model, conditioning, shape);
  const latents = await sampling.run({ network, shape, random });
  const decoded: Uint8Array[] = [];
  for await (const frame of decodeFrames(model, latents, shape, run.decode_chunk_size)) decoded.push(frame);
  return {
    clip_resized: clipResize(picture, height, width),
    image_embeds: conditioning.context,
    sigmas: Float32Array.from(sampling.sigmas),
    latents,
    frames: planes(decoded, width * height),
  };
}

const paramsOf = (run: PipelineRun): ConditioningParams => ({
  W: run.width,
  H: run.height,
  fps: run.fps,
  motion_bucket_id: run.motion_bucket_id,
  cond_aug: run.noise_aug_strength,
});

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
