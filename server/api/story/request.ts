import { MAX_SEED } from '../../../pipeline/clip-fields.js';
import { z } from 'zod';
import type { ModelManifest } from '../../../pipeline/manifest.js';
import { planStory, type StoryPlan } from '../../../pipeline/story-plan.js';
import { invalidRequest } from '../../errors.js';
import { lengthFault, ruleFault, schemaFaults, unprocessable } from '../fastapi-errors.js';
import { MAX_PROMPT } from '../fields.js';
import { furtherFields } from '../further-fields.js';
import type { JsonBody } from '../json-body.js';
import { laxEvenInteger, laxFlag, laxInteger, laxPositive } from '../lax-fields.js';

/** What a missing `num_inference_steps` is in the original. */
const DEFAULT_STEPS = 25;
/** Frames of one video: more than half an hour at 24 frames a second. */
const MAX_FRAMES = 50_000;
/** Width × height × frames of one video: 240 s of 1024×1024 at 60 frames a second, and more. */
const MAX_VOLUME = 2e10;

const prompt = z
  .string()
  .max(MAX_PROMPT)
  .refine((text) => text.trim() !== '', 'the text must not be blank');
const steps = laxInteger(1, 1000);
const common = {
  seed: laxInteger(0, MAX_SEED)
    .optional()
    .describe('Start of the random numbers; drawn when left out. Scene i, from 0, has seed + i'),
  async: laxFlag.default(false).describe('Answer 202 with the task at once, as with `Prefer: respond-async`'),
};

/** What POST /generate takes. Unknown fields are ignored. */
export const pictureRequest = z.object({
  prompt: prompt.describe('What the picture is to show'),
  num_inference_steps: steps
    .default(DEFAULT_STEPS)
    .describe('Repeated in the answer; image providers choose the number of their steps themselves'),
  return_base64: laxFlag.default(false).describe('Answer with JSON instead of the file'),
  ...common,
});
export type PictureRequest = z.infer<typeof pictureRequest>;

const videoFields = z.object({
  scenes: z.array(prompt).describe('What happens, one text for each scene; at least two'),
  hero_description: z.string().max(MAX_PROMPT).default('').describe('Put before every scene, with a comma'),
  num_inference_steps: steps
    .optional()
    .describe(
      'Sampler steps of animated scenes, a preset’s or the model’s own number when left out; without effect on stills',
    ),
  duration_per_scene: laxPositive(3600).default(3).describe('Seconds of a scene without the transitions'),
  fps: laxInteger(1, 240).default(24).describe('Frames a second'),
  width: laxEvenInteger(64, 2048).default(512).describe('Pixels, an even number'),
  height: laxEvenInteger(64, 2048).default(512).describe('Pixels, an even number'),
  transition_frames: laxInteger(0, 1000)
    .default(12)
    .describe('Frames of the crossfade inserted between two scenes'),
  animate: laxFlag.default(false).describe('Make a clip of each scene’s picture instead of holding it still'),
  ...common,
});

/**
 * What POST /generate-video and /generate-video/info take with a model. Further fields of a clip are those of animated
 * scenes; unknown fields are ignored.
 */
export const videoRequest = (manifest: ModelManifest) => videoFields.extend(furtherFields(manifest));
export type VideoRequest = z.infer<ReturnType<typeof videoRequest>>;

/** A request for a video that was checked, and what follows from it. */
export interface AskedStory {
  readonly request: VideoRequest;
  /** As the image provider gets them. */
  readonly prompts: readonly string[];
  readonly plan: StoryPlan;
}

/** @throws ServiceError 422 with every fault */
export function readPictureRequest(body: JsonBody): PictureRequest {
  const parsed = pictureRequest.safeParse(body);
  if (!parsed.success) throw unprocessable(schemaFaults(parsed.error, body));
  return parsed.data;
}

/** Reads a body. @throws ServiceError 422 with what is wrong, or 400 for fewer than two scenes */
export function createVideoReader(
  manifest: ModelManifest,
  maxScenes: number,
): (body: JsonBody) => AskedStory {
  const schema = videoRequest(manifest);
  return (body) => {
    const parsed = schema.safeParse(body);
    if (!parsed.success) throw unprocessable(schemaFaults(parsed.error, body));
    const request = parsed.data;
    const { scenes } = request;
    if (scenes.length < 2) throw invalidRequest('At least 2 scenes required', { field: 'scenes' });
    if (scenes.length > maxScenes) throw unprocessable([lengthFault('scenes', maxScenes, scenes)]);
    return { request, prompts: finalPrompts(request), plan: checkedPlan(request) };
  };
}

/** Whether the hero is put before the scenes. */
export const hasHero = ({ hero_description: hero }: Pick<VideoRequest, 'hero_description'>): boolean =>
  hero.trim() !== '';

function finalPrompts(request: VideoRequest): readonly string[] {
  const { hero_description: hero, scenes } = request;
  if (!hasHero(request)) return scenes;
  return scenes.map((scene, i) => {
    const final = `${hero}, ${scene}`;
    if (final.length <= MAX_PROMPT) return final;
    const message = `hero_description and scene together must have at most ${MAX_PROMPT} characters, not ${final.length}`;
    throw unprocessable([ruleFault(['scenes', i], message, scene)]);
  });
}

function checkedPlan(request: VideoRequest): StoryPlan {
  const { scenes, duration_per_scene: seconds, fps, width, height, transition_frames } = request;
  const plan = planStory({
    scenes: scenes.length,
    secondsPerScene: seconds,
    fps,
    transitionFrames: transition_frames,
  });
  const most = Math.min(MAX_FRAMES, Math.floor(MAX_VOLUME / (width * height)));
  if (plan.framesPerScene < 1) {
    const message = `a scene must have at least one frame: ${seconds} s at ${fps} frames a second has none`;
    throw unprocessable([ruleFault(['duration_per_scene'], message, seconds)]);
  }
  if (plan.totalFrames > most) {
    const message = `the video may have at most ${most} frames at ${width}x${height}, not ${plan.totalFrames}`;
    throw unprocessable([ruleFault(['duration_per_scene'], message, seconds)]);
  }
  return plan;
}
