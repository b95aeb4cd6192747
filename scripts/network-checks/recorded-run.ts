import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { CheckpointError } from '../../networks/checkpoint/index.js';
import { encodePicture, type Conditioning, type ConditioningParams } from '../../pipeline/conditioning.js';
import type { Model } from '../../pipeline/model.js';
import { fitPicture, toTensor } from '../../pipeline/picture.js';
import { unetNetwork } from '../../pipeline/unet-network.js';
import type { CacheSettings, LatentShape } from '../../pipeline/unet-network.js';
import { createSampling, TorchRandom, type Sampling } from '../../samplers/index.js';

const size = z.number().int().min(1);

/** What a recorded run was made with. */
export const runSchema = z.object({
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
  reference: z.string().default(''),
});

export type RecordedRun = z.infer<typeof runSchema>;

/** @throws CheckpointError for a file that is not what the schema says */
export function readDescription<S extends z.ZodType>(path: string, schema: S): z.infer<S> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new CheckpointError(path, ['cannot be read as JSON'], { cause });
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new CheckpointError(path, problems);
}

/** A run up to the point where only the sampling is left. */
export interface PreparedRun {
  /** [1,3,H,W] in −1…1 */
  readonly picture: Float32Array;
  readonly conditioning: Conditioning;
  readonly sampling: Sampling;
  readonly shape: LatentShape;
  /** Samples the latents [F,C,h,w], always the same. */
  readonly sample: (cache?: CacheSettings) => Promise<Float32Array>;
}

/** Prepares a recorded run for the service's own pipeline and samplers. */
export async function prepareRun(model: Model, run: RecordedRun, picturePath: string): Promise<PreparedRun> {
  const { width, height, num_frames: frames, num_inference_steps: steps } = run;
  const { rgb } = await fitPicture(picturePath, width, height);
  const picture = toTensor(rgb);
  const random = new TorchRandom(run.seed);
  const conditioning = await encodePicture(model, picture, paramsOf(run), random);
  const start = random.save();
  const { channels, divisor } = model.manifest.latent;
  const shape: LatentShape = [frames, channels, height / divisor, width / divisor];
  const { sampler, discretization } = model.manifest.recipe;
  const guider = {
    name: 'LinearPredictionGuider',
    params: { max_cfg_scale: run.max_guidance_scale, min_guidance_scale: run.min_guidance_scale },
  };
  const request = { steps, sampler, discretization, guider };
  const sampling = createSampling(request, { frames, scaling: model.manifest.scaling });
  return {
    picture,
    conditioning,
    sampling,
    shape,
    sample(cache) {
      random.restore(start);
      const network = unetNetwork(model, conditioning, shape, undefined, cache);
      return sampling.run({ network, shape, random });
    },
  };
}

const paramsOf = (run: RecordedRun): ConditioningParams => ({
  W: run.width,
  H: run.height,
  fps: run.fps,
  motion_bucket_id: run.motion_bucket_id,
  cond_aug: run.noise_aug_strength,
});
